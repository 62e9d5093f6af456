package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestAlso has one subscription hear several patterns: in order, and each event once.
func TestAlso(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		before := publisher[order](t, b, "event.order.submit")
		var got []string
		note := func(_ context.Context, e *bus.AnyEvent) error {
			got = append(got, fmt.Sprint(e.Topic(), " ", e.Value().(*order).id))
			return nil
		}
		s, err := bus.SubscribeAny(b, "event.order.submit", note, bus.Queued(100), bus.Also("event.*", "emit.order.paid"), bus.Also("event.order.submit"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.Patterns(), []topic.Pattern{"event.order.submit", "event.*", "emit.order.paid"}) || s.Pattern() != "event.order.submit" {
			t.Errorf("it hears %v, and first %s", s.Patterns(), s.Pattern())
		}
		after, unheard := publisher[order](t, b, "emit.order.paid"), publisher[order](t, b, "emit.order.sent")
		var want []string
		for i := range 20 {
			publish(t, before, &order{i})
			publish(t, after, &order{i})
			publish(t, unheard, &order{i})
			want = append(want, fmt.Sprint("event.order.submit ", i), fmt.Sprint("emit.order.paid ", i))
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		publish(t, before, &order{99})
		publish(t, after, &order{99})
		if !slices.Equal(got, want) {
			t.Errorf("it has heard\n%v, want\n%v", got, want)
		}
	})
}

// TestAlsoKeys has several patterns reach single keys of a family, or all of them.
func TestAlsoKeys(t *testing.T) {
	for patterns, want := range map[string][]string{"a": {"a"}, "b a": {"a", "b"}, "a a": {"a"}, "a +": {"a", "b", "c"}} {
		b := bus.New()
		p, err := bus.NewKeyedPublisher[order](b, topic.MustFamily("event.order", "submit"))
		if err != nil {
			t.Fatal(err)
		}
		var all []topic.Pattern
		for _, key := range strings.Fields(patterns) {
			all = append(all, topic.Pattern("event.order."+key+".submit"))
		}
		var got []string
		s := subscribe(t, b, all[0], func(_ context.Context, e *bus.Event[order]) error {
			got = append(got, e.Key())
			return nil
		}, bus.Also(all[1:]...))
		send := func() {
			for _, key := range []string{"a", "b", "c"} {
				if err := p.Publish(t.Context(), key, &order{1}); err != nil {
					t.Fatal(err)
				}
			}
		}
		send()
		if !slices.Equal(got, want) {
			t.Errorf("%s: it has heard %v, want %v", patterns, got, want)
		}
		got = nil
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if send(); got != nil {
			t.Errorf("%s: closed, it has heard %v", patterns, got)
		}
	}
}

// TestAlsoErrors looks at patterns and types that do not fit.
func TestAlsoErrors(t *testing.T) {
	b := bus.New()
	nothing := func(context.Context, *bus.Event[order]) error { return nil }
	if _, err := bus.Subscribe(b, "a.b", nothing, bus.Also("a..c")); !errors.Is(err, topic.ErrInvalidPattern) {
		t.Errorf("an invalid pattern: %v", err)
	}
	publisher[payment](t, b, "a.paid")
	if _, err := bus.Subscribe(b, "a.b", nothing, bus.Also("a.paid")); !errors.Is(err, bus.ErrTypeMismatch) {
		t.Errorf("a topic of another type: %v", err)
	}
	subscribe(t, b, "a.b", nothing, bus.Also("a.c", "a.#"))
	for _, name := range []topic.Name{"a.b", "a.c"} {
		if _, err := bus.NewPublisher[payment](b, name); !errors.Is(err, bus.ErrTypeMismatch) {
			t.Errorf("%s is subscribed to as another type: %v", name, err)
		}
	}
	if _, err := bus.NewPublisher[payment](b, "a.d"); err != nil {
		t.Errorf("a topic that only a wildcard matches: %v", err)
	}
}

// TestAlsoHearsErrorsLast closes a bus: a subscription that hears errors, besides others,
// learns of what the others could not handle.
func TestAlsoHearsErrorsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.OnError(func(*bus.Subscription, error) {}))
		dead := 0
		_, err := bus.SubscribeAny(b, "state.#", func(_ context.Context, e *bus.AnyEvent) error {
			if _, ok := e.Value().(*transport.Failure); ok {
				dead++
			}
			return nil
		}, bus.Queued(10), bus.Also("error.#"))
		if err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		_, err = bus.Subscribe(b, "event.order.pay", func(context.Context, *bus.Event[order]) error {
			<-release
			return errBroken
		}, bus.WithProfile(transport.Profile{DeadLetter: true}))
		if err != nil {
			t.Fatal(err)
		}
		publish(t, publisher[order](t, b, "event.order.pay"), &order{1})
		go func() {
			synctest.Wait() // Close waits
			close(release)
		}()
		if err := b.Close(t.Context()); err != nil || dead != 1 {
			t.Errorf("Close: %v; %d dead letters were heard, want 1", err, dead)
		}
	})
}
