package ledger

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/machine"
)

// inBubble runs a test in a bubble of its own, for each kind of store: time passes
// when there is nothing else to do.
func inBubble(t *testing.T, f func(t *testing.T, store machine.Store)) {
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, machine.NewMemoryStore()) })
	})
	t.Run("files", func(t *testing.T) {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			s, err := machine.NewFileStore(dir)
			if err != nil {
				t.Fatal(err)
			}
			f(t, s)
		})
	})
}

// TestAway: an instance that is put away comes back with everything.
func TestAway(t *testing.T) {
	inBubble(t, func(t *testing.T, store machine.Store) {
		w := open(t, store, machine.WithIdle(time.Minute))
		w.deliver("a", "1", &Add{N: 2})
		w.deliver("a", "2", &Pause{})
		w.deliver("a", "3", &Add{N: 3}) // deferred
		w.deliver("a", "4", &Add{N: 4})
		time.Sleep(5 * time.Minute)
		w.deliver("a", "1", &Add{N: 2}) // all again
		w.deliver("a", "3", &Add{N: 3})
		w.expect("a", "paused", 0, 0)
		time.Sleep(5 * time.Minute)
		w.deliver("a", "5", &Resume{})
		w.deliver("a", "4", &Add{N: 4})
		w.expect("a", "open.active", 3, 9)
		if got := w.added("a"); !slices.Equal(got, numbers(3)) {
			t.Errorf("heard %v", got)
		}
		w.close()
	})
}

// TestDelaysWhileAway: an after and a send that pass while the instance is away
// bring it back, at their time and in their order.
func TestDelaysWhileAway(t *testing.T) {
	inBubble(t, func(t *testing.T, store machine.Store) {
		w := open(t, store, machine.WithIdle(time.Second))
		began := time.Now()
		w.send("a", &Add{N: 1}, &Remind{In: 5 * time.Minute}, &Remind{In: 3 * time.Minute})
		for i, at := range []time.Duration{3, 5, 10} {
			time.Sleep(time.Until(began.Add(at*time.Minute - time.Nanosecond)))
			synctest.Wait()
			if n := w.count(); n != 2+i {
				t.Errorf("before %d minutes %s were heard", at, w.topics())
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if n := w.count(); n != 3+i+i/2 {
				t.Errorf("after %d minutes %s were heard", at, w.topics())
			}
		}
		w.expect("a", "open.dozing", 1, 1)
		w.close()
	})
}

// TestDelaysWhileClosed: what passed while no host was there has passed before
// anything else when there is one again, the first first.
func TestDelaysWhileClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, store machine.Store) {
		w := open(t, store)
		w.send("a", &Add{N: 1}, &Remind{In: time.Minute})
		w.send("b", &Add{N: 1})
		w.close()
		time.Sleep(time.Hour)
		w = open(t, store)
		synctest.Wait()
		if got := w.topics(); got != "a.dozed a.dozed a.open.dozing b.dozed b.open.dozing" &&
			got != "b.dozed b.open.dozing a.dozed a.dozed a.open.dozing" && w.count() != 5 {
			t.Errorf("heard %s", got)
		}
		w.close()

		w = newWorld(t, machine.WithStore(store)) // not opened: an event brings it back
		w.send("c", &Add{N: 1}, &Remind{In: time.Minute})
		w.close()
		time.Sleep(time.Hour)
		w = newWorld(t, machine.WithStore(store))
		w.send("c", &Resume{})
		if got := w.topics(); got != "c.dozed c.dozed c.open.dozing c.open.active" {
			t.Errorf("heard %s", got)
		}
		w.close()
	})
}

// TestMax: of too many instances, those that were used last stay.
func TestMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: machine.NewMemoryStore(), loads: map[string]int{}}
		w := open(t, store, machine.WithMax(2), machine.WithIdle(time.Hour))
		for _, key := range []string{"a", "b", "c", "b", "d", "b"} {
			w.send(key, &Add{N: 1})
		}
		if got := fmt.Sprint(store.counts()); got != "map[a:2 b:1 c:2 d:1]" { // those who are put away are looked at
			t.Errorf("loads: %s", got)
		}
		w.close()
	})
}

// TestServices: a service keeps its instance in memory, and begins again after a
// restart, whether anything is sent to the instance or not.
func TestServices(t *testing.T) {
	inBubble(t, func(t *testing.T, store machine.Store) {
		w := open(t, store, machine.WithIdle(0), machine.WithMax(1))
		w.send("a", &Add{N: 7}, &Review{})
		w.send("b", &Add{N: 1})
		if in := <-w.checks; in.Total != 7 {
			t.Error(in)
		}
		time.Sleep(time.Hour)
		w.send("a", &Add{N: 1}) // deferred
		w.close()
		time.Sleep(time.Hour)
		w = open(t, store)
		synctest.Wait()
		if in := <-w.checks; in.Total != 7 {
			t.Error(in)
		}
		w.answer <- nil
		synctest.Wait()
		w.expect("a", "open.active", 2, 8)
		if got := w.topics(); got != "a.reviewed a.open.active a.added" {
			t.Errorf("heard %s", got)
		}
		w.close()
		w = open(t, store)
		synctest.Wait()
		if len(w.checks) > 0 {
			t.Error("a service that has returned began again")
		}
		w.close()
	})
}

// TestFinished: a finished instance takes nothing, and is forgotten in time; then
// there may be a new one, whose messages have other ids.
func TestFinished(t *testing.T) {
	inBubble(t, func(t *testing.T, store machine.Store) {
		for _, idle := range []time.Duration{time.Second, 10 * time.Hour} { // away, or in memory
			w := open(t, store, machine.WithRetain(time.Hour), machine.WithIdle(idle))
			w.deliver("a", "1", &Add{N: 1})
			w.deliver("a", "2", &Close{})
			time.Sleep(time.Hour - time.Nanosecond)
			w.deliver("a", "3", &Add{N: 1})
			w.expect("a", "closed", 0, 0)
			w.close()
			w = open(t, store, machine.WithRetain(time.Hour), machine.WithIdle(idle))
			w.expect("a", "closed", 0, 0)
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			w.deliver("a", "1", &Add{N: 5})
			w.expect("a", "open.active", 1, 5)
			w.send("a", &Close{})
			time.Sleep(time.Hour)
			synctest.Wait()
			if idle == time.Second {
				if _, err := store.Load(t.Context(), "a"); !errors.Is(err, machine.ErrNotFound) {
					t.Errorf("there is a record: %v", err)
				}
			}
			w.close()
		}
	})
}

// TestLives: the messages of an instance that follows on a forgotten one have ids of
// their own.
func TestLives(t *testing.T) {
	inBubble(t, func(t *testing.T, store machine.Store) {
		w := open(t, store, machine.WithRetain(time.Minute))
		ids := map[string]bool{}
		for range 3 {
			w.send("a", &Add{N: 1}, &Close{})
			time.Sleep(time.Hour)
		}
		for _, m := range w.heard {
			if ids[m.id] {
				t.Errorf("the id %s twice", m.id)
			}
			ids[m.id] = true
		}
		if got := w.added("a"); !slices.Equal(got, []int64{1, 1, 1}) || len(ids) != 12 {
			t.Errorf("heard %s", w.topics())
		}
		w.close()
	})
}

// TestComingAndGoing: each time that an instance is put away its delay waits for it
// once, however often it comes back before.
func TestComingAndGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: machine.NewMemoryStore(), loads: map[string]int{}}
		w := open(t, store, machine.WithRescan(0))
		for range 100 {
			w.send("a", &Add{N: 1})
			time.Sleep(2 * time.Minute)
		}
		if n := store.counts()["a"]; n < 200 { // loaded and put away again and again
			t.Errorf("only %d loads", n)
		}
		time.Sleep(10 * time.Minute)
		before := store.counts()["a"]
		time.Sleep(24 * time.Hour)
		if n := store.counts()["a"]; n != before {
			t.Errorf("%d more loads, for delays that have passed", n-before)
		}
		w.close()
	})
}
