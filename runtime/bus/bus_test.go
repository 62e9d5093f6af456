package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type order struct{ id int }
type payment struct{ cents int }

func publisher[T any](t testing.TB, b *bus.Bus, name topic.Name) *bus.Publisher[T] {
	t.Helper()
	p, err := bus.NewPublisher[T](b, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func subscribe[T any](t testing.TB, b *bus.Bus, p topic.Pattern, h bus.Handler[T], opts ...bus.SubscribeOption) *bus.Subscription {
	t.Helper()
	s, err := bus.Subscribe(b, p, h, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func publish[T any](t testing.TB, p *bus.Publisher[T], v *T) {
	t.Helper()
	if err := p.Publish(context.Background(), v); err != nil {
		t.Fatal(err)
	}
}

func TestDirect(t *testing.T) {
	b := bus.New()
	p := publisher[order](t, b, "event.order.submit")
	var got []*order
	var id string
	broken := errors.New("broken")
	subscribe(t, b, "event.order.submit", func(_ context.Context, e *bus.Event[order]) error {
		got = append(got, e.Value())
		id = e.ID()
		return nil
	})
	subscribe(t, b, "event.#", func(_ context.Context, e *bus.Event[order]) error {
		if e.ID() != id || e.Topic() != "event.order.submit" {
			t.Errorf("event %s on %s, want %s", e.ID(), e.Topic(), id)
		}
		return broken
	})
	subscribe(t, b, "event.*", func(context.Context, *bus.Event[order]) error { panic(broken) })
	v := &order{1}
	err := p.Publish(t.Context(), v)
	var pe *bus.PanicError
	if !errors.Is(err, broken) || !errors.As(err, &pe) {
		t.Errorf("the handlers' errors: %v", err)
	}
	if len(got) != 1 || got[0] != v {
		t.Errorf("got %v, want the published pointer", got)
	}
}

// TestOrderOfSubscription has handlers run in the order in which they subscribed,
// whether that was before the topic was first used or after.
func TestOrderOfSubscription(t *testing.T) {
	b := bus.New()
	var got []int
	add := func(i int) {
		subscribe(t, b, "a.#", func(context.Context, *bus.Event[order]) error { got = append(got, i); return nil })
	}
	for i := range 20 {
		add(i)
	}
	p := publisher[order](t, b, "a.b")
	add(20)
	publish(t, p, &order{1})
	if len(got) != 21 || !slices.IsSorted(got) {
		t.Errorf("they ran in the order %v", got)
	}
}

func TestTypes(t *testing.T) {
	b := bus.New()
	publisher[order](t, b, "a.x")
	if _, err := bus.NewPublisher[payment](b, "a.x"); !errors.Is(err, bus.ErrTypeMismatch) {
		t.Errorf("a publisher of another type: %v", err)
	}
	if _, err := bus.Subscribe(b, "a.x", func(context.Context, *bus.Event[payment]) error { return nil }); !errors.Is(err, bus.ErrTypeMismatch) {
		t.Errorf("a subscription to another type: %v", err)
	}
	var got []string
	subscribe(t, b, "a.*", func(_ context.Context, e *bus.Event[payment]) error {
		got = append(got, fmt.Sprint("payment ", e.Value().cents))
		return nil
	})
	s, err := bus.SubscribeAny(b, "#", func(_ context.Context, e *bus.AnyEvent) error {
		got = append(got, fmt.Sprintf("%T on %s", e.Value(), e.Topic()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, publisher[order](t, b, "a.x"), &order{})
	publish(t, publisher[payment](t, b, "a.y"), &payment{5})
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	publish(t, publisher[payment](t, b, "a.y"), &payment{6})
	want := []string{"*bus_test.order on a.x", "payment 5", "*bus_test.payment on a.y", "payment 6"}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, p := range []topic.Pattern{"", "a..b", "a.x+"} {
		if _, err := bus.SubscribeAny(b, p, func(context.Context, *bus.AnyEvent) error { return nil }); !errors.Is(err, topic.ErrInvalidPattern) {
			t.Errorf("the pattern %q: %v", p, err)
		}
	}
}

func TestKeyed(t *testing.T) {
	b := bus.New()
	family := topic.MustFamily("event.order", "submit")
	p, err := bus.NewKeyedPublisher[order](b, family)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	hear := func(name string, pattern topic.Pattern) *bus.Subscription {
		return subscribe(t, b, pattern, func(_ context.Context, e *bus.Event[order]) error {
			got = append(got, fmt.Sprintf("%s:%s:%s", name, e.Key(), e.Topic()))
			return nil
		})
	}
	hear("all", family.Pattern())
	one := hear("one", "event.order.k1.#")
	hear("odd", "event.order.a%20b.submit")
	hear("other", "event.order.k1.cancel")
	hear("late", "#")
	for _, key := range []string{"k1", "k2", "a b"} {
		if err := p.Publish(t.Context(), key, &order{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), "k1", &order{}); err != nil {
		t.Fatal(err)
	}
	want := "all:k1:event.order.k1.submit late:k1:event.order.k1.submit one:k1:event.order.k1.submit " +
		"all:k2:event.order.k2.submit late:k2:event.order.k2.submit " +
		"all:a b:event.order.a%20b.submit late:a b:event.order.a%20b.submit odd:a b:event.order.a%20b.submit " +
		"all:k1:event.order.k1.submit late:k1:event.order.k1.submit"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if err := p.Publish(t.Context(), "", &order{}); !errors.Is(err, topic.ErrInvalidKey) {
		t.Errorf("an empty key: %v", err)
	}
	if err := p.Publish(t.Context(), strings.Repeat("k", 300), &order{}); !errors.Is(err, topic.ErrTooLong) {
		t.Errorf("a long key: %v", err)
	}
}

func TestQueuedKeepsOrderAcrossTopics(t *testing.T) {
	b := bus.New()
	orders, payments := publisher[order](t, b, "a.order"), publisher[payment](t, b, "a.payment")
	var got []int
	s, err := bus.SubscribeAny(b, "a.*", func(_ context.Context, e *bus.AnyEvent) error {
		switch v := e.Value().(type) {
		case *order:
			got = append(got, v.id)
		case *payment:
			got = append(got, v.cents)
		}
		return nil
	}, bus.Queued(16))
	if err != nil {
		t.Fatal(err)
	}
	const n = 1000
	for i := range n {
		if i%3 == 0 {
			publish(t, orders, &order{i})
		} else {
			publish(t, payments, &payment{i})
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d events, in order: %v", len(got), slices.IsSorted(got))
	}
	if st := s.Stats(); st.Handled != n || st.Failed != 0 || st.Waiting != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestFullQueueBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		p := publisher[order](t, b, "a")
		release := make(chan struct{})
		var handled int
		s := subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { <-release; handled++; return nil }, bus.Queued(2))
		publish(t, p, &order{1})
		publish(t, p, &order{2})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Publish(ctx, &order{3}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("into a full queue: %v", err)
		}
		impatient, err := bus.NewPublisher[order](b, "a", bus.PublishTimeout(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		if err := impatient.Publish(t.Context(), &order{3}); !errors.Is(err, bus.ErrTimeout) || time.Since(before) != time.Second {
			t.Errorf("into a full queue, after %v: %v", time.Since(before), err)
		}
		go func() {
			time.Sleep(time.Second)
			close(release)
		}()
		publish(t, p, &order{4})
		if err := s.Close(t.Context()); err != nil || handled != 3 {
			t.Errorf("%v, %d handled", err, handled)
		}
	})
}

func TestErrorsOfQueuedHandlers(t *testing.T) {
	var errs []error
	b := bus.New(bus.OnError(func(_ *bus.Subscription, err error) { errs = append(errs, err) }))
	p := publisher[order](t, b, "a")
	broken := errors.New("broken")
	s := subscribe(t, b, "a", func(_ context.Context, e *bus.Event[order]) error {
		if e.Value().id == 1 {
			panic("oops")
		}
		return broken
	}, bus.Queued(0))
	publish(t, p, &order{1})
	publish(t, p, &order{2})
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(errs) != 2 || !strings.Contains(errs[0].Error(), "oops") || !errors.Is(errs[1], broken) || s.Stats().Failed != 2 {
		t.Errorf("errors %v, stats %+v", errs, s.Stats())
	}
}

func TestDrainDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		p := publisher[order](t, b, "a")
		handled := 0
		_, err := bus.Subscribe(b, "a", func(ctx context.Context, _ *bus.Event[order]) error {
			handled++
			<-ctx.Done()
			return nil
		}, bus.Queued(0))
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			publish(t, p, &order{})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = b.Close(ctx)
		var de *transport.DrainError
		if !errors.Is(err, bus.ErrDrainTimeout) || !errors.As(err, &de) || de.Left != 5 {
			t.Errorf("Close: %v", err)
		}
		synctest.Wait()
		if handled != 1 {
			t.Errorf("%d were handled", handled)
		}
		if err := p.Publish(t.Context(), &order{}); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := bus.NewPublisher[order](b, "b"); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("a publisher after Close: %v", err)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Errorf("closed again: %v", err)
		}
	})
}

// TestNothingAfterClose closes subscriptions under load: a handler that is called
// after Close has returned is the failure.
func TestNothingAfterClose(t *testing.T) {
	b := bus.New()
	stop := make(chan struct{})
	var publishers sync.WaitGroup
	p := publisher[order](t, b, "a")
	for range 4 {
		publishers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					publish(t, p, &order{})
				}
			}
		})
	}
	for i := range 200 {
		var closed atomic.Bool
		opts := []bus.SubscribeOption{bus.Direct()}
		if i%2 == 1 {
			opts = []bus.SubscribeOption{bus.Queued(8)}
		}
		s, err := bus.Subscribe(b, "a", func(context.Context, *bus.Event[order]) error {
			if closed.Load() {
				t.Error("called after Close")
			}
			return nil
		}, opts...)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		closed.Store(true)
	}
	close(stop)
	publishers.Wait()
}

// TestCloseWaitsForPublishes closes a subscription while its handler runs, in one
// publish and in two that overlap.
func TestCloseWaitsForPublishes(t *testing.T) {
	for _, n := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			b := bus.New()
			p := publisher[order](t, b, "a")
			release := make(chan struct{})
			s, err := bus.Subscribe(b, "a", func(context.Context, *bus.Event[order]) error { <-release; return nil })
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() { publish(t, p, &order{}) })
			}
			synctest.Wait()
			var closed atomic.Bool
			wg.Go(func() {
				if err := s.Close(context.Background()); err != nil {
					t.Error(err)
				}
				closed.Store(true)
			})
			synctest.Wait()
			if closed.Load() {
				t.Errorf("%d publishes: Close did not wait", n)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := s.Close(ctx); !errors.Is(err, bus.ErrDrainTimeout) {
				t.Errorf("%d publishes: with a deadline: %v", n, err)
			}
			close(release)
			wg.Wait()
		})
	}
}

// TestPooledEventIsNotReused publishes while a handler holds an event of the
// same topic, from within the handler and from other goroutines.
func TestPooledEventIsNotReused(t *testing.T) {
	b := bus.New()
	p := publisher[order](t, b, "a")
	var wg sync.WaitGroup
	subscribe(t, b, "a", func(ctx context.Context, e *bus.Event[order]) error {
		v := e.Value()
		if v.id > 0 {
			publish(t, p, &order{v.id - 1})
		}
		if e.Value() != v || e.Topic() != "a" {
			t.Error("the event changed under its handler")
		}
		return nil
	})
	for range 4 {
		wg.Go(func() {
			for range 500 {
				publish(t, p, &order{3})
			}
		})
	}
	wg.Wait()
}

func TestClone(t *testing.T) {
	b := bus.New()
	p := publisher[order](t, b, "a")
	var kept []*bus.Event[order]
	var any []*bus.AnyEvent
	subscribe(t, b, "a", func(_ context.Context, e *bus.Event[order]) error { kept = append(kept, e.Clone()); return nil })
	s, err := bus.SubscribeAny(b, "a", func(_ context.Context, e *bus.AnyEvent) error { any = append(any, e.Clone()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	publish(t, p, &order{1})
	publish(t, p, &order{2})
	for i := range 2 {
		if kept[i].Value().id != i+1 || any[i].Value().(*order).id != i+1 || kept[i].ID() != any[i].ID() || any[i].Topic() != "a" {
			t.Errorf("clone %d: %+v, %+v", i, kept[i], any[i])
		}
	}
	if kept[0].ID() == kept[1].ID() {
		t.Error("two events have one id")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCloseWithinAHandler(t *testing.T) {
	for name, opt := range map[string]bus.SubscribeOption{"direct": bus.Direct(), "queued": bus.Queued(0)} {
		t.Run(name, func(t *testing.T) {
			b := bus.New()
			p := publisher[order](t, b, "a")
			var s *bus.Subscription
			ready := make(chan struct{})
			calls := 0
			s, err := bus.Subscribe(b, "a", func(ctx context.Context, _ *bus.Event[order]) error {
				<-ready
				calls++
				return s.Close(context.Background())
			}, opt)
			if err != nil {
				t.Fatal(err)
			}
			close(ready)
			publish(t, p, &order{})
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
			publish(t, p, &order{})
			if calls != 1 {
				t.Errorf("%d calls", calls)
			}
		})
	}
}
