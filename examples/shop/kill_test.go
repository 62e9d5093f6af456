package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
)

// victim is who is killed on the way, and started again.
type victim string

const (
	bank   victim = "bank" // one of two
	depot  victim = "depot"
	web    victim = "web"
	broker victim = "broker"
)

// TestKilled kills processes of the shop, and the broker, while orders are under way. The
// tallies add up as if nothing had been: every order has come to its end, with its own papers,
// and was settled once; the depot has seen each change of each, in order. With
// XSGEN_ORDERS, which is how many orders there are, everybody is killed, but not both ends of
// unix or zeromq in one run: what waits is in their memory.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds programs")
	}
	xsgen := generator(t)
	orders, whole := wanted(t)
	for _, c := range []struct {
		payment, shipping spot
		some, all         [][]victim // for each run
	}{
		{unix, memory, [][]victim{{bank}}, [][]victim{{bank, bank, bank}, {web}}},
		{zeromq, memory, [][]victim{{bank}}, [][]victim{{bank, bank, bank}, {web}}},
		{unix, amqp, [][]victim{{depot}}, [][]victim{{bank, broker, depot}, {broker, depot, web}}},
		{zeromq, amqp, [][]victim{{web}}, [][]victim{{bank, broker, depot}, {broker, depot, web}}},
	} {
		t.Run(fmt.Sprintf("payment %s, shipping %s", c.payment, c.shipping), func(t *testing.T) {
			s := newStage(t, c.payment, c.shipping, "profiles:\n", fmt.Sprintf("profiles:\n  counters: {concurrency: %d}\n", tellers),
				"sends: place, to: order", "sends: place, to: order, profile: counters")
			s.build(t, xsgen)
			runs := c.some
			if whole {
				runs = c.all
			}
			for _, victims := range runs {
				t.Run(fmt.Sprint(victims), func(t *testing.T) { s.survive(t, orders, victims) })
			}
		})
	}
}

// wanted is how many orders are placed, and whether everybody is to be killed.
func wanted(t *testing.T) (orders int, whole bool) {
	text := os.Getenv("XSGEN_ORDERS")
	if text == "" {
		return 600, false
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n, true
}

// ended counts the orders that have come to their ends.
func ended(journal []byte) int { return bytes.Count(journal, []byte(`"Done":true`)) }

// stuck counts the orders that are placed, and whose charge has not arrived. If all are placed
// there will be no more of them.
func stuck(orders int) func(journal []byte) int {
	return func(journal []byte) int {
		placed := bytes.Count(journal, []byte(`"cart"`))
		if placed == orders {
			return orders
		}
		return placed - bytes.Count(journal, []byte(`"paying"`))
	}
}

// survive runs the shop in processes, and kills each victim, at equal distances. First both
// banks are killed while a hundred orders wait for their answers, unless the web is a victim:
// an answer that it has taken, and not handled, would be with nobody if both ends of the link
// had been killed, at whatever times. Orders that need not survive their own process are kept in
// memory: on a disk they would be so slow that nobody had much to do.
func (s *stage) survive(t *testing.T, orders int, victims []victim) {
	data := t.TempDir()
	seen := filepath.Join(data, screenFile)
	depots := s.start(t, "-node", "depot", "-data", data)
	banks := []*proc{s.start(t, "-node", "bank"), s.start(t, "-node", "bank", "-replica", "1")}
	for _, p := range append(banks, depots) {
		p.ready(t)
	}
	selling := []string{"-node", "web", "-orders", fmt.Sprint(orders), "-at-once", fmt.Sprint(orders), "-within", "20m"}
	if slices.Contains(victims, web) {
		selling = append(selling, "-data", data)
	}
	webs := s.start(t, selling...)
	if !slices.Contains(victims, web) {
		await(t, seen, ended, 1, webs)
		for _, p := range banks {
			p.halt(t)
		}
		await(t, seen, stuck(orders), tellers, webs)
		banks[0], banks[1] = s.revive(t, banks[0]), s.revive(t, banks[1])
	}
	for i, v := range victims {
		await(t, seen, ended, (i+1)*orders/(len(victims)+1), webs)
		switch v {
		case bank:
			banks[i%2] = s.revive(t, banks[i%2])
		case depot:
			depots = s.revive(t, depots)
		case web:
			webs = s.revive(t, webs)
		case broker:
			restart(t)
		}
	}
	await(t, seen, ended, orders, webs)
	said := webs.output(t)
	for _, p := range append(banks, depots) {
		p.terminate(t)
		said += p.output(t)
	}
	t.Logf("%s%s", &webs.errs, &depots.errs)
	want := fmt.Sprintf(sales, orders, orders*19/20, orders/20, orders, orders)
	if said != want {
		t.Errorf("they say\n%s", said)
	}
}

// tellers is how many orders are placed at the same time.
const tellers = 100

// revive kills a process, and starts another one in its place.
func (s *stage) revive(t *testing.T, p *proc) *proc {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatalf("%s: %v", p.what, err)
	}
	<-p.ended
	if p.result == nil {
		t.Fatalf("%s has ended before it was killed", p.what)
	}
	return s.start(t, p.args...)
}

// halt has a process do nothing until it is killed. It has when this returns.
func (p *proc) halt(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("%s: %v", p.what, err)
	}
	stat := fmt.Sprintf("/proc/%d/stat", p.Process.Pid)
	if _, err := os.Stat(stat); err != nil {
		return // not on this system
	}
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(stat)
		if _, after, _ := bytes.Cut(text, []byte(") ")); bytes.HasPrefix(after, []byte("T")) {
			return
		}
		if err != nil || time.Now().After(until) {
			t.Fatalf("%s does not halt: %v: %s", p.what, err, text)
		}
	}
}

// restart kills the broker, and starts it again.
func restart(t *testing.T) {
	t.Helper()
	b := rabbit.Own(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := errors.Join(b.Kill(), b.Run(ctx)); err != nil {
		t.Fatal(err)
	}
}

// await waits until a file counts enough, to which a process writes. It is patient as long as
// it counts more and more.
func await(t *testing.T, file string, count func([]byte) int, enough int, p *proc) {
	t.Helper()
	patient, last := time.Now().Add(patience), 0
	for ; ; time.Sleep(5 * time.Millisecond) {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		n := count(data)
		switch {
		case n >= enough:
			return
		case n > last:
			patient, last = time.Now().Add(patience), n
		case p.over() || time.Now().After(patient):
			_ = p.Process.Signal(syscall.SIGQUIT) // it says where it stands
			<-p.ended
			t.Fatalf("%s has come to %d of %d in %s: %s", p.what, n, enough, file, &p.errs)
		}
	}
}

// over reports whether the process has ended.
func (p *proc) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
