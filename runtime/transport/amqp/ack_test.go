package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestAcks has deliveries be settled out of order, of which the broker is told in as few
// acknowledgements as may be: what comes to the next node is what was not settled, and nothing else.
func TestAcks(t *testing.T) {
	const events = 10
	settled := []int{0, 1, 2, 4, 7}
	l := newLab(t, rabbit.Shared(t))
	c := l.raw()
	leaksNothing(t)
	p := jobs
	p.Prefetch = events
	var mu sync.Mutex
	var first []*transport.Delivery
	var second []string
	subscribe := func(receive func(context.Context, *transport.Delivery)) transport.Transport {
		t.Helper()
		n := l.node("reader")
		_, err := n.Subscribe(t.Context(), transport.SubscribeRequest{Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: p, Receive: receive})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := subscribe(func(_ context.Context, d *transport.Delivery) { mu.Lock(); defer mu.Unlock(); first = append(first, d) })
	for i := range events {
		m := &transport.Message{Envelope: transport.Envelope{ID: fmt.Sprint(i), Topic: "event.a"}, Profile: &transport.Profile{}}
		if err := transport.Publish(t.Context(), n, m); err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(first) == events }, "all have come")
	for _, i := range settled {
		if err := first[i].Settle(nil); err != nil {
			t.Fatal(err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err, ok := errors.AsType[*transport.DrainError](n.Close(over)); !ok || err.Left != events-len(settled) {
		t.Errorf("closing with deliveries that are not settled: %v", err)
	}
	shut(t, n)
	n = subscribe(transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		second = append(second, d.ID)
		return nil
	}))
	until(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(second) >= events-len(settled) }, "the others come again")
	shut(t, n)
	slices.Sort(second)
	if want := []string{"3", "5", "6", "8", "9"}; !slices.Equal(second, want) {
		t.Errorf("there came %v, want %v", second, want)
	}
	if n := l.waits(c, ".reader.jobs"); n != 0 {
		t.Errorf("%d are left", n)
	}
}
