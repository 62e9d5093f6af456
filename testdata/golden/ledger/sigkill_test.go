package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSIGKILL kills a process that runs a host over a FileStore, at random moments
// under load, and starts it again; what it has not acknowledged is sent again. There
// are accounts that send to themselves (k), whose sends wait for their time (t), and
// that defer, run a service and finish (m). At the end every step has been run once,
// and all messages were heard, in order, twice only under the same id. XSGEN_KILLS
// says how often, and XSGEN_SEED at which moments.
func TestSIGKILL(t *testing.T) {
	kills, seed := setting("XSGEN_KILLS", 60), setting("XSGEN_SEED", 11)
	p := &parent{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(uint64(seed), 7)), accounts: map[string]*account{}, kinds: map[string]int{}}
	for _, kind := range []string{"k", "k", "k", "k", "t", "t", "m", "m", "m"} {
		key := fmt.Sprint(kind, len(p.accounts))
		p.accounts[key] = &account{key: key, ids: map[string]string{}}
	}
	for range kills {
		p.life(true)
	}
	p.life(false)
	p.check()
	t.Logf("heard: %v", p.kinds)
	t.Logf("%d kills, of them %d with something not acknowledged; %d events, of them %d sent again; %d messages, %d of them heard again",
		kills, p.interrupted, p.events, p.resent, p.heard, p.repeated)
	if kills >= 60 && (p.resent == 0 || p.repeated == 0) {
		t.Error("no kill came between a step and its acknowledgement, or a publish and its end")
	}
}

func setting(name string, normal int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return normal
}

// account is what the parent knows of a key.
type account struct {
	key    string
	events []string // kind and number
	acked  int
	sent   int // to the process that runs

	seq, total int64             // of what was emitted last
	state      int64             // the number of the last state change
	dozed      int               // delays that have passed
	closed     int               // messages to the role
	ids        map[string]string // what was heard, by id
	last       [2]int64          // the latest id: revision and index
}

// wants are the steps that were asked for, their sum, and the delays.
func (a *account) wants() (seq, total int64, delays int) {
	for _, e := range a.events {
		kind, n, _ := strings.Cut(e, " ")
		switch kind {
		case "add":
			seq, total = seq+1, total+number(n)
		case "again":
			seq, total = seq+2, total+2*number(n)
		case "remind":
			delays++
		}
	}
	return seq, total, delays
}

// next is an event for the account, of those of its kind.
func (a *account) next(random *rand.Rand) string {
	kinds := map[byte][]string{
		'k': {"add", "add", "add", "again"}, 't': {"add", "remind"},
		'm': {"add", "add", "add", "pause", "resume", "resume", "review"},
	}[a.key[0]]
	return fmt.Sprint(kinds[random.IntN(len(kinds))], " ", random.IntN(1000))
}

// parent starts, feeds, hears and kills processes.
type parent struct {
	t        *testing.T
	dir      string
	random   *rand.Rand
	accounts map[string]*account
	in       io.Writer
	finals   int
	kinds    map[string]int // of what was heard

	events, resent, heard, repeated, interrupted int
}

// window is the number of events of a key that are under way.
const window = 4

// life is that of one process: killed after some lines of output, or some time, or
// left to end once everything is acknowledged and heard.
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
		if !kill {
			p.finish(a)
		}
	}
	lines := 0
	if kill {
		lines = 1 + p.random.IntN(80)
		if p.random.IntN(2) == 0 { // at any moment, perhaps while it starts
			lines = math.MaxInt
			time.AfterFunc(time.Duration(p.random.IntN(120_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
	}
	p.listen(cmd, in, out, lines)
	if err := cmd.Wait(); (err == nil) == kill {
		p.t.Fatalf("the process ended with %v", err)
	}
}

// silence is how long a process may say nothing. Then it has lost something, and
// is ended in such a way that it says what its goroutines do.
const silence = 20 * time.Second

// listen reads what the process says until it ends, and kills it after a number of
// lines, unless that is 0.
func (p *parent) listen(cmd *exec.Cmd, in io.Closer, out io.Reader, lines int) {
	r, kill := bufio.NewReader(out), lines > 0
	quiet := time.AfterFunc(silence, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer func() {
		if !quiet.Stop() {
			p.report()
		}
	}()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
				p.t.Error(err)
			}
			break // a line without an end is not one
		}
		quiet.Reset(silence)
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
			a.events = append(a.events, a.next(p.random))
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
	p.kinds[words[0]]++
	switch words[0] {
	case "reply": // of steps that have been published
		if number(words[2]) > a.seq {
			p.t.Errorf("%s had emitted %d, and says %v", a.key, a.seq, words)
		}
	case "ack":
		if want := fmt.Sprintf("%s-%d", a.key, a.acked); words[2] != want {
			p.t.Errorf("%s was acknowledged before %s", words[2], want)
		}
		a.acked++
		p.feed(a, more)
	case "sum":
		p.finals++
		if number(words[2]) != a.seq || number(words[3]) != a.total {
			p.t.Errorf("%s has %v at the end, and %d, %d was heard", a.key, words, a.seq, a.total)
		}
	default:
		p.message(a, words)
	}
	if !more {
		p.finish(a)
	}
}

// finish has an account of the kind m go on until nothing of it waits, and then close.
func (p *parent) finish(a *account) {
	if a.key[0] != 'm' || a.acked < len(a.events) {
		return
	}
	last := ""
	if len(a.events) > 0 {
		last, _, _ = strings.Cut(a.events[len(a.events)-1], " ")
	}
	seq, _, _ := a.wants()
	switch {
	case last == "close":
		return
	case last != "resume":
		a.events = append(a.events, "resume 1")
	case a.seq == seq:
		a.events = append(a.events, "close 1")
	}
	p.feed(a, false)
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// message checks that what is heard is the next message, or one that was heard before.
func (p *parent) message(a *account, words []string) {
	p.heard++
	id, it := words[2], strings.Join(words, " ")
	if before, ok := a.ids[id]; ok {
		if p.repeated++; before != it {
			p.t.Errorf("%q was %q before", it, before)
		}
		return
	}
	a.ids[id] = it
	var at [2]int64
	if n, err := fmt.Sscanf(id, "ledger/"+a.key+"/%d/%d", &at[0], &at[1]); n != 2 || err != nil || slices.Compare(at[:], a.last[:]) <= 0 {
		p.t.Errorf("%q comes after %d", it, a.last)
	}
	a.last = at
	switch words[0] {
	case "emit":
		if a.seq++; number(words[3]) != a.seq {
			p.t.Errorf("%q is not the %dth", it, a.seq)
		}
		a.total = number(words[4])
	case "state":
		if a.state++; number(words[3]) != a.state {
			p.t.Errorf("%q is not the %dth", it, a.state)
		}
	case "dozed":
		a.dozed++
	case "closed":
		if a.closed++; number(words[3]) != a.total {
			p.t.Errorf("%q, and the sum is %d", it, a.total)
		}
	case "other":
		p.t.Errorf("%q", it)
	}
}

// complete reports whether everything that was sent has been acknowledged, and had
// its effect.
func (a *account) complete() bool {
	seq, _, delays := a.wants()
	return a.acked == len(a.events) && a.seq == seq && a.dozed == delays && (a.key[0] != 'm' || a.closed == 1)
}

// report says what has been waited for in vain.
func (p *parent) report() {
	for _, a := range p.accounts {
		if seq, _, delays := a.wants(); !a.complete() {
			p.t.Errorf("%s: %d of %d acknowledged, %d of %d emitted, %d of %d delays, %d closed; the last events are %v",
				a.key, a.acked, len(a.events), a.seq, seq, a.dozed, delays, a.closed, a.events[max(len(a.events)-10, 0):])
		}
	}
}

// done reports whether all accounts are complete.
func (p *parent) done() bool {
	for _, a := range p.accounts {
		if !a.complete() {
			return false
		}
	}
	return true
}

// check compares what was heard with what was sent.
func (p *parent) check() {
	for _, a := range p.accounts {
		seq, total, delays := a.wants()
		if a.dozed != delays || a.key[0] == 'm' && a.closed != 1 {
			p.t.Errorf("%s: %d delays for %d, closed %d times", a.key, a.dozed, delays, a.closed)
		}
		if a.seq != seq || a.total != total {
			p.t.Errorf("%s: %d steps with the sum %d were asked for, %d with %d were heard", a.key, seq, total, a.seq, a.total)
		}
	}
	if p.finals != 6 { // those that are not closed
		p.t.Errorf("%d accounts were there at the end", p.finals)
	}
}
