package ledger

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/machine"
)

// vanish runs a host until it has gone without a word: nothing that it does reaches
// the store or the bus any more.
func vanish(t *testing.T, store machine.Store, begin func(*world)) {
	counting := &countingStore{Store: store}
	w := open(t, counting, machine.WithRescan(0))
	begin(w)
	counting.failing(func(*machine.Record) (error, error) { return errDead, nil })
	w.failing(errDead)
	_ = w.Close(context.WithoutCancel(t.Context()))
}

func (w *world) failing(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = func(message) error { return err }
}

// TestRescan: a host that stays takes over what a host that has gone had to do.
func TestRescan(t *testing.T) {
	for _, c := range []struct {
		name   string
		begin  func(*world)
		rescan time.Duration
		heard  string
		calls  int // of the service
	}{
		{"a delay", func(w *world) { w.send("a", &Add{N: 1}); time.Sleep(2 * time.Minute) }, time.Minute, "a.dozed a.open.dozing", 0},
		{"nobody looks", func(w *world) { w.send("a", &Add{N: 1}); time.Sleep(2 * time.Minute) }, 0, "", 0},
		{"messages", func(w *world) { w.failing(errDisk); w.send("a", &Pause{}) }, time.Minute, "a.open.active a.paused", 0},
		{"a service", func(w *world) { w.send("a", &Review{}) }, time.Minute, "a.open.reviewing", 1},
		{"an instance to forget", func(w *world) { w.send("a", &Close{}); time.Sleep(2 * time.Minute) }, time.Minute, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := machine.NewMemoryStore()
				w := open(t, store, machine.WithRescan(c.rescan))
				time.Sleep(5 * time.Minute)
				vanish(t, store, c.begin)
				time.Sleep(25 * time.Hour)
				if got := w.topics(); got != c.heard || len(w.checks) != c.calls {
					t.Errorf("heard %s; %d calls", got, len(w.checks))
				}
				w.close()
				_, err := store.Load(t.Context(), "a")
				if gone := err != nil; gone != (c.name == "an instance to forget") {
					t.Errorf("the record: %v", err)
				}
			})
		})
	}
}

// TestRescanLeaves: what another host works on, or has no reason to touch, is left to
// it; what comes after Close is not looked at.
func TestRescanLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := machine.NewMemoryStore()
		counting := &countingStore{Store: store, loads: map[string]int{}}
		b := open(t, counting)
		a := open(t, store)
		for range 60 {
			a.send("k", &Pause{}, &Resume{})
			time.Sleep(40 * time.Second)
		}
		a.send("k", &Remind{In: 2 * time.Hour}, &Pause{})
		time.Sleep(time.Hour)
		if len(b.heard) > 0 {
			t.Errorf("heard %s", b.topics())
		}
		loads := counting.counts()["k"]
		if loads < 80 || loads > 120 {
			t.Errorf("looked %d times in 100 minutes", loads)
		}
		b.close()
		time.Sleep(time.Hour)
		if n := counting.counts()["k"]; n != loads {
			t.Errorf("looked %d times after Close", n-loads)
		}
		a.close()
	})
}
