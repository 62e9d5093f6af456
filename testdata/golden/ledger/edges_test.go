package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

// TestSentToWhileLoaded: an instance whose delay passed while it was away is sent
// to by who hears of that, in the step, while it is being loaded.
func TestSentToWhileLoaded(t *testing.T) {
	inBubble(t, func(t *testing.T, store machine.Store) {
		w := open(t, store)
		w.send("a", &Add{N: 1}, &Remind{In: time.Minute})
		w.close()
		time.Sleep(5 * time.Minute)
		w = newWorld(t, machine.WithStore(store))
		if _, err := bus.SubscribeAny(w.bus, "emit.ledger.+.dozed", func(ctx context.Context, e *bus.AnyEvent) error {
			return errors.Join(w.Send(ctx, e.Key(), &Add{N: 2}), w.Send(ctx, "b", &Add{N: 1}))
		}); err != nil {
			t.Fatal(err)
		}
		w.send("a", &Add{N: 4})
		w.expect("a", "open.active", 3, 7)
		w.expect("b", "open.active", 1, 1)
		w.close()
	})
}

// stubborn is a service that does not end when it is told to.
type stubborn struct{ end chan struct{} }

func (s stubborn) Check(context.Context, CheckInput) (CheckOutput, error) {
	<-s.end
	return CheckOutput{}, nil
}

// TestStubbornService: a service that goes on after its state was left holds up
// nobody else, and Close for no longer than its ctx.
func TestStubbornService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stubborn{make(chan struct{})}
		w := newWorld(t)
		h := NewHost(func(key string) *Machine { return New(key, s) }, machine.WithMax(1), machine.WithIdle(time.Second))
		for _, e := range []ExternalEvent{&Review{}, &Pause{}} {
			if err := h.Send(t.Context(), "a", e); err != nil {
				t.Error(err)
			}
		}
		began := time.Now()
		for _, key := range []string{"b", "c", "b", "a"} {
			if err := h.Send(t.Context(), key, &Add{N: 1}); err != nil {
				t.Error(err)
			}
		}
		if time.Since(began) > 0 {
			t.Errorf("it took %v", time.Since(began))
		}
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(s.end)
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := h.Send(t.Context(), "a", &Add{N: 1}); !errors.Is(err, machine.ErrStopped) {
			t.Error(err)
		}
		w.close()
	})
}

// TestCloseWithin: who hears a step may close the host; the step is stored.
func TestCloseWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := machine.NewMemoryStore()
		w := open(t, store)
		if _, err := bus.SubscribeAny(w.bus, "emit.ledger.+.added", func(ctx context.Context, _ *bus.AnyEvent) error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return w.host.Close(ctx)
		}); err != nil {
			t.Fatal(err)
		}
		w.deliver("a", "1", &Add{N: 1})
		w.close()
		w = open(t, store)
		w.deliver("a", "1", &Add{N: 1})
		w.expect("a", "open.active", 1, 1)
		w.close()
	})
}

// TestOpenReportsAll: an instance that cannot be read keeps none of the others.
func TestOpenReportsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := machine.NewMemoryStore()
		w := open(t, store)
		w.fail = func(message) error { return errDisk }
		for _, key := range []string{"a", "b", "c"} {
			w.send(key, &Add{N: 1})
		}
		w.close()
		r, err := store.Load(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		r.Snapshot, r.Revision = []byte("nonsense"), r.Revision+1
		if err := store.Save(t.Context(), "b", r.Revision-1, r); err != nil {
			t.Fatal(err)
		}
		w = newWorld(t, machine.WithStore(store))
		if err := w.Open(t.Context()); !errors.Is(err, machine.ErrSnapshot) || !strings.Contains(err.Error(), `"b"`) {
			t.Errorf("%v", err)
		}
		if len(w.added("a")) != 1 || len(w.added("c")) != 1 {
			t.Errorf("heard %s", w.topics())
		}
		w.close()
	})
}

// TestFull: what can be neither processed nor deferred is not acknowledged, and is
// taken later.
func TestFull(t *testing.T) {
	store := machine.NewMemoryStore()
	w := open(t, store, machine.WithHandled(2000))
	w.send("a", &Pause{})
	for i := range machine.MaxDeferred {
		w.deliver("a", fmt.Sprint(i), &Add{N: 1})
	}
	if err := w.Deliver(t.Context(), "a", "one more", &Add{N: 1}); !errors.Is(err, machine.ErrFull) {
		t.Error(err)
	}
	w.send("a", &Resume{})
	w.deliver("a", "one more", &Add{N: 1})
	w.deliver("a", "0", &Add{N: 1})
	w.expect("a", "open.active", machine.MaxDeferred+1, machine.MaxDeferred+1)
	w.close()
}

// TestHandled: of the ids the latest are remembered.
func TestHandled(t *testing.T) {
	w := open(t, machine.NewMemoryStore(), machine.WithHandled(2))
	for _, id := range []string{"1", "2", "3", "2", "1", "1", "3"} { // 3 has gone for 1
		w.deliver("a", id, &Add{N: 1})
	}
	w.expect("a", "open.active", 4, 4)
	w.close()
}
