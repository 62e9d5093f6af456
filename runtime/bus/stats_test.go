package bus_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/internal/poison"
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

// watcher is an observer that looks at nothing.
type watcher struct{ slowLoss }

func (watcher) Lose(*bus.Subscription, *bus.AnyEvent, bus.Loss) {}

// TestOldest has events wait: their age is known if they have a TTL, or are observed.
func TestOldest(t *testing.T) {
	for name, tt := range map[string]struct {
		options []bus.Option
		profile transport.Profile
		want    time.Duration
	}{
		"unknown":  {nil, transport.Profile{}, 0},
		"ttl":      {nil, transport.Profile{TTL: time.Hour}, 5 * time.Second},
		"observed": {[]bus.Option{bus.WithObserver(watcher{})}, transport.Profile{}, 5 * time.Second},
		"lanes":    {[]bus.Option{bus.WithObserver(watcher{})}, transport.Profile{Order: transport.OrderKey, Concurrency: 4}, 5 * time.Second},
		"both":     {[]bus.Option{bus.WithObserver(watcher{})}, transport.Profile{TTL: time.Hour}, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := bus.New(tt.options...)
			time.Sleep(time.Second)
			p := publisher[msg](t, b, "a")
			tt.profile.Capacity = 10
			release := make(chan struct{})
			s := subscribe(t, b, "#", func(context.Context, *bus.Event[msg]) error { <-release; return nil }, bus.WithProfile(tt.profile))
			publish(t, p, &msg{"a"})
			synctest.Wait()
			time.Sleep(10 * time.Second)
			for range 3 { // the handler has the first one
				publish(t, p, &msg{"b"})
				time.Sleep(time.Second)
			}
			time.Sleep(2 * time.Second)
			if st := s.Stats(); st.Oldest != tt.want || st.Waiting != 3 {
				t.Errorf("%s: the oldest of %d is %v old, want %v", name, st.Waiting, st.Oldest, tt.want)
			}
			close(release)
			if err := b.Close(t.Context()); err != nil || s.Stats().Oldest != 0 {
				t.Errorf("%s: %v, %v", name, err, s.Stats().Oldest)
			}
		})
	}
}

// TestSpares publishes to a topic from one of its handlers.
func TestSpares(t *testing.T) {
	b := bus.New()
	p := publisher[msg](t, b, "a")
	before := b.Spares()
	subscribe(t, b, "a", func(ctx context.Context, e *bus.Event[msg]) error {
		if e.Value().text == "last" {
			return nil
		}
		return p.Publish(ctx, &msg{"last"})
	})
	for range 3 {
		publish(t, p, &msg{"first"})
	}
	if got := b.Spares() - before; got != 3 && !poison.On {
		t.Errorf("%d events were allocated", got)
	}
}
