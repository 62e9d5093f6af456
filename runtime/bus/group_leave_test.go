package bus_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// quiet is a bus that tells nobody of errors.
func quiet(opts ...bus.Option) *bus.Bus {
	return bus.New(append(opts, bus.OnError(func(*bus.Subscription, error) {}))...)
}

// closeWithin closes a subscription that gives up after a second.
func closeWithin(t *testing.T, s *bus.Subscription) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.Close(ctx); !errors.Is(err, bus.ErrDrainTimeout) {
		t.Errorf("closing a member that is busy: %v", err)
	}
}

// TestAMemberLeavesWhileAPublishWaitsForIt has a publish wait for room at a member that is
// given up: the event is for the one that stays.
func TestAMemberLeavesWhileAPublishWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := quiet()
		gate := make(chan struct{})
		var subs []*bus.Subscription
		for range 2 {
			subs = append(subs, subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { <-gate; return nil },
				bus.Queued(1), bus.Group("g", bus.RoundRobin)))
		}
		p := publisher[order](t, b, "a")
		publish(t, p, &order{0})
		publish(t, p, &order{1})
		published := make(chan error, 1)
		go func() { published <- p.Publish(context.Background(), &order{2}) }()
		synctest.Wait()
		closeWithin(t, subs[0])
		synctest.Wait()
		close(gate)
		if err := <-published; err != nil {
			t.Error(err)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if st := subs[1].Stats(); st.Handled != 2 {
			t.Errorf("the member that stays has %+v", st)
		}
	})
}

// TestAnEventThatComesBackIsNoDuplicate has a member get an event again that it gave away:
// the other one has left with it.
func TestAnEventThatComesBackIsNoDuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := quiet()
		profile := transport.Profile{DedupWindow: 10, Retry: transport.Retry{Attempts: 8, Initial: time.Second, Multiplier: 1}}
		var subs []*bus.Subscription
		calls := ""
		for _, name := range []string{"a", "b"} {
			subs = append(subs, subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error {
				if calls += name; len(calls) < 3 {
					return errors.New("not me")
				}
				return nil
			}, bus.WithProfile(profile), bus.Group("g", bus.RoundRobin)))
		}
		if err := publisher[order](t, b, "a").PublishAs(t.Context(), "1", &order{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond) // it waits for b's second attempt
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_ = subs[1].Close(ctx)
		synctest.Wait()
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if st := subs[0].Stats(); calls != "aba" || st.Handled != 1 || st.Duplicate != 0 {
			t.Errorf("%s, %+v", calls, st)
		}
	})
}

// TestAGroupKnowsDuplicates publishes an event twice: it would be another member's turn.
func TestAGroupKnowsDuplicates(t *testing.T) {
	b := quiet()
	var handled atomic.Int32
	for range 2 {
		subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { handled.Add(1); return nil },
			bus.WithProfile(transport.Profile{DedupWindow: 10}), bus.Group("g", bus.RoundRobin))
	}
	p := publisher[order](t, b, "a")
	for range 2 {
		if err := p.PublishAs(t.Context(), "1", &order{}); err != nil {
			t.Error(err)
		}
	}
	if err := b.Close(t.Context()); err != nil || handled.Load() != 1 {
		t.Errorf("handled %d times, %v", handled.Load(), err)
	}
}
