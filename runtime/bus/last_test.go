package bus_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestLast has handlers that are served last be called after all others, whenever they have
// subscribed, and whatever keys they hear; of several, in the order of their subscriptions.
func TestLast(t *testing.T) {
	b := bus.New()
	var called []string
	hear := func(name string, pattern topic.Pattern, opts ...bus.SubscribeOption) {
		subscribe(t, b, pattern, func(context.Context, *bus.Event[order]) error {
			called = append(called, name)
			return nil
		}, opts...)
	}
	hear("last", "event.order.+.paid", bus.Last())
	hear("key", "event.order.k.paid")
	hear("all", "event.order.+.paid")
	hear("last too", "event.order.+.paid", bus.Last())
	hear("late", "event.order.+.paid")
	p, err := bus.NewKeyedPublisher[order](b, topic.MustFamily("event.order", "paid"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key  string
		want []string
	}{
		{"k", []string{"all", "late", "key", "last", "last too"}},
		{"other", []string{"all", "late", "last", "last too"}},
	} {
		called = nil
		if err := p.Publish(t.Context(), c.key, &order{1}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(called, c.want) {
			t.Errorf("key %s: %q, want %q", c.key, called, c.want)
		}
		called = nil
		if err := p.PublishBatch(t.Context(), c.key, []*order{{1}}); err != nil || !slices.Equal(called, c.want) {
			t.Errorf("in a batch, key %s: %q, %v", c.key, called, err)
		}
	}
}

// TestLastIsDirect has it be refused for what it has no meaning for.
func TestLastIsDirect(t *testing.T) {
	b := bus.New()
	for _, o := range []bus.SubscribeOption{bus.Queued(1), bus.Group("g", bus.Random)} {
		if _, err := bus.Subscribe(b, "a", func(context.Context, *bus.Event[order]) error { return nil }, bus.Last(), o); !errors.Is(err, transport.ErrInvalidProfile) {
			t.Errorf("%v", err)
		}
	}
}
