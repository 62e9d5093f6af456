package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/snapshot"
)

var errDead = errors.New("the process has ended")

// mortal lets n saves and publishes happen; then nothing does any more. Where late
// is set the last save happens, and nobody learns of it.
type mortal struct {
	left int
	late bool
}

func (m *mortal) Save(*machine.Record) (before, after error) {
	m.left--
	switch {
	case m.left == 0 && m.late:
		return nil, errDead
	case m.left <= 0:
		return errDead, nil
	}
	return nil, nil
}

func (m *mortal) hear(message) error {
	if m.left--; m.left <= 0 {
		return errDead
	}
	return nil
}

// TestEveryCrash ends the process before and after every save and every publish of
// a script in which instances send to themselves, defer, and are sent to by who
// hears them. What was not acknowledged is sent again to a new process.
func TestEveryCrash(t *testing.T) {
	script := []ExternalEvent{&Add{N: 1}, &Again{N: 10}, &Pause{}, &Add{N: 100}, &Add{N: 200}, &Resume{}, &Review{}, &Add{N: 300}, &Pause{}, &Resume{}}
	for _, late := range []bool{false, true} {
		for n := 1; ; n++ {
			m := &mortal{n, late}
			synctest.Test(t, func(t *testing.T) { crashOnce(t, script, m) })
			if m.left > 0 || t.Failed() {
				t.Logf("%d places to end", n)
				break
			}
		}
	}
}

func crashOnce(t *testing.T, script []ExternalEvent, m *mortal) {
	store := &countingStore{Store: machine.NewMemoryStore(), fail: m.Save}
	w := newWorld(t, machine.WithStore(store))
	w.fail = m.hear
	answers(t, w)
	done := 0
	for done < len(script) && w.Deliver(t.Context(), "a", fmt.Sprint("e", done), script[done]) == nil {
		done++
	}
	synctest.Wait()
	left := *m
	store.failing(func(*machine.Record) (error, error) { return errDead, nil })
	w.fail = func(message) error { return errDead }
	_ = w.Close(t.Context())

	second := newWorld(t, machine.WithStore(store.Store))
	answers(t, second)
	if err := second.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	for ; done < len(script); done++ {
		second.deliver("a", fmt.Sprint("e", done), script[done])
	}
	synctest.Wait()
	for range 2 { // the service has begun, and begun again
		second.answer <- nil
		synctest.Wait()
		if active, _ := second.Active(t.Context(), "a"); slices.Equal(active, []State{StateOpenActive}) {
			break
		}
	}
	second.expect("a", "open.active", 8, 641)
	checkHeard(t, []*world{w, second}, "a", 8)
	second.close()
	*m = left
}

// answers has who hears the second and the fourth event emitted send to the
// instance, within its step.
func answers(t *testing.T, w *world) {
	if _, err := bus.SubscribeAny(w.bus, "emit.ledger.+.added", func(ctx context.Context, e *bus.AnyEvent) error {
		if a := e.Value().(*Added); a.Seq == 2 || a.Seq == 4 {
			return w.Deliver(ctx, e.Key(), "answer to "+e.ID(), &Add{N: 10})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// another makes a's record one of another version of the spec.
func another(t *testing.T, store machine.Store, change func(*machine.Snapshot)) {
	t.Helper()
	r, err := store.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Decode(r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	change(s)
	if r.Snapshot, err = snapshot.Encode(s); err != nil {
		t.Fatal(err)
	}
	r.Revision++
	if err := store.Save(t.Context(), "a", r.Revision-1, r); err != nil {
		t.Fatal(err)
	}
}

// TestVersions: an instance of another version of the spec says what differs, and
// is migrated.
func TestVersions(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*machine.Snapshot)
		migrate func(*machine.Snapshot, machine.Shape) error
		want    string // in the error; empty if there is none
	}{
		{"behaviour", func(s *machine.Snapshot) { s.Shape.Behaviour = "x" }, nil, "the behaviour differ"},
		{"states", func(s *machine.Snapshot) { s.Shape.States, s.Active = "x", []string{"gone"} }, nil, "the states differ; there is no state gone"},
		{"only behaviour", func(s *machine.Snapshot) { s.Shape.Behaviour = "x" }, machine.OnlyBehaviour, ""},
		{"not only behaviour", func(s *machine.Snapshot) { s.Shape.Events = "x" }, machine.OnlyBehaviour, "the events differ"},
		{"migrated", func(s *machine.Snapshot) { s.Shape.States, s.Active = "x", []string{"gone"} },
			func(s *machine.Snapshot, _ machine.Shape) error { s.Active = []string{"open.active"}; return nil }, ""},
		{"badly migrated", func(s *machine.Snapshot) { s.Shape.States, s.Active = "x", []string{"gone"} },
			func(*machine.Snapshot, machine.Shape) error { return nil }, "there is no state gone"},
		{"nonsense", func(s *machine.Snapshot) { s.Active = []string{"paused", "closed"} }, nil, "cannot be active together"},
		{"another key", func(s *machine.Snapshot) { s.Key = "b" }, nil, "ledger[b]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := machine.NewMemoryStore()
			w := open(t, store)
			w.send("a", &Add{N: 1})
			w.close()
			another(t, store, c.change)
			w = newWorld(t, machine.WithStore(store))
			if c.migrate != nil {
				w.opts = []machine.Option{machine.WithMigration(c.migrate)}
			}
			err := w.Send(t.Context(), "a", &Add{N: 1})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v", err)
			}
			if c.want == "" {
				w.expect("a", "open.active", 2, 2)
			}
			w.close()
		})
	}
}

// TestBadMakers: who makes instances may panic, or make another one.
func TestBadMakers(t *testing.T) {
	w := newWorld(t)
	for name, make := range map[string]func(string) *Machine{
		"none":        func(string) *Machine { return nil },
		"another key": func(string) *Machine { return New("b", w) },
		"a panic":     func(string) *Machine { panic("no") },
		"a started one": func(key string) *Machine {
			m := New(key, w)
			if err := m.Start(t.Context()); err != nil {
				t.Error(err)
			}
			return m
		},
	} {
		h := NewHost(make)
		for range 2 {
			if err := h.Send(t.Context(), "a", &Add{N: 1}); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if err := h.Close(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.close()
}

// TestDeferredEventsAfterACrash ends the process before and after every save and
// every publish of a script at whose end deferred events are taken, one step each:
// those that were not taken are when the instance is loaded, before anything else.
func TestDeferredEventsAfterACrash(t *testing.T) {
	script := []ExternalEvent{&Add{N: 1}, &Pause{}, &Add{N: 10}, &Add{N: 100}, &Add{N: 1000}, &Resume{}, &Add{N: 10_000}}
	for _, late := range []bool{false, true} {
		for n := 1; ; n++ {
			m := &mortal{n, late}
			synctest.Test(t, func(t *testing.T) {
				store := &countingStore{Store: machine.NewMemoryStore(), fail: m.Save}
				w := newWorld(t, machine.WithStore(store))
				w.fail = m.hear
				done := 0
				for done < len(script) && w.Deliver(t.Context(), "a", fmt.Sprint("e", done), script[done]) == nil {
					done++
				}
				synctest.Wait()
				left := *m
				store.failing(func(*machine.Record) (error, error) { return errDead, nil })
				w.fail = func(message) error { return errDead }
				_ = w.Close(t.Context())

				second := open(t, store.Store)
				synctest.Wait()
				for ; done < len(script); done++ {
					second.deliver("a", fmt.Sprint("e", done), script[done])
				}
				second.expect("a", "open.active", 5, 11_111)
				checkHeard(t, []*world{w, second}, "a", 5)
				for _, m := range second.heard {
					if e, ok := m.value.(*Added); ok && e.Total != []int64{1, 11, 111, 1111, 11_111}[e.Seq-1] {
						t.Errorf("%v was not in order", e)
					}
				}
				second.close()
				*m = left
			})
			if m.left > 0 || t.Failed() {
				t.Logf("%d places to end", n)
				break
			}
		}
	}
}
