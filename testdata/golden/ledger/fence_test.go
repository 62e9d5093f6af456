package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/machine"
)

// countingStore counts, and fails when it is told to.
type countingStore struct {
	machine.Store
	mu    sync.Mutex
	loads map[string]int
	fail  func(r *machine.Record) (before, after error)
}

func (s *countingStore) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.loads)
}

func (s *countingStore) Load(ctx context.Context, key string) (*machine.Record, error) {
	s.mu.Lock()
	if s.loads != nil {
		s.loads[key]++
	}
	s.mu.Unlock()
	return s.Store.Load(ctx, key)
}

func (s *countingStore) Save(ctx context.Context, key string, previous uint64, r *machine.Record) error {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	var before, after error
	if fail != nil {
		before, after = fail(r)
	}
	if before != nil {
		return before
	}
	return errors.Join(s.Store.Save(ctx, key, previous, r), after)
}

func (s *countingStore) failing(f func(*machine.Record) (before, after error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

var errDisk = errors.New("the disk is full")

// TestTwoHosts has two hosts work on the same keys: each step is stored once, on
// top of the one before it, and heard.
func TestTwoHosts(t *testing.T) {
	const keys, each = 3, 60
	dir := t.TempDir()
	for _, kind := range []string{"memory", "files"} {
		t.Run(kind, func(t *testing.T) {
			var worlds []*world
			memory := machine.NewMemoryStore()
			for range 2 {
				var store machine.Store = memory
				if kind == "files" {
					var err error
					if store, err = machine.NewFileStore(dir); err != nil {
						t.Fatal(err)
					}
				}
				worlds = append(worlds, open(t, store))
			}
			var all sync.WaitGroup
			for n, w := range worlds {
				for k := range keys {
					all.Go(func() {
						for i := range each {
							w.deliver(fmt.Sprint("k", k), fmt.Sprintf("%d-%d-%d", n, k, i), &Add{N: 1})
						}
					})
				}
			}
			all.Wait()
			for k := range keys {
				key := fmt.Sprint("k", k)
				for _, w := range worlds {
					w.expect(key, "open.active", 2*each, 2*each)
				}
				checkHeard(t, worlds, key, 2*each)
			}
			for _, w := range worlds {
				w.close()
			}
		})
	}
}

// checkHeard checks that together the worlds have heard the numbers 1 to n, and
// those that they have heard twice under one id.
func checkHeard(t *testing.T, worlds []*world, key string, n int64) {
	t.Helper()
	ids := map[int64]string{}
	for _, w := range worlds {
		for _, m := range w.heard {
			if e, ok := m.value.(*Added); ok && m.topic == "emit.ledger."+key+".added" {
				if id := ids[e.Seq]; id != "" && id != m.id {
					t.Errorf("%s: %d as %s and %s", key, e.Seq, id, m.id)
				}
				ids[e.Seq] = m.id
			}
		}
	}
	if got := slices.Sorted(maps.Keys(ids)); !slices.Equal(got, numbers(n)) {
		t.Errorf("%s: heard %v", key, got)
	}
}

// TestStale: a host whose instance is not the latest one notices, even where it
// would have taken nothing.
func TestStale(t *testing.T) {
	store := machine.NewMemoryStore()
	a, b := open(t, store), open(t, store)
	a.send("k", &Add{N: 1})
	b.send("k", &Pause{})
	a.send("k", &Resume{}) // open.active does not take it
	if sum, err := b.RequestSum(t.Context(), "k", &Sum{}); err != nil || sum.Total != 1 {
		t.Errorf("%v, %v", sum, err)
	}
	if sum, err := a.RequestSum(t.Context(), "k", &Sum{}); err != nil || sum.Total != 1 {
		t.Errorf("%v, %v", sum, err)
	}
	b.send("k", &Close{})
	if _, err := a.RequestSum(t.Context(), "k", &Sum{}); !errors.Is(err, machine.ErrUnhandled) {
		t.Error(err)
	}
	a.close()
	b.close()
}

// TestStoreFails: a step that is not stored, or of which that is not known, is not
// acknowledged, and not heard of unless it was; sent again, it is run once.
func TestStoreFails(t *testing.T) {
	for _, stored := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := &countingStore{Store: machine.NewMemoryStore()}
			w := open(t, store)
			w.deliver("a", "1", &Add{N: 1})
			w.deliver("a", "2", &Remind{In: time.Minute})
			for i := range 5 {
				store.failing(func(*machine.Record) (before, after error) {
					if stored {
						return nil, errDisk
					}
					return errDisk, nil
				})
				id := fmt.Sprint("x", i)
				err := w.Deliver(t.Context(), "a", id, &Add{N: 1})
				var se *machine.StoreError
				if !errors.As(err, &se) || !errors.Is(err, errDisk) || !se.Retryable() {
					t.Fatalf("%v", err)
				}
				store.failing(nil)
				w.deliver("a", id, &Add{N: 1})
			}
			w.expect("a", "open.active", 6, 6)
			if got := w.added("a"); !slices.Equal(got, numbers(6)) {
				t.Errorf("heard %v", got)
			}
			w.close()
		})
	}
}

// TestComesBack: an instance that was given up goes on by itself once the store
// works again.
func TestComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: machine.NewMemoryStore()}
		w := open(t, store, machine.WithIdle(time.Hour))
		w.send("a", &Add{N: 1}, &Remind{In: time.Minute}, &Review{})
		<-w.checks
		store.failing(func(*machine.Record) (error, error) { return errDisk, nil })
		w.answer <- nil // and this cannot be stored
		time.Sleep(30 * time.Second)
		store.failing(nil)
		for len(w.checks) > 1 {
			<-w.checks
		}
		time.Sleep(time.Second)
		w.answer <- nil // the service runs again
		time.Sleep(40 * time.Second)
		if got := w.topics(); got != "a.open.active a.added a.open.reviewing a.reviewed a.open.active a.dozed" {
			t.Errorf("heard %s", got)
		}
		w.close()
	})
}

// TestPublishFails: what cannot be published stays, is published later under its id,
// and nothing overtakes it.
func TestPublishFails(t *testing.T) {
	inBubble(t, func(t *testing.T, store machine.Store) {
		w := open(t, store, machine.WithIdle(time.Second))
		var tried []string
		w.fail = func(m message) error {
			tried = append(tried, m.id)
			return errDisk
		}
		w.deliver("a", "1", &Add{N: 1})
		w.deliver("a", "2", &Add{N: 1})
		w.deliver("a", "3", &Close{})
		time.Sleep(5 * time.Minute)
		w.close() // nothing has been heard
		w = open(t, store)
		if got := w.topics(); got != "a.open.active a.added a.added role a.closed" {
			t.Errorf("heard %s", got)
		}
		for _, id := range tried {
			if id != w.heard[0].id {
				t.Errorf("tried %s before %s", id, w.heard[0].id)
			}
		}
		if len(tried) < 8 || len(tried) > 30 {
			t.Errorf("tried %d times", len(tried))
		}
		w.close()
		if w = open(t, store); len(w.heard) > 0 {
			t.Errorf("heard again: %s", w.topics())
		}
		w.close()
	})
}

// TestPublishLater: a failure that passes needs no event to be overcome.
func TestPublishLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := machine.NewMemoryStore()
		w := open(t, store)
		failures := 3
		w.fail = func(message) error {
			if failures--; failures >= 0 {
				panic("not now")
			}
			return nil
		}
		w.send("a", &Add{N: 1}, &Add{N: 1})
		time.Sleep(10 * time.Second)
		if got := w.added("a"); !slices.Equal(got, numbers(2)) {
			t.Errorf("heard %v", got)
		}
		w.close()
	})
}

// TestAcknowledged: nothing is heard of a step before the store has it, and who sent
// the event knows no earlier.
func TestAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: machine.NewMemoryStore()}
		w := open(t, store)
		w.send("a", &Add{N: 1})
		gate := make(chan struct{})
		store.failing(func(*machine.Record) (error, error) {
			<-gate
			return nil, nil
		})
		var done error = errDisk
		go func() { done = w.Deliver(t.Context(), "a", "1", &Add{N: 1}) }()
		synctest.Wait()
		if done == nil || len(w.added("a")) != 1 {
			t.Error("it did not wait for the store")
		}
		close(gate)
		synctest.Wait()
		if done != nil || len(w.added("a")) != 2 {
			t.Error(done)
		}
		w.close()
	})
}
