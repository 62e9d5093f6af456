package bus_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestCloseRefuses publishes to a bus that is being closed, while the first of its
// subscriptions still handles something.
func TestCloseRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		release := make(chan struct{})
		got := [2]int{}
		for i := range got {
			if _, err := bus.Subscribe(r.bus, "#", func(context.Context, *bus.Event[msg]) error {
				if i == 0 {
					<-release
				}
				got[i]++
				return nil
			}, bus.Queued(10)); err != nil {
				t.Fatal(err)
			}
		}
		r.send("", "a")
		done := make(chan error)
		go func() { done <- r.bus.Close(t.Context()) }()
		synctest.Wait()
		for name, err := range map[string]error{
			"plain": r.plain.Publish(t.Context(), &msg{"b"}), "keyed": r.keyed.Publish(t.Context(), "k", &msg{"b"}),
			"batch": r.plain.PublishBatch(t.Context(), []*msg{{"c"}, {"d"}}),
		} {
			if !errors.Is(err, bus.ErrClosed) {
				t.Errorf("%s: a publish while the bus is being closed: %v", name, err)
			}
		}
		close(release)
		if err := <-done; err != nil || got != [2]int{1, 1} {
			t.Errorf("%v, handled %v", err, got)
		}
	})
}

// TestCloseOfOthersInAHandler closes, within handlers, what is not their own: a
// subscription of the same bus, and another bus. Both are waited for.
func TestCloseOfOthersInAHandler(t *testing.T) {
	for name, opt := range map[string]bus.SubscribeOption{"direct": bus.Direct(), "queued": bus.Queued(4)} {
		synctest.Test(t, func(t *testing.T) {
			near, far := newRig(t), newRig(t)
			slow := func(context.Context, *bus.Event[msg]) error { time.Sleep(time.Second); return nil }
			other, err := bus.Subscribe(near.bus, "event.#", slow, bus.Queued(4))
			if err != nil {
				t.Fatal(err)
			}
			beyond, err := bus.Subscribe(far.bus, "#", slow, bus.Queued(20))
			if err != nil {
				t.Fatal(err)
			}
			var handled []uint64
			if _, err := bus.Subscribe(near.bus, "emit.#", func(ctx context.Context, _ *bus.Event[msg]) error {
				far.send("", "1", "2", "3", "4", "5")
				err := errors.Join(far.bus.Close(context.Background()), other.Close(context.Background()))
				handled = append(handled, beyond.Stats().Handled, other.Stats().Handled)
				return err
			}, opt); err != nil {
				t.Fatal(err)
			}
			near.send("k", "a", "b")
			near.send("", "close")
			if err := near.bus.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(near.errs) > 0 || len(handled) != 2 || handled[0] != 5 || handled[1] != 2 {
				t.Errorf("%s: %v, handled %v when Close returned", name, near.errs, handled)
			}
		})
	}
}

// TestCloseOfItself closes a subscription in its handler, within two publishes where
// it is direct, and in OnError.
func TestCloseOfItself(t *testing.T) {
	for name, opt := range map[string]bus.SubscribeOption{"direct": bus.Direct(), "queued": bus.Queued(4)} {
		synctest.Test(t, func(t *testing.T) {
			var r *rig
			var s *bus.Subscription
			var again *bus.Publisher[msg]
			calls := 0
			r = newRig(t)
			again = publisher[msg](t, r.bus, "again")
			s, err := bus.Subscribe(r.bus, "#", func(_ context.Context, e *bus.Event[msg]) error {
				calls++
				if e.Topic() == "emit.m.said" && name == "direct" {
					return again.Publish(context.Background(), e.Value())
				}
				return s.Close(context.Background())
			}, opt)
			if err != nil {
				t.Fatal(err)
			}
			r.send("", "a")
			synctest.Wait()
			r.send("", "b")
			if err := s.Close(t.Context()); err != nil || calls != map[string]int{"direct": 2, "queued": 1}[name] {
				t.Errorf("%s: %v after %d calls", name, err, calls)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		var b *bus.Bus
		var s *bus.Subscription
		told := false
		b = bus.New(bus.OnError(func(*bus.Subscription, error) { told = true; _ = s.Close(context.Background()) }))
		s, _ = bus.Subscribe(b, "a", func(context.Context, *bus.Event[msg]) error { return errBroken }, bus.Queued(1))
		publish(t, publisher[msg](t, b, "a"), &msg{})
		synctest.Wait()
		if err := s.Close(t.Context()); err != nil || !told {
			t.Errorf("closed in OnError: %v", err)
		}
	})
}

func TestTwoHandlersCloseTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var both, done sync.WaitGroup
		both.Add(2)
		done.Add(2)
		for range 2 {
			if _, err := bus.Subscribe(r.bus, "#", func(context.Context, *bus.Event[msg]) error {
				both.Done()
				both.Wait()
				defer done.Done()
				return r.bus.Close(context.Background())
			}, bus.Queued(1)); err != nil {
				t.Fatal(err)
			}
		}
		r.send("", "a")
		done.Wait()
		if err := r.bus.Close(t.Context()); err != nil || len(r.errs) > 0 {
			t.Error(err, r.errs)
		}
	})
}

func TestTypesInAnyOrder(t *testing.T) {
	b := bus.New()
	if _, err := bus.Subscribe(b, "a.b", func(context.Context, *bus.Event[msg]) error { return nil }); err != nil {
		t.Fatal(err)
	}
	s, err := bus.SubscribeBatch(b, "k.1.x", func(context.Context, []*bus.Event[msg]) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Subscribe(b, "a.b", func(context.Context, *bus.Event[order]) error { return nil }); !errors.Is(err, bus.ErrTypeMismatch) {
		t.Errorf("two subscribers: %v", err)
	}
	if _, err := bus.NewPublisher[order](b, "a.b"); !errors.Is(err, bus.ErrTypeMismatch) {
		t.Errorf("a publisher after a subscriber: %v", err)
	}
	if _, err := bus.NewKeyedPublisher[order](b, topic.MustFamily("k", "x")); !errors.Is(err, bus.ErrTypeMismatch) {
		t.Errorf("a keyed publisher after a subscriber: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.NewKeyedPublisher[order](b, topic.MustFamily("k", "x")); err != nil {
		t.Errorf("when the subscriber has gone: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestOneIDOverRetries has a handler ask for an event as one of its type, and fail: it comes again
// with the same id.
func TestOneIDOverRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if _, err := bus.SubscribeAny(r.bus, "event.#", func(_ context.Context, e *bus.AnyEvent) error {
			first := bus.As[msg](e)
			if first.ID() != bus.As[msg](e).ID() || first.ID() != e.ID() {
				t.Error("it is not one event")
			}
			r.note("%s", first.ID())
			return errBroken
		}, bus.WithProfile(slow())); err != nil {
			t.Fatal(err)
		}
		r.send("a", "1")
		time.Sleep(time.Hour)
		if err := r.bus.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.log) != 3 || strings.Fields(r.log[0])[0] != strings.Fields(r.log[1])[0] {
			t.Errorf("its ids are %q", r.log)
		}
	})
}

// TestOneID looks at an event in every way there is.
func TestOneID(t *testing.T) {
	r := newRig(t)
	ids := map[string]int{}
	note := func(id string) { r.mu.Lock(); defer r.mu.Unlock(); ids[id]++ }
	for _, opt := range []bus.SubscribeOption{bus.Direct(), bus.Queued(4), bus.WithProfile(transport.Profile{TTL: time.Hour})} {
		if _, err := bus.SubscribeAny(r.bus, "#", func(_ context.Context, e *bus.AnyEvent) error {
			note(bus.As[msg](e).ID())
			note(e.Clone().ID())
			return nil
		}, opt); err != nil {
			t.Fatal(err)
		}
		if _, err := bus.Subscribe(r.bus, "#", func(_ context.Context, e *bus.Event[msg]) error {
			note(e.Clone().ID())
			note(e.ID())
			return nil
		}, opt); err != nil {
			t.Fatal(err)
		}
	}
	r.send("", "a", "b")
	r.send("k", "c")
	if err := r.plain.PublishBatch(t.Context(), []*msg{{"d"}, {"e"}}); err != nil {
		t.Fatal(err)
	}
	if err := r.bus.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, n := range ids {
		if n != 12 {
			t.Errorf("%s was seen %d times", id, n)
		}
	}
	if len(ids) != 5 {
		t.Errorf("%d ids for 5 events", len(ids))
	}
}

// list is a value with something to share.
type list struct{ items []int }

func (l *list) Clone() *list { return &list{append([]int(nil), l.items...)} }

func TestCloneIsDeep(t *testing.T) {
	b := bus.New()
	var kept []*list
	subscribe(t, b, "a", func(_ context.Context, e *bus.Event[list]) error { kept = append(kept, e.Clone().Value()); return nil })
	if _, err := bus.SubscribeAny(b, "a", func(_ context.Context, e *bus.AnyEvent) error {
		kept = append(kept, e.Clone().Value().(*list))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	v := &list{[]int{1}}
	publish(t, publisher[list](t, b, "a"), v)
	for _, k := range kept {
		k.items[0]++
	}
	if v.items[0] != 1 || len(kept) != 2 || kept[1].items[0] != 2 {
		t.Errorf("%v, clones %v", v, kept)
	}
}

// TestDeadLetterOfALongKey has an event with the longest key that its topic has room for: an
// error topic has not, and the dead letter is on the one without it.
func TestDeadLetterOfALongKey(t *testing.T) {
	r, key := newRig(t), strings.Repeat("k", topic.MaxLength-len("event.m..go"))
	var heard []string
	subscribe(t, r.bus, "error.#", func(_ context.Context, e *bus.Event[transport.Failure]) error {
		heard = append(heard, string(e.Topic()), e.Value().Key)
		return nil
	})
	subscribe(t, r.bus, "event.#", func(context.Context, *bus.Event[msg]) error { return errBroken }, bus.WithProfile(transport.Profile{DeadLetter: true}))
	r.send(key, "x")
	if err := r.bus.Close(t.Context()); err != nil || !slices.Equal(heard, []string{"error.m.dead", key}) {
		t.Errorf("%v, heard %q", err, heard)
	}
}

// TestDeadLettersOfTheLastMoment closes the bus while events are still to fail.
func TestDeadLettersOfTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		letters := 0
		if _, err := bus.Subscribe(r.bus, "error.#", func(context.Context, *bus.Event[transport.Failure]) error { letters++; return nil }, bus.Queued(8)); err != nil {
			t.Fatal(err)
		}
		if _, err := bus.Subscribe(r.bus, "#", func(context.Context, *bus.Event[msg]) error { return errBroken }, bus.WithProfile(slow())); err != nil {
			t.Fatal(err)
		}
		r.send("", "a", "b")
		r.send("k", "c")
		if err := r.bus.Close(t.Context()); err != nil || letters != 3 {
			t.Errorf("%v, %d dead letters", err, letters)
		}
		if len(r.errs) != 9 {
			t.Errorf("%v", r.errs)
		}
	})
}

func TestDirectHasNoQueue(t *testing.T) {
	for _, opt := range []bus.SubscribeOption{bus.Queued(1), bus.WithProfile(transport.LowLatency())} {
		if _, err := bus.Subscribe(bus.New(), "a", func(context.Context, *bus.Event[msg]) error { return nil }, bus.Direct(), opt); !errors.Is(err, transport.ErrInvalidProfile) {
			t.Errorf("direct, with a queue: %v", err)
		}
	}
}

// TestDirectHandlersClose has two publishes of one topic under way, whose handlers
// close each their own subscription, that of the other, or the bus, while somebody else
// closes a third one: nobody waits for what waits for it.
func TestDirectHandlersClose(t *testing.T) {
	for name, closing := range map[string]func(b *bus.Bus, own, other *bus.Subscription) error{
		"itself": func(_ *bus.Bus, own, _ *bus.Subscription) error { return own.Close(context.Background()) },
		"other":  func(_ *bus.Bus, _, other *bus.Subscription) error { return other.Close(context.Background()) },
		"bus":    func(b *bus.Bus, _, _ *bus.Subscription) error { return b.Close(context.Background()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			release := make(chan struct{})
			var subs [2]*bus.Subscription
			for i := range subs {
				mine := bus.Where(func(e *bus.Event[msg]) bool { return e.Value().text == string(rune('0'+i)) })
				s, err := bus.Subscribe(r.bus, "emit.#", func(context.Context, *bus.Event[msg]) error {
					<-release
					return closing(r.bus, subs[i], subs[1-i])
				}, mine)
				if err != nil {
					t.Fatal(err)
				}
				subs[i] = s
			}
			third, err := bus.Subscribe(r.bus, "#", func(context.Context, *bus.Event[msg]) error { return nil }, bus.Queued(4))
			if err != nil {
				t.Fatal(err)
			}
			var done sync.WaitGroup
			for _, text := range []string{"0", "1"} {
				done.Go(func() {
					if err := r.plain.Publish(context.Background(), &msg{text}); err != nil && !errors.Is(err, bus.ErrClosed) {
						t.Errorf("%s: %v", name, err)
					}
				})
				synctest.Wait()
			}
			done.Go(func() {
				if err := third.Close(context.Background()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
			synctest.Wait()
			close(release)
			done.Wait()
			if err := r.bus.Close(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
