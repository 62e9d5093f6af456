//go:build !xsgendebug

package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

func TestPublishAllocatesNothing(t *testing.T) {
	b := bus.New()
	p := publisher[order](t, b, "a")
	keyed, err := bus.NewKeyedPublisher[order](b, topic.MustFamily("k", "x"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	h := func(_ context.Context, e *bus.Event[order]) error { n += e.Value().id; return nil }
	subscribe(t, b, "a", h)
	subscribe(t, b, "k.+.x", h)
	v, ctx := &order{1}, t.Context()
	if a := testing.AllocsPerRun(100, func() { publish(t, p, v) }); a != 0 {
		t.Errorf("publishing allocates %v times", a)
	}
	if a := testing.AllocsPerRun(100, func() { _ = keyed.Publish(ctx, "key", v) }); a != 0 {
		t.Errorf("publishing to a key allocates %v times", a)
	}
}

// TestQueuesAllocateNothing has each event be handled before the next one is published, so
// that whatever is done for an event, or to wait for one, is done for every event.
func TestQueuesAllocateNothing(t *testing.T) {
	for name, p := range map[string]transport.Profile{
		"default": {}, "reliable": transport.Reliable(), "low latency": transport.LowLatency(),
		"with ids": {DedupWindow: 10}, "by key": {Order: transport.OrderKey, Concurrency: 2},
	} {
		b, handled := bus.New(), make(chan int, 1)
		subscribe(t, b, "a", func(_ context.Context, e *bus.Event[order]) error { handled <- e.Value().id; return nil }, bus.WithProfile(p))
		to, v := publisher[order](t, b, "a"), &order{1}
		if a := testing.AllocsPerRun(100, func() { publish(t, to, v); <-handled }); a != 0 {
			t.Errorf("%s: an event allocates %v times", name, a)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for name, opts := range map[string][]bus.SubscribeOption{"queued": {bus.Queued(0)}, "direct": nil} {
		b, handled := bus.New(), make(chan int, 1)
		if _, err := bus.SubscribeAny(b, "a", func(_ context.Context, e *bus.AnyEvent) error { handled <- bus.As[order](e).Value().id; return nil }, opts...); err != nil {
			t.Fatal(err)
		}
		to, v := publisher[order](t, b, "a"), &order{1}
		if a := testing.AllocsPerRun(100, func() { publish(t, to, v); <-handled }); a != 0 {
			t.Errorf("%s: As allocates %v times for an event", name, a)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	b, handled := bus.New(), make(chan int, 1)
	if _, err := bus.SubscribeBatch(b, "a", func(_ context.Context, events []*bus.Event[order]) error { handled <- len(events); return nil },
		bus.WithProfile(transport.Profile{BatchSize: 10, BatchTimeout: time.Nanosecond})); err != nil {
		t.Fatal(err)
	}
	to, v := publisher[order](t, b, "a"), &order{1}
	if a := testing.AllocsPerRun(100, func() { publish(t, to, v); <-handled }); a != 0 {
		t.Errorf("a batch allocates %v times", a)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
