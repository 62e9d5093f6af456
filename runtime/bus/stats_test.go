package bus_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// slowLoss takes a second to note that an event is lost.
type slowLoss struct{}

func (slowLoss) Publish(ctx context.Context, _ *bus.AnyEvent) (context.Context, func(error)) {
	return ctx, nil
}

func (slowLoss) Handle(ctx, _ context.Context, _ *bus.Subscription, _ *bus.AnyEvent, _ int) (context.Context, func(error)) {
	return ctx, nil
}

func (slowLoss) Lose(*bus.Subscription, *bus.AnyEvent, bus.Loss) { time.Sleep(time.Second) }

// TestStatsWhileAnEventIsLost looks at the figures between the failure of an event and its
// end: nothing has been handled.
func TestStatsWhileAnEventIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.WithObserver(slowLoss{}), bus.OnError(func(*bus.Subscription, error) {}))
		calls := 0
		s := subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error {
			if calls++; calls == 1 {
				return bus.Permanent(errors.New("no"))
			}
			time.Sleep(time.Second)
			return nil
		}, bus.WithProfile(transport.Profile{TTL: 2500 * time.Millisecond, DedupWindow: 3}))
		p := publisher[order](t, b, "a")
		for _, id := range []string{"1", "2", "2", "3"} { // dead, handled, a duplicate, expired
			if err := p.PublishAs(t.Context(), id, &order{}); err != nil {
				t.Fatal(err)
			}
		}
		for range 12 {
			synctest.Wait()
			if st := s.Stats(); st.Handled > 1 || st.Accepted != 4 || st.Handled+st.Dead+st.Expired+st.Duplicate+uint64(st.Waiting+st.InFlight) != 4 {
				t.Errorf("%+v", st)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if st := s.Stats(); st.Dead != 1 || st.Handled != 1 || st.Duplicate != 1 || st.Expired != 1 {
			t.Errorf("in the end %+v", st)
		}
	})
}
