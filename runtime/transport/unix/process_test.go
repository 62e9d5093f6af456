//go:build linux || darwin

package unix_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// roleKey is in the environment of the test's binary where it plays another process.
const roleKey = "XSGEN_UNIX_ROLE"

func TestMain(m *testing.M) {
	if text := os.Getenv(roleKey); text != "" {
		var r role
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			panic(err)
		}
		r.play()
		return
	}
	goleak.VerifyTestMain(m)
}

// role is what another process does: it subscribes, writes the ids that it has handled to
// its ledger, and its figures to its output, until its input ends.
type role struct {
	Dir, Node, Name, Group, Ledger string
	Profile                        transport.Profile
	Pause                          time.Duration // after each message
}

func (r *role) play() {
	t, err := unix.New(context.Background(), unix.Config{Dir: r.Dir, Node: r.Node})
	check(err)
	check(t.Status().Await(context.Background(), transport.Ready))
	f, err := os.OpenFile(r.Ledger, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	check(err)
	s, err := t.Subscribe(context.Background(), transport.SubscribeRequest{
		Name: r.Name, Group: r.Group, Patterns: []topic.Pattern{"event.#"}, Profile: r.Profile,
		Receive: func(_ context.Context, d *transport.Delivery) {
			if len(d.Body) < 100 { // padding is not noted
				_, err := f.WriteString(d.ID + "\n")
				check(err)
			}
			time.Sleep(r.Pause)
			check(d.Settle(nil))
		},
	})
	check(err)
	out := json.NewEncoder(os.Stdout)
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(ended) }()
	for {
		check(out.Encode(s.Stats()))
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ended:
			check(t.Close(context.Background()))
			return
		}
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// process is another process that plays a role.
type process struct {
	cmd   *exec.Cmd
	in    io.Closer
	done  sync.WaitGroup
	stats atomic.Pointer[transport.Stats]
}

// start starts a process, and waits until it has subscribed.
func start(tb testing.TB, r role) *process {
	tb.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), roleKey+"="+string(text))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	p.done.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var st transport.Stats
			if json.Unmarshal(lines.Bytes(), &st) == nil {
				p.stats.Store(&st)
			}
		}
	})
	tb.Cleanup(p.kill)
	until(tb, "the other process has subscribed", func() bool { return p.stats.Load() != nil })
	return p
}

func (p *process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// stop has the process do nothing. The signal is on its way for a while, so the end of that
// is awaited.
func (p *process) stop(tb testing.TB) {
	tb.Helper()
	p.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		tb.Fatalf("stopping the process: %v, status %v", err, status)
	}
}

// kill ends the process at once.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	p.done.Wait()
	_ = p.cmd.Wait()
}

// ledger are the ids that were handled, sorted, each once, and how many came again.
func ledger(tb testing.TB, path string) (ids []string, again int) {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	data = data[:strings.LastIndexByte(string(data), '\n')+1]
	all := strings.Fields(string(data))
	ids = slices.Compact(slices.Sorted(slices.Values(all)))
	return ids, len(all) - len(ids)
}

// kills is how often the receiver is killed.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("XSGEN_KILLS")); err == nil {
		return n
	}
	return 4
}

// pauses are for how long it stays away.
func pauses() []time.Duration {
	list := []time.Duration{0, 100 * time.Millisecond}
	if d, err := time.ParseDuration(os.Getenv("XSGEN_AWAY")); err == nil {
		list = append(list, d)
	}
	return list
}

// TestKilled kills the receiver at random moments, with at least a thousand messages under
// way: each that was accepted is handled, and none that was not.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	dir, path := tempDir(t), filepath.Join(tempDir(t), "ledger")
	r := role{Dir: dir, Node: "to", Name: "jobs", Ledger: path, Profile: reliably(), Pause: 50 * time.Microsecond}
	from := open(t, unix.Config{Dir: dir, Node: "from"})
	p := start(t, r)
	accepted, stop := flood(t, from)
	away := pauses()
	for k := range kills() {
		time.Sleep(time.Duration(20+rand.IntN(100)) * time.Millisecond)
		until(t, "a thousand are under way", func() bool { return from.Kept() >= 1000 })
		p.kill()
		time.Sleep(away[k%len(away)])
		p = start(t, r)
	}
	n := stop()
	until(t, "all are settled", func() bool { return from.Kept() == 0 })
	_ = p.in.Close()
	p.done.Wait()
	ids, again := ledger(t, path)
	t.Logf("%d kills, %d messages, %d were handled again", kills(), n, again)
	for i := range n {
		if i >= len(ids) || ids[i] != accepted(i) {
			t.Fatalf("%s was accepted, and not handled; %d of %d were", accepted(i), len(ids), n)
		}
	}
	if len(ids) != n {
		t.Errorf("%d were accepted, and %d handled", n, len(ids))
	}
}

// flood publishes as many messages as are taken until stop is called, which returns how
// many those are.
func flood(tb testing.TB, from *unix.Transport) (name func(int) string, stop func() int) {
	ctx, cancel := context.WithCancel(tb.Context())
	count := make(chan int)
	name = func(i int) string { return fmt.Sprintf("%09d", i) }
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			m := message(n)
			m.ID = name(n)
			if _, err := from.Begin(ctx, m); err != nil {
				break // its ctx has ended: nobody has it
			}
		}
		count <- n
	}()
	return name, func() int { cancel(); return <-count }
}

// TestKilledInAGroup kills one of two processes of a group: the other one gets what it has
// left, also if the publisher closes at once.
func TestKilledInAGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	for name, end := range map[string]func(testing.TB, *unix.Transport){
		"all are settled": func(tb testing.TB, from *unix.Transport) {
			until(tb, "all are settled", func() bool { return from.Kept() == 0 })
		},
		"closed": func(tb testing.TB, from *unix.Transport) {
			if err := from.Close(context.Background()); err != nil {
				tb.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, path := tempDir(t), filepath.Join(tempDir(t), "ledger")
			r := role{Dir: dir, Node: "one", Group: "g", Ledger: path, Profile: reliably(), Pause: 50 * time.Microsecond}
			from := open(t, unix.Config{Dir: dir, Node: "from"})
			one := start(t, r)
			r.Node = "two"
			two := start(t, r)
			accepted, stop := flood(t, from)
			until(t, "a thousand are under way", func() bool { return from.Kept() >= 1000 })
			one.kill()
			n := stop()
			end(t, from)
			_ = two.in.Close()
			two.done.Wait()
			ids, again := ledger(t, path)
			t.Logf("%d messages, %d were handled again", n, again)
			if len(ids) != n || n > 0 && ids[n-1] != accepted(n-1) {
				t.Errorf("%d were accepted, and %d handled", n, len(ids))
			}
		})
	}
}

// TestStopped stops a subscriber: another one gets everything meanwhile, nobody waits, and
// what was dropped for it is counted.
func TestStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	for _, policy := range []transport.Overflow{transport.DropOldest, transport.DropNewest} {
		const n = 20_000
		dir := tempDir(t)
		from, other := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "other"})
		r := role{Dir: dir, Node: "slow", Ledger: filepath.Join(tempDir(t), "ledger"), Profile: transport.Profile{Overflow: policy}}
		slow := start(t, r)
		var b box
		subscribe(t, other, transport.SubscribeRequest{Profile: transport.Profile{Capacity: n}, Receive: b.receive})
		slow.stop(t)
		begun := time.Now()
		for i := range n {
			m := message(i)
			m.Body = make([]byte, 500)
			publish(t, from, m)
		}
		b.wait(t, n)
		if took := time.Since(begun); took > 8*time.Second {
			t.Errorf("policy %d: a process that is stopped has held up the publisher for %v", policy, took)
		}
		slow.signal(syscall.SIGCONT)
		until(t, "all are accounted for", func() bool { return slow.stats.Load().Accepted == n })
		if st := slow.stats.Load(); st.Dropped == 0 || st.Balance() != 0 || st.Gaps != 0 {
			t.Errorf("policy %d: %+v", policy, st)
		}
	}
}

// TestStoppedAndBlocked stops a subscriber whose queue blocks: the publisher waits, says
// why when its time is over, and goes on when the subscriber does.
func TestStoppedAndBlocked(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	dir := tempDir(t)
	from := open(t, unix.Config{Dir: dir, Node: "from"})
	r := role{Dir: dir, Node: "slow", Ledger: filepath.Join(tempDir(t), "ledger"), Profile: transport.Profile{Capacity: 10}}
	slow := start(t, r)
	slow.stop(t)
	for i := range 10 {
		publish(t, from, message(i))
	}
	m := message(10)
	m.Profile = &transport.Profile{PublishTimeout: 20 * time.Millisecond}
	if err := transport.Publish(t.Context(), from, m); err == nil {
		t.Error("an eleventh message was taken by a queue of ten")
	}
	slow.signal(syscall.SIGCONT)
	publish(t, from, message(11))
	until(t, "what was taken came", func() bool { return slow.stats.Load().Handled == 11 })
}
