package amqp_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestGroupEmptied has all members leave a group whose queue does not last, while an event waits
// for its next attempt that failed at the first one to leave: the last one stays for it.
func TestGroupEmptied(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	a, b := l.node("a"), l.node("b")
	var handled atomic.Int32
	r := transport.SubscribeRequest{
		Group: "g", Patterns: []topic.Pattern{"group.g.#"},
		Profile: transport.Profile{Retry: transport.Retry{Attempts: 3, Initial: 500 * time.Millisecond, Multiplier: 1}},
		Receive: transport.Serve(1, func(context.Context, *transport.Delivery) error { return errFirst }),
	}
	s, err := a.Subscribe(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := transport.Publish(t.Context(), b, &transport.Message{Envelope: transport.Envelope{Topic: "group.g.do"}}); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return s.Stats().Retried == 1 }, "the first member fails")
	r.Receive = transport.Serve(1, func(context.Context, *transport.Delivery) error { handled.Add(1); return nil })
	if _, err := b.Subscribe(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	shut(t, a, b)
	if handled.Load() != 1 {
		t.Errorf("the event was handled %d times", handled.Load())
	}
}
