package bus_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestCloseTellsOfWhoIsNotDone closes a bus with a stuck direct handler, with a
// stuck queued one, and with both.
func TestCloseTellsOfWhoIsNotDone(t *testing.T) {
	for name, kinds := range map[string][]bus.SubscribeOption{
		"direct": {bus.Direct()}, "queued": {bus.Queued(4)}, "both": {bus.Queued(4), bus.Direct()},
	} {
		t.Run(name, func(t *testing.T) {
			b := bus.New()
			in, block := make(chan struct{}), make(chan struct{})
			for _, kind := range kinds {
				subscribe(t, b, "a.b", func(context.Context, *bus.Event[order]) error {
					in <- struct{}{}
					<-block
					return nil
				}, kind)
			}
			published := make(chan error)
			p := publisher[order](t, b, "a.b")
			go func() { published <- p.Publish(context.Background(), &order{1}) }()
			for range kinds {
				<-in
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			err := b.Close(ctx)
			if !errors.Is(err, bus.ErrDrainTimeout) {
				t.Errorf("Close: %v", err)
			}
			var d *transport.DrainError
			if errors.As(err, &d) != (name != "direct") {
				t.Errorf("Close: %v, left %+v", err, d)
			}
			close(block)
			if err := <-published; err != nil {
				t.Error(err)
			}
			if err := b.Close(soon(t)); err != nil {
				t.Errorf("the second Close: %v", err)
			}
		})
	}
}

// TestGoexit ends the publisher's goroutine in a handler, as t.Fatal does.
func TestGoexit(t *testing.T) {
	family, err := topic.NewFamily("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	for name, pattern := range map[string]topic.Pattern{"every key": "a.+.b", "one key": "a.k.b"} {
		t.Run(name, func(t *testing.T) {
			b := bus.New()
			p, err := bus.NewKeyedPublisher[order](b, family)
			if err != nil {
				t.Fatal(err)
			}
			s := subscribe(t, b, pattern, func(context.Context, *bus.Event[order]) error {
				runtime.Goexit()
				return nil
			})
			for range 3 {
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_ = p.Publish(context.Background(), "k", &order{1})
				}()
				<-ended
			}
			if err := s.Close(soon(t)); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// TestGoexitInAQueue lets nobody wait for a goroutine that has ended.
func TestGoexitInAQueue(t *testing.T) {
	b := bus.New()
	s := subscribe(t, b, "a.b", func(context.Context, *bus.Event[order]) error {
		runtime.Goexit()
		return nil
	}, bus.Queued(2))
	p := publisher[order](t, b, "a.b")
	for range 10 {
		if err := p.Publish(soon(t), &order{1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(soon(t)); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// TestCloseEndsPublishes closes what a publish waits for room in: a subscription, which
// then misses nothing, or the bus, which refuses the event.
func TestCloseEndsPublishes(t *testing.T) {
	for name, want := range map[string]error{"subscription": nil, "bus": bus.ErrClosed} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus.New()
				release := make(chan struct{})
				handled := 0
				s := subscribe(t, b, "a.b", func(context.Context, *bus.Event[order]) error {
					<-release
					handled++
					return nil
				}, bus.Queued(2))
				p := publisher[order](t, b, "a.b")
				for range 2 {
					publish(t, p, &order{1})
				}
				published, closed := make(chan error), make(chan error)
				go func() { published <- p.Publish(context.Background(), &order{3}) }()
				synctest.Wait()
				go func() {
					if name == "bus" {
						closed <- b.Close(context.Background())
					} else {
						closed <- s.Close(context.Background())
					}
				}()
				if err := <-published; !errors.Is(err, want) {
					t.Errorf("Publish: %v, want %v", err, want)
				}
				close(release)
				if err := <-closed; err != nil || handled != 2 {
					t.Errorf("Close: %v after %d of 2 events", err, handled)
				}
			})
		})
	}
}

// TestEveryCloseOfABusWaits has one of its queues be closed by a Close of the bus, or of the
// subscription: another Close of the bus waits as well, and, if nothing comes of it, tells
// what is left.
func TestEveryCloseOfABusWaits(t *testing.T) {
	for name, before := range map[string]func(*bus.Bus, *bus.Subscription) error{
		"the bus":          func(b *bus.Bus, _ *bus.Subscription) error { return b.Close(context.Background()) },
		"the subscription": func(_ *bus.Bus, s *bus.Subscription) error { return s.Close(context.Background()) },
	} {
		synctest.Test(t, func(t *testing.T) {
			b, release, handled := bus.New(), make(chan struct{}), 0
			s := subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { <-release; handled++; return nil }, bus.Queued(4))
			publish(t, publisher[order](t, b, "a"), &order{1})
			closed := make(chan error, 2)
			go func() { closed <- before(b, s) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if d, ok := errors.AsType[*transport.DrainError](b.Close(ctx)); !ok || d.Left != 1 {
				t.Errorf("%s is being closed, and Close that cannot wait returns %v", name, d)
			}
			close(release)
			if err := errors.Join(b.Close(t.Context()), <-closed); err != nil || handled != 1 {
				t.Errorf("%s is being closed: %v, %d handled", name, err, handled)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b, release, handled := bus.New(), make(chan struct{}), 0
		subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { <-release; handled++; return nil }, bus.Queued(4))
		publish(t, publisher[order](t, b, "a"), &order{1})
		closed := make(chan int, 2)
		for range cap(closed) {
			go func() {
				if err := b.Close(t.Context()); err != nil {
					t.Error(err)
				}
				closed <- handled
			}()
		}
		synctest.Wait()
		close(release)
		for range cap(closed) {
			if n := <-closed; n != 1 {
				t.Error("a Close has returned before the handler has")
			}
		}
	})
}
