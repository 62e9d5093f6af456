package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/snapshot"
	"github.com/xsgen/xsgen/testdata/golden/errand"
)

// TestPutAway: an instance with what it invokes is put away, and goes on where it was:
// by an event, and for the delays of those that it invokes.
func TestPutAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, machine.NewMemoryStore())
		w.send(&Begin{N: 1}, &Work{N: 1})
		time.Sleep(3 * time.Minute)
		if w.latest().Core().Parent() != nil || len(w.latest().Active()) == 0 {
			t.Error("the errand goes on")
		}
		w.send(&Work{N: 10})
		if got := w.counts(); got != "2 errands, 2 helpers, 0 lookups" {
			t.Error(got)
		}
		time.Sleep(7*time.Minute + time.Second) // the errand's delay
		if got := values("emit.errand.told", w); got != "&{N:12}" {
			t.Errorf("the errand's delay: %q", got)
		}
		time.Sleep(50 * time.Minute) // that of the helper, which nobody else wakes
		if got := values("state.helper.over", w); got == "" {
			t.Error("the helper's delay has not passed")
		}
		if got := values("emit.errand.worked", w); got != "&{N:1} &{N:2} &{N:12}" {
			t.Errorf("the errand has worked: %s", got)
		}
		w.close()
	})
}

// TestServiceOfAChild keeps the instance in memory, and begins again with it.
func TestServiceOfAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := machine.NewMemoryStore()
		w := open(t, store)
		w.answer = func(ctx context.Context, _ errand.LookupInput) (errand.LookupOutput, error) {
			<-ctx.Done()
			return errand.LookupOutput{}, ctx.Err()
		}
		w.send(&Begin{N: 1}, &Look{}, &Work{N: 1})
		time.Sleep(5 * time.Minute)
		if got := w.counts(); got != "1 errands, 1 helpers, 1 lookups" {
			t.Error(got)
		}
		w.close()
		w = open(t, store)
		time.Sleep(4 * time.Second)
		if got := w.counts() + ": " + values("emit.errand.worked", w); got != "1 errands, 1 helpers, 1 lookups: &{N:100} &{N:2}" {
			t.Error(got)
		}
		w.close()
	})
}

// TestEndOfAChild ends the process before and after every save of a short script, and
// sends nothing to the next one: what it invoked has ended, and is heard of once.
func TestEndOfAChild(t *testing.T) {
	for n := 1; n < 8; n++ {
		synctest.Test(t, func(t *testing.T) {
			store := &faulty{Store: machine.NewMemoryStore()}
			saves := 0
			store.fail = func() (before, after error) {
				if saves++; saves > n {
					return errDead, nil
				}
				return nil, nil
			}
			w := newWorld(t, machine.WithStore(store))
			w.unbound = true // what it publishes does not bring the instance back
			finished := w.Deliver(t.Context(), "a", "0", &Begin{N: 4}) == nil && w.Deliver(t.Context(), "a", "1", &Finish{}) == nil
			w.fail = func(message) error { return errDead }
			_ = w.Close(t.Context())
			second := open(t, store.Store, machine.WithRescan(0))
			synctest.Wait()
			if got := values("emit.desk.a.ended", w, second); finished && got != "&{N:4}" || !finished && got != "" {
				t.Errorf("%d: %v, %q", n, finished, got)
			}
			second.close()
		})
	}
}

// TestWithinTheTree: who hears what one machine of the tree publishes may send to each
// of them within the step. It waits for nothing.
func TestWithinTheTree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, machine.NewMemoryStore())
		if _, err := bus.SubscribeAny(w.bus, "emit.errand.worked", func(ctx context.Context, e *bus.AnyEvent) error {
			switch e.Value().(*errand.Worked).N {
			case 1:
				return errors.Join(w.Deliver(ctx, "a", "x", &Told{N: 50}), w.latest().Send(ctx, &errand.Work{N: 5}), w.latest().Post(ctx, &errand.Work{N: 6}))
			case 6:
				return w.Send(ctx, "a", &Work{N: 7})
			case 100:
				return w.Send(ctx, "a", &Told{N: 51})
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		w.send(&Begin{N: 1})
		publisher, err := errand.NewPublisher(w.bus) // its steps are of no step of the desk's
		if err := errors.Join(err, publisher.Work(t.Context(), &errand.Work{N: 81})); err != nil {
			t.Error(err)
		}
		if time.Since(began) > 0 {
			t.Error("something has waited")
		}
		if got := values("emit.errand.worked", w); got != "&{N:1} &{N:6} &{N:12} &{N:19} &{N:100}" {
			t.Errorf("the errand has worked: %s", got)
		}
		if got := w.sum(); got != "1 6 0" {
			t.Errorf("it has counted %s", got)
		}
		w.close()
	})
}

// TestOwnTopics: an invoked machine takes events of its own topics, and its senders
// learn of their steps once these are stored.
func TestOwnTopics(t *testing.T) {
	store := &faulty{Store: machine.NewMemoryStore()}
	w := open(t, store)
	w.send(&Begin{N: 1})
	publisher, err := errand.NewPublisher(w.bus)
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Work(t.Context(), &errand.Work{N: 2}); err != nil {
		t.Error(err)
	}
	store.fail = func() (before, after error) { return errDead, nil }
	var failed *machine.StoreError
	if err := w.latest().Send(t.Context(), &errand.Work{N: 100}); !errors.As(err, &failed) || failed.Machine != "desk" || failed.Key != "a" {
		t.Errorf("%v", err)
	}
	if err := w.latest().Send(t.Context(), &errand.Work{N: 100}); !errors.Is(err, machine.ErrStopped) {
		t.Errorf("%v", err)
	}
	store.fail = nil
	w.send(&Work{N: 10})
	if got := values("emit.errand.worked", w); got != "&{N:1} &{N:3} &{N:13}" {
		t.Errorf("the errand has worked: %s", got)
	}
	w.close()
}

// TestFullOutbox: while too much waits to be published, invoked machines take nothing
// either.
func TestFullOutbox(t *testing.T) {
	w := open(t, machine.NewMemoryStore())
	w.send(&Begin{N: 1})
	w.fail = func(message) error { return errDead }
	var err error
	for n := 0; n < machine.MaxOutbox+1 && err == nil; n++ {
		err = w.latest().Send(t.Context(), &errand.Work{N: 1})
	}
	if !errors.Is(err, machine.ErrFull) {
		t.Errorf("%v", err)
	}
	w.fail = nil
	w.close()
}

// TestTwoHostsWithChildren have the same instance in turns: who comes second gives up
// its own, with what that invokes.
func TestTwoHostsWithChildren(t *testing.T) {
	store := machine.NewMemoryStore()
	a, b := open(t, store), open(t, store)
	a.send(&Begin{N: 1}, &Work{N: 1})
	b.send(&Work{N: 10})
	first := a.latest()
	if err := first.Send(t.Context(), &errand.Work{N: 1000}); !errors.Is(err, machine.ErrConflict) {
		t.Errorf("%v", err)
	}
	a.send(&Work{N: 100})
	b.send(&Finish{})
	a.send(&Work{N: 10_000})
	if a.latest() == first {
		t.Error("the errand of another host's past goes on")
	}
	for _, w := range []*world{a, b} {
		if got := w.sum(); got != "112 3 1" {
			t.Errorf("it has counted %s", got)
		}
	}
	if got := values("emit.errand.worked", a, b); got != "&{N:1} &{N:2} &{N:12} &{N:112}" {
		t.Errorf("the errand has worked: %s", got)
	}
	a.close()
	b.close()
}

// TestStoppedChild: somebody stops what the instance has invoked, in a step of it.
func TestStoppedChild(t *testing.T) {
	w := open(t, machine.NewMemoryStore())
	if _, err := bus.SubscribeAny(w.bus, "emit.errand.worked", func(ctx context.Context, e *bus.AnyEvent) error {
		if e.Value().(*errand.Worked).N > 1 {
			return errors.Join(w.latest().Post(ctx, &errand.Look{}), w.latest().Stop(ctx))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.send(&Begin{N: 1}, &Work{N: 1})
	if got := values("emit.desk.a.ended", w); got != "&{N:-1}" {
		t.Errorf("it has heard %q", got)
	}
	w.close()
}

// TestStoppedFromOutside stops errands at any moment, while their desk takes steps.
func TestStoppedFromOutside(t *testing.T) {
	w := open(t, machine.NewMemoryStore())
	w.send(&Begin{N: 1})
	var all sync.WaitGroup
	all.Go(func() {
		for range 50 {
			if err := w.latest().Stop(t.Context()); err != nil {
				t.Error(err)
			}
			w.send(&Begin{N: 1})
		}
	})
	for n := range 500 {
		events := []ExternalEvent{&Work{N: 1}, &Nudge{}}
		if n%100 == 99 {
			events = append(events, &Look{}, &Cancel{}, &Begin{N: 1})
		}
		for _, e := range events {
			if err := w.Send(t.Context(), "a", e); err != nil && !errors.Is(err, machine.ErrStopped) {
				t.Error(err)
			}
		}
	}
	all.Wait()
	if got := values("emit.desk.a.ended", w); !strings.Contains(got, "-1") {
		t.Errorf("no errand has been stopped: %s", got)
	}
	w.close()
}

// TestChildThatCannotBeMade is what the instance takes onError for, once.
func TestChildThatCannotBeMade(t *testing.T) {
	w := open(t, machine.NewMemoryStore())
	w.broken = errors.New("no")
	w.send(&Begin{N: 1})
	w.broken = nil
	w.send(&Begin{N: 1}, &Finish{})
	if got := values("emit.desk.a.ended", w); got != "&{N:-1} &{N:1}" {
		t.Errorf("it has heard %q", got)
	}
	w.close()
}

// TestDroppedWithin closes the host while a step publishes, and somebody who hears it
// has sent to the machine that it is of: the message is published again, and the
// event sent again.
func TestDroppedWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := machine.NewMemoryStore()
		w := open(t, store)
		var once sync.Once
		closing := make(chan struct{})
		answer := func(w *world) {
			if _, err := bus.SubscribeAny(w.bus, "emit.errand.worked", func(ctx context.Context, e *bus.AnyEvent) error {
				if e.Value().(*errand.Worked).N != 2 {
					return nil
				}
				err := w.latest().Send(ctx, &errand.Work{N: 5})
				once.Do(func() {
					close(closing)
					time.Sleep(time.Second)
				})
				return err
			}); err != nil {
				t.Error(err)
			}
		}
		answer(w)
		w.send(&Begin{N: 1})
		done := make(chan struct{})
		go func() {
			defer close(done)
			<-closing
			w.close()
		}()
		_ = w.Send(t.Context(), "a", &Work{N: 1})
		<-done
		second := newWorld(t, machine.WithStore(store))
		answer(second)
		if err := second.Open(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := values("emit.errand.worked", w, second); got != "&{N:1} &{N:2} &{N:7}" {
			t.Errorf("the errand has worked: %s", got)
		}
		second.close()
	})
}

// change changes a's record.
func change(t *testing.T, store machine.Store, f func(*machine.Record, *machine.Snapshot)) {
	t.Helper()
	r, err := store.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Decode(r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	f(r, s)
	if r.Snapshot, err = snapshot.Encode(s); err != nil {
		t.Fatal(err)
	}
	r.Revision++
	if err := store.Save(t.Context(), "a", r.Revision-1, r); err != nil {
		t.Fatal(err)
	}
}

// TestRecords: one of before invoked machines were stored has them begin; one whose
// invoked machine is of another version is refused; and messages of invocations that
// there are not any more are dead.
func TestRecords(t *testing.T) {
	store := machine.NewMemoryStore()
	w := open(t, store)
	w.send(&Begin{N: 1}, &Work{N: 1})
	w.close()

	change(t, store, func(r *machine.Record, s *machine.Snapshot) { s.Invokes[0].Child, r.Due = nil, time.Unix(1, 0) })
	synctest.Test(t, func(t *testing.T) {
		w := open(t, store)
		synctest.Wait()
		if got := values("emit.errand.worked", w); got != "&{N:1}" {
			t.Errorf("the errand has worked: %s", got)
		}
		w.close()
		w = open(t, store)
		w.send(&Work{N: 1})
		if got := values("emit.errand.worked", w); got != "&{N:2}" {
			t.Errorf("the errand has worked: %s", got)
		}
		w.close()
	})

	change(t, store, func(_ *machine.Record, s *machine.Snapshot) { s.Invokes[0].Child.Shape.States = "x" })
	w = open(t, store)
	other := &machine.VersionError{}
	if err := w.Send(t.Context(), "a", &Work{}); !errors.As(err, &other) || other.Machine != "errand" {
		t.Errorf("%v", err)
	}
	w.close()
	change(t, store, func(r *machine.Record, s *machine.Snapshot) {
		s.Invokes[0].Child = nil
		for n, name := range []string{"open.out/errand/emit.worked", "open.out/errand/emit.gone", "open.gone/errand/emit.worked", "open.out/errand/busy.helped/helper/emit.counted"} {
			r.Outbox = append(r.Outbox, machine.Message{ID: fmt.Sprint("desk/a/1/", n), Name: name, Payload: []byte{0x81, 0xa1, 'n', 3}})
		}
	})
	w = open(t, store)
	if got := values("emit.errand.worked", w); !strings.HasPrefix(got, "&{N:3}") {
		t.Errorf("the errand has worked: %s", got)
	}
	if got := values("emit.helper.counted", w); got != "&{N:3}" {
		t.Errorf("the helper has counted: %s", got)
	}
	if got := values("error.desk.a.dead", w); strings.Count(got, "Kind:dead") != 2 || !strings.Contains(got, "Event:open.out/errand/emit.gone") {
		t.Errorf("dead: %s", got)
	}
	w.close()
}

// TestMessagesOfGoneErrands: one machine is made to publish all that one has left.
func TestMessagesOfGoneErrands(t *testing.T) {
	store := machine.NewMemoryStore()
	w := open(t, store)
	w.send(&Begin{N: 1}, &Cancel{})
	w.close()
	change(t, store, func(r *machine.Record, _ *machine.Snapshot) {
		for n := range 6 {
			name := "open.out/errand/emit.worked"
			if n%2 > 0 {
				name = "open.out/errand/busy.helped/helper/emit.counted"
			}
			r.Outbox = append(r.Outbox, machine.Message{ID: fmt.Sprint("desk/a/1/", n), Name: name, Payload: []byte{0x81, 0xa1, 'n', byte(n)}})
		}
	})
	w = open(t, store)
	if got := values("emit.errand.worked", w) + " " + values("emit.helper.counted", w); got != "&{N:0} &{N:2} &{N:4} &{N:1} &{N:3} &{N:5}" {
		t.Errorf("published: %s", got)
	}
	if got := w.counts(); got != "1 errands, 1 helpers, 0 lookups" {
		t.Errorf("there were made %s", got)
	}
	w.close()
	if err := w.latest().Start(t.Context()); !errors.Is(err, machine.ErrStopped) {
		t.Errorf("what was made to publish has not been stopped: %v", err)
	}
}

// TestStoppedWithAService: that an errand has been stopped is heard before its service
// returns, which need not heed its ctx.
func TestStoppedWithAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, machine.NewMemoryStore())
		over := make(chan struct{})
		w.answer = func(context.Context, errand.LookupInput) (errand.LookupOutput, error) {
			<-over
			return errand.LookupOutput{}, nil
		}
		w.send(&Begin{N: 1}, &Look{})
		var all sync.WaitGroup
		all.Go(func() {
			if err := w.latest().Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if got := values("emit.desk.a.ended", w); got != "&{N:-1}" {
			t.Errorf("it has heard %q", got)
		}
		close(over)
		all.Wait()
		w.close()
	})
}

// TestUnboundErrands: machines that are not bound publish nothing, and keep nothing from
// being published.
func TestUnboundErrands(t *testing.T) {
	w := open(t, machine.NewMemoryStore())
	w.unbound = true
	w.send(&Begin{N: 1}, &Work{N: 1}, &Finish{})
	for _, topic := range topics {
		got := values(topic, w)
		if theirs := !strings.Contains(topic, ".desk."); theirs && got != "" || !theirs && got == "" {
			t.Errorf("on %s: %q", topic, got)
		}
	}
	w.close()
}
