package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSIGKILL kills a process that runs a host over a FileStore, at random moments
// under load, and starts it again; what it has not acknowledged is sent again. At
// the end every step has been run once, and everything that was emitted was heard,
// in order, twice only under the same id. XSGEN_KILLS says how often.
func TestSIGKILL(t *testing.T) {
	kills := 60
	if n, err := strconv.Atoi(os.Getenv("XSGEN_KILLS")); err == nil {
		kills = n
	}
	p := &parent{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(11, 7)), accounts: map[string]*account{}}
	for k := range 8 {
		p.accounts[fmt.Sprint("k", k)] = &account{key: fmt.Sprint("k", k), ids: map[int64]string{}}
	}
	for range kills {
		p.life(true)
	}
	p.life(false)
	p.check()
	t.Logf("%d kills, of them %d with something not acknowledged; %d events, of them %d sent again; %d messages, %d of them heard again",
		kills, p.interrupted, p.events, p.resent, p.heard, p.repeated)
	if kills >= 60 && (p.resent == 0 || p.repeated == 0) {
		t.Error("no kill came between a step and its acknowledgement, or a publish and its end")
	}
}

// account is what the parent knows of a key.
type account struct {
	key    string
	events []string // kind and number
	acked  int
	sent   int // to the process that runs

	seq, total int64            // of what was heard last
	ids        map[int64]string // of what was heard: id and total, by seq
}

// parent starts, feeds, hears and kills processes.
type parent struct {
	t        *testing.T
	dir      string
	random   *rand.Rand
	accounts map[string]*account
	in       io.Writer
	finals   int

	events, resent, heard, repeated, interrupted int
}

// window is the number of events of a key that are under way.
const window = 4

// life is that of one process: killed after some lines of output, or left to end
// once everything is acknowledged.
func (p *parent) life(kill bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+p.dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.in = in
	for _, a := range p.accounts {
		p.resent += a.sent - a.acked
		a.sent = a.acked
		p.feed(a, kill)
	}
	lines := 0
	if kill {
		lines = 1 + p.random.IntN(80)
		if p.random.IntN(10) == 0 { // while it starts
			time.AfterFunc(time.Duration(p.random.IntN(30))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		}
	}
	p.listen(cmd, in, out, lines)
	if err := cmd.Wait(); (err == nil) == kill {
		p.t.Fatalf("the process ended with %v", err)
	}
}

// listen reads what the process says until it ends, and kills it after a number of
// lines, unless that is 0.
func (p *parent) listen(cmd *exec.Cmd, in io.Closer, out io.Reader, lines int) {
	r, kill := bufio.NewReader(out), lines > 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
				p.t.Error(err)
			}
			break // a line without an end is not one
		}
		p.hear(strings.Fields(line), kill)
		if lines--; lines == 0 {
			_ = cmd.Process.Kill() // it may have been killed already
		}
		if !kill && p.done() {
			in.Close() //nolint:errcheck // that it ends is checked
		}
	}
	if !p.done() {
		p.interrupted++
	}
}

// feed sends the account's next events: those of before first, and new ones as long
// as there is a kill to come.
func (p *parent) feed(a *account, more bool) {
	for a.sent < a.acked+window {
		if a.sent == len(a.events) {
			if !more {
				return
			}
			kind := "add"
			if p.random.IntN(4) == 0 {
				kind = "again"
			}
			a.events = append(a.events, fmt.Sprintf("%s %d", kind, p.random.IntN(1000)))
			p.events++
		}
		if _, err := fmt.Fprintf(p.in, "%s %s-%d %s\n", a.key, a.key, a.sent, a.events[a.sent]); err != nil {
			return // it is dead
		}
		a.sent++
	}
}

func (p *parent) hear(words []string, more bool) {
	a := p.accounts[words[1]]
	switch words[0] {
	case "ack":
		if want := fmt.Sprintf("%s-%d", a.key, a.acked); words[2] != want {
			p.t.Errorf("%s was acknowledged before %s", words[2], want)
		}
		a.acked++
		p.feed(a, more)
	case "emit":
		p.emitted(a, words[2], number(words[3]), number(words[4]))
	case "sum":
		p.finals++
		if number(words[2]) != a.seq || number(words[3]) != a.total {
			p.t.Errorf("%s has %v at the end, and %d, %d was heard", a.key, words, a.seq, a.total)
		}
	}
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// emitted checks that what is heard is the next one, or is what was heard before.
func (p *parent) emitted(a *account, id string, seq, total int64) {
	p.heard++
	it := fmt.Sprint(id, " ", total)
	switch before := a.ids[seq]; {
	case before == "" && seq == a.seq+1:
		a.ids[seq], a.seq, a.total = it, seq, total
	case before == it:
		p.repeated++
	default:
		p.t.Errorf("%s: %d is %s; before it was %q, and the last was %d", a.key, seq, it, before, a.seq)
	}
}

// done reports whether everything is acknowledged.
func (p *parent) done() bool {
	for _, a := range p.accounts {
		if a.acked < len(a.events) {
			return false
		}
	}
	return true
}

// check compares what was heard with what was sent.
func (p *parent) check() {
	for _, a := range p.accounts {
		var seq, total int64
		for _, e := range a.events {
			kind, n, _ := strings.Cut(e, " ")
			times := int64(1)
			if kind == "again" {
				times = 2
			}
			seq, total = seq+times, total+times*number(n)
		}
		if a.seq != seq || a.total != total {
			p.t.Errorf("%s: %d steps with the sum %d were asked for, %d with %d were heard", a.key, seq, total, a.seq, a.total)
		}
	}
	if p.finals != len(p.accounts) {
		p.t.Errorf("%d accounts were there at the end", p.finals)
	}
}
