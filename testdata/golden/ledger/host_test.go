package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

// TestCreation: an event creates an instance if the initial configuration has a
// transition for it; no request does.
func TestCreation(t *testing.T) {
	store := machine.NewMemoryStore()
	w := open(t, store)
	defer w.close()
	if _, err := w.RequestSum(t.Context(), "a", &Sum{}); !errors.Is(err, machine.ErrUnhandled) {
		t.Errorf("a request: %v", err)
	}
	w.send("a", &Resume{}) // open.dozing has a transition, open.active has not
	w.deliver("a", "id", &Resume{})
	w.expect("a", "", 0, 0)
	w.send("a", &Add{N: 3})
	w.expect("a", "open.active", 1, 3)
	w.send("b", &Pause{})
	w.expect("b", "paused", 0, 0)
	for _, key := range []string{"", strings.Repeat("k", 250), strings.Repeat("/", 80)} {
		if err := w.Send(t.Context(), key, &Add{N: 1}); err == nil {
			t.Errorf("the key %q was accepted", key)
		}
	}
	for key := range store.All(t.Context()) {
		if key != "a" && key != "b" {
			t.Errorf("there is a record of %q", key)
		}
	}
}

// TestParallel: keys run in parallel, and the events of one key in order, whoever
// sends them, with instances coming and going all the time.
func TestParallel(t *testing.T) {
	const keys, senders, each = 20, 8, 50
	store := machine.NewMemoryStore()
	w := open(t, store, machine.WithMax(5))
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(s), 1))
			for n := range each * keys {
				key := fmt.Sprint("k", (n+s)%keys)
				if r.IntN(2) == 0 {
					w.deliver(key, fmt.Sprintf("%d-%d", s, n), &Add{N: 1})
				} else {
					w.send(key, &Add{N: 1})
				}
			}
		})
	}
	all.Wait()
	if w.again > 0 {
		t.Errorf("%d were heard twice", w.again)
	}
	for k := range keys {
		key := fmt.Sprint("k", k)
		w.expect(key, "open.active", senders*each, senders*each)
		if got := w.added(key); !slices.Equal(got, numbers(senders*each)) {
			t.Errorf("%s: %v", key, got)
		}
	}
	w.close()
}

// TestCloseUnderLoad closes the host twice while everybody sends: what was
// acknowledged is there afterwards, and nothing more than was sent.
func TestCloseUnderLoad(t *testing.T) {
	for seed := range uint64(20) {
		store := machine.NewMemoryStore()
		w := open(t, store, machine.WithMax(2))
		var mu sync.Mutex
		var all sync.WaitGroup
		done := map[string]int64{}
		for s := range 6 {
			key := fmt.Sprint("k", s%3)
			all.Go(func() {
				for {
					if err := w.Send(t.Context(), key, &Add{N: 1}); err != nil {
						if !errors.Is(err, machine.ErrStopped) {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					done[key]++
					mu.Unlock()
				}
			})
		}
		all.Go(func() {
			for range rand.New(rand.NewPCG(seed, 2)).IntN(2000) {
				_, _ = w.Active(t.Context(), "k1")
			}
			w.close()
		})
		all.Wait()
		w.close()
		again := open(t, store)
		for key, n := range done {
			again.expect(key, "open.active", n, n)
			if got := w.added(key); !slices.Equal(got, numbers(n)) {
				t.Errorf("%s: of %d, %v were heard", key, n, got)
			}
		}
		again.close()
	}
}

// TestSendsToItself: what an instance sends to itself by a step, and what who hears
// it sends to it within that step, is processed once, in order, and has no id of
// another event.
func TestSendsToItself(t *testing.T) {
	store := machine.NewMemoryStore()
	w := open(t, store)
	defer w.close()
	_, err := bus.SubscribeAny(w.bus, "emit.ledger.+.added", func(ctx context.Context, e *bus.AnyEvent) error {
		if a, ok := e.Value().(*Added); ok && a.Seq <= 2 {
			for range 2 {
				if err := w.Send(ctx, e.Key(), &Add{N: 10}); err != nil {
					return err
				}
			}
			return w.Deliver(ctx, e.Key(), e.ID(), &Add{N: 100})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.deliver("a", "first", &Again{N: 1}) // 2, and for each 120
	w.expect("a", "open.active", 8, 242)
	if got := w.added("a"); !slices.Equal(got, numbers(8)) {
		t.Errorf("heard %v", got)
	}
}

// TestBus has the host take events from the bus: it acknowledges what is stored,
// and knows what it has had.
func TestBus(t *testing.T) {
	w := open(t, machine.NewMemoryStore())
	defer w.close()
	p, err := bus.NewKeyedPublisher[Add](w.bus, TopicEventAdd)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"x", "y", "x"} {
		if err := p.PublishAs(t.Context(), id, "a b", &Add{N: 1}); err != nil {
			t.Error(err)
		}
	}
	w.expect("a b", "open.active", 2, 2)
}

// TestCancelled: a ctx that has ended sends nothing, and one that ends while the
// instance is loaded gives up.
func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{Store: machine.NewMemoryStore(), gate: make(chan struct{})}
		w := newWorld(t, machine.WithStore(store))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		results := make(chan error, 2)
		go func() { results <- w.Send(t.Context(), "a", &Add{N: 1}) }()
		synctest.Wait()
		go func() { results <- w.Send(ctx, "a", &Add{N: 1}) }()
		if err := <-results; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waited: %v", err)
		}
		close(store.gate)
		if err := <-results; err != nil {
			t.Error(err)
		}
		if err := w.Send(ctx, "a", &Add{N: 1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		w.expect("a", "open.active", 1, 1)
		w.close()
	})
}

// slowStore loads nothing until its gate is closed.
type slowStore struct {
	machine.Store
	gate chan struct{}
}

func (s *slowStore) Load(ctx context.Context, key string) (*machine.Record, error) {
	<-s.gate
	return s.Store.Load(ctx, key)
}

// TestIDs: the ids of messages are derived from machine, key, revision and index.
func TestIDs(t *testing.T) {
	store := machine.NewMemoryStore()
	w := open(t, store)
	w.deliver("a", "1", &Add{N: 1})
	w.deliver("a", "2", &Again{N: 1})
	w.close()
	r, err := store.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range w.heard {
		var revision uint64
		var index int
		if n, err := fmt.Sscanf(m.id, "ledger/a/%d/%d", &revision, &index); n != 2 || err != nil || revision == 0 || revision > r.Revision {
			t.Errorf("the id %q of %s", m.id, m.topic)
		}
		if seen[m.id] {
			t.Errorf("the id %s twice", m.id)
		}
		seen[m.id] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d messages", len(seen))
	}
}
