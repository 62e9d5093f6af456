package desk

import (
	"bufio"
	"fmt"
	"io"
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

// TestSIGKILL kills a process that runs desks with errands and helpers over a
// FileStore, at random moments under load, and starts it again; what it has not
// acknowledged is sent again. At the end every step of every machine has been run
// once, and all messages were heard, in order, twice only under the same id.
// XSGEN_KILLS says how often, and XSGEN_SEED at which moments.
func TestSIGKILL(t *testing.T) {
	kills, seed := setting("XSGEN_KILLS", 60), setting("XSGEN_SEED", 5)
	k := &killer{t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(uint64(seed), 3)), desks: map[string]*desk{}, kinds: map[string]int{}}
	for n := range 8 {
		key := fmt.Sprint("d", n)
		k.desks[key] = &desk{k: k, key: key, ids: map[string]string{}}
	}
	for range kills {
		k.life(true)
	}
	k.life(false)
	for _, d := range k.desks {
		if !d.complete() {
			t.Error(d)
		}
	}
	t.Logf("heard: %v", k.kinds)
	t.Logf("%d kills; %d events, of them %d sent again; %d messages, %d of them heard again", kills, k.events, k.resent, k.heard, k.repeated)
	if kills >= 60 && (k.resent == 0 || k.repeated == 0) {
		t.Error("no kill came between a step and its acknowledgement, or a publish and its end")
	}
}

func setting(name string, normal int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return normal
}

// killer starts, feeds, hears and kills processes.
type killer struct {
	t      *testing.T
	dir    string
	random *rand.Rand
	desks  map[string]*desk
	in     io.Writer
	last   bool           // the process that runs is not killed
	kinds  map[string]int // of what was heard

	events, resent, heard, repeated int
}

// life is that of one process: killed after some lines of output, or some time, or
// left to end once everything is acknowledged and heard.
func (k *killer) life(kill bool) {
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), processDir+"="+k.dir), os.Stderr
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if inErr != nil || outErr != nil {
		k.t.Fatal(inErr, outErr)
	}
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.in, k.last = in, !kill
	lines := -1
	if kill && k.random.IntN(2) == 0 {
		lines = 1 + k.random.IntN(80)
	} else if kill {
		time.AfterFunc(time.Duration(k.random.IntN(120_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
	}
	for _, d := range k.desks {
		k.resent += d.sent - d.acked
		d.sent = d.acked
		d.feed()
	}
	k.listen(cmd, in, out, lines)
	if err := cmd.Wait(); (err == nil) == kill {
		k.t.Fatalf("the process ended with %v", err)
	}
}

// silence is how long a process may say nothing. Then it has lost something, and is
// ended in such a way that it says what its goroutines do.
const silence = 20 * time.Second

// listen reads what the process says until it ends, and kills it after some lines.
func (k *killer) listen(cmd *exec.Cmd, in io.Closer, out io.Reader, lines int) {
	quiet := time.AfterFunc(silence, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer quiet.Stop()
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return // a line without an end is not one
		}
		quiet.Reset(silence)
		k.hear(strings.Fields(line))
		if lines--; lines == 0 {
			_ = cmd.Process.Kill() // it may have been killed already
		}
		if k.last && k.done() {
			in.Close() //nolint:errcheck // that it ends is checked
		}
	}
}

func (k *killer) done() bool {
	for _, d := range k.desks {
		if !d.complete() {
			return false
		}
	}
	return true
}

func (k *killer) hear(words []string) {
	if words[0] == "ack" {
		d := k.desks[words[1]]
		d.acked++
		d.feed()
		return
	}
	d := k.desks[strings.Split(words[1], "/")[1]]
	k.heard++
	k.kinds[words[2]]++
	it := strings.Join(words[2:], " ")
	if before, ok := d.ids[words[1]]; ok {
		if k.repeated++; before != it {
			k.t.Errorf("%v was %q before", words, before)
		}
		return
	}
	d.ids[words[1]] = it
	n, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		k.t.Errorf("%v: %v", words, err)
	}
	d.hear(words[1], words[2], n)
	d.feed()
}

// desk is what is known of a key.
type desk struct {
	k           *killer
	key         string
	events      []string // kind and number
	acked, sent int      // the latter to the process that runs
	ending      bool     // the errand is to end once nothing of it waits

	worked, wants []int64 // what was heard of the errands, and is to be
	found, looks  int
	ended, ends   []int64
	ids           map[string]string
	at            [2]int64 // the latest id: revision and index
}

func (d *desk) String() string {
	return fmt.Sprintf("%s: %d of %d acknowledged, worked %d of %d, found %d of %d, ended %v of %v; the last events are %v",
		d.key, d.acked, len(d.events), len(d.worked), len(d.wants), d.found, d.looks, len(d.ended), len(d.ends), d.events[max(len(d.events)-8, 0):])
}

// even reports whether all that was sent has had its effect.
func (d *desk) even() bool {
	return d.acked == len(d.events) && len(d.worked) == len(d.wants) && d.found == d.looks && len(d.ended) == len(d.ends)
}

// complete reports whether the last errand has ended as well.
func (d *desk) complete() bool { return d.even() && (len(d.events) == 0 || d.is("finish")) }

// is reports whether an event is the last one.
func (d *desk) is(kind string) bool {
	return len(d.events) > 0 && strings.HasPrefix(d.events[len(d.events)-1], kind)
}

// feed sends the desk's next events: those of before first, and new ones as long as
// there is a kill to come.
func (d *desk) feed() {
	for d.sent < d.acked+4 {
		if d.sent == len(d.events) && !d.more() {
			return
		}
		if _, err := fmt.Fprintf(d.k.in, "%s %s-%d %s\n", d.key, d.key, d.sent, d.events[d.sent]); err != nil {
			return // it is dead
		}
		d.sent++
	}
}

// more makes the next event. Nothing follows on the end of an errand, which ends when
// nothing of it waits, until it has been heard.
func (d *desk) more() bool {
	fresh := len(d.events) == 0 || d.is("finish")
	n := int64(d.k.random.IntN(1000))
	switch dice := d.k.random.IntN(10); {
	case fresh && (!d.even() || d.k.last):
		return false
	case fresh:
		d.add("begin", n)
		d.wants = append(d.wants, n)
	case d.ending && d.even():
		d.ending = false
		d.ends = append(d.ends, d.wants[len(d.wants)-1])
		d.add("finish", 0)
	case d.ending:
		return false
	case dice == 0 || d.k.last:
		d.ending = true
		return d.more()
	case dice == 9 && d.found == d.looks:
		d.looks++
		d.add("look", 0)
	default:
		d.wants = append(d.wants, d.wants[len(d.wants)-1]+n)
		d.add("work", n)
	}
	return true
}

func (d *desk) add(kind string, n int64) {
	d.events = append(d.events, fmt.Sprint(kind, " ", n))
	d.k.events++
}

// hear checks that a message is the next one.
func (d *desk) hear(id, kind string, n int64) {
	var at [2]int64
	if _, err := fmt.Sscanf(id, "desk/"+d.key+"/%d/%d", &at[0], &at[1]); err != nil || slices.Compare(at[:], d.at[:]) <= 0 {
		d.k.t.Errorf("%s comes after %d", id, d.at)
	}
	d.at = at
	got, want := &d.worked, d.wants
	switch {
	case kind == "worked" && n < 0:
		d.found++
		return
	case kind == "failure":
		d.k.t.Errorf("%s is a failure", id)
		return
	case kind == "ended":
		got, want = &d.ended, d.ends
	case kind != "worked":
		return
	}
	i := len(*got)
	if *got = append(*got, n); i >= len(want) || want[i] != n {
		d.k.t.Errorf("%s: %s %d as the %dth of %d", id, kind, n, i, want)
	}
}
