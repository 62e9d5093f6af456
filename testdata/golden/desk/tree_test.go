package desk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/testdata/golden/errand"
)

// script is what happens to an instance, and to what it invokes.
var script = []ExternalEvent{
	&Begin{N: 1}, &Work{N: 1}, &Work{N: 10}, &Nudge{}, &Look{}, &Work{N: 100}, &Dismiss{}, &Work{N: 1000}, &Finish{},
	&Begin{N: 5}, &Work{N: 2}, &Cancel{}, &Begin{N: 7}, &Work{N: 3},
}

// play delivers the script from an event on, until one fails; delays pass after some
// events, and after the last.
func (w *world) play(from int) (done int) {
	for done = from; done < len(script); done++ {
		if w.Deliver(w.t.Context(), "a", fmt.Sprint("e", done), script[done]) != nil {
			return done
		}
		synctest.Wait()
		switch done {
		case 3, 5: // what it has been nudged to, or looks for
			time.Sleep(time.Minute)
		}
	}
	time.Sleep(11 * time.Minute)
	return done
}

// TestTree plays the script without any trouble.
func TestTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, machine.NewMemoryStore())
		w.play(0)
		for topic, want := range map[string]string{
			"emit.desk.a.ended":   "&{N:1113} &{N:0}",
			"emit.desk.a.heard":   "&{N:2} &{N:12} &{N:13} &{N:113} &{N:7} &{N:10}",
			"emit.errand.worked":  "&{N:1} &{N:2} &{N:12} &{N:13} &{N:1300} &{N:113} &{N:1113} &{N:5} &{N:7} &{N:7} &{N:10}",
			"emit.helper.counted": "&{N:2} &{N:12} &{N:13} &{N:-13} &{N:113} &{N:-113} &{N:7} &{N:-7} &{N:10}",
		} {
			if got := values(topic, w); got != want {
				t.Errorf("%s: %s", topic, got)
			}
		}
		w.close()
	})
}

// TestEventOfAnErrand: what the errand hears on its own topics has its id.
func TestEventOfAnErrand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, machine.NewMemoryStore())
		var published, known string
		if _, err := bus.SubscribeAny(w.bus, "event.errand.look", func(_ context.Context, e *bus.AnyEvent) error {
			published = e.ID()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		w.answer = func(ctx context.Context, in errand.LookupInput) (errand.LookupOutput, error) {
			known = machine.EventID(ctx)
			return errand.LookupOutput{Found: in.N}, nil
		}
		p, err := errand.NewPublisher(w.bus)
		if err != nil {
			t.Fatal(err)
		}
		w.send(&Begin{N: 1})
		if err := p.Look(t.Context(), &errand.Look{}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if published == "" || known != published {
			t.Errorf("the event %q was heard as %q", published, known)
		}
		w.close()
	})
}

var errDead = errors.New("the process has ended")

// TestTreeOverEveryCrash ends the process before and after every save and every
// publish of the script. What was not acknowledged is sent again to a new process.
// Together they publish what one process does, under the same ids where one is
// published twice.
func TestTreeOverEveryCrash(t *testing.T) {
	want := played(t)
	for _, late := range []bool{false, true} {
		for n, left := 1, 0; left <= 0 && !t.Failed(); n++ {
			synctest.Test(t, func(t *testing.T) { left = crash(t, n, late, want) })
			if left > 0 {
				t.Logf("%d places to end", n)
			}
		}
	}
}

// played is what is published where nothing fails, by topic.
func played(t *testing.T) map[string]string {
	want := map[string]string{}
	synctest.Test(t, func(t *testing.T) {
		w := open(t, machine.NewMemoryStore())
		w.play(0)
		for _, topic := range topics {
			if want[topic] = values(topic, w); want[topic] == "" {
				t.Errorf("nothing is published on %s", topic)
			}
		}
		want["sum"] = w.sum()
		w.close()
	})
	return want
}

// TestTreeOverAFailingStore plays the script over a store of which every third save
// fails, before or after it has happened: the instance is given up and loaded again by
// the same host, with what it invokes.
func TestTreeOverAFailingStore(t *testing.T) {
	want := played(t)
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w := open(t, &faulty{Store: machine.NewMemoryStore(), fail: func() (before, after error) {
				switch random.IntN(6) {
				case 0:
					return errDead, nil
				case 1:
					return nil, errDead
				}
				return nil, nil
			}})
			for done := 0; done < len(script); {
				done = w.play(done)
				time.Sleep(20 * time.Second)
			}
			for _, topic := range topics {
				if got := values(topic, w); got != want[topic] {
					t.Errorf("%d: on %s:\n%s\nnot\n%s", seed, topic, got, want[topic])
				}
			}
			w.close()
		})
	}
}

// crash lets n saves and publishes happen; then nothing does any more. Where late is
// set, the last save happens and nobody learns of it. It returns how many were left
// when the script had been played.
func crash(t *testing.T, n int, late bool, want map[string]string) int {
	store := &faulty{Store: machine.NewMemoryStore()}
	left := n
	store.fail = func() (before, after error) {
		switch left--; {
		case left == 0 && late:
			return nil, errDead
		case left <= 0:
			return errDead, nil
		}
		return nil, nil
	}
	w := newWorld(t, machine.WithStore(store))
	w.fail = func(message) error {
		if left--; left <= 0 {
			return errDead
		}
		return nil
	}
	done := w.play(0)
	synctest.Wait()
	atEnd := left
	left = 0
	_ = w.Close(t.Context())

	second := open(t, store.Store)
	time.Sleep(31 * time.Second)
	second.play(done)
	for _, topic := range topics {
		if got := values(topic, w, second); got != want[topic] {
			t.Errorf("%d %v: after %d events, on %s:\n%s\nnot\n%s", n, late, done, topic, got, want[topic])
		}
	}
	if got := second.sum(); got != want["sum"] {
		t.Errorf("%d %v: it has counted %s, not %s", n, late, got, want["sum"])
	}
	second.close()
	return atEnd
}
