package amqp_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// held subscribes with a receiver that holds what it gets.
func held(t *testing.T, n transport.Transport, p transport.Profile) (chan *transport.Delivery, transport.Subscription) {
	t.Helper()
	c := make(chan *transport.Delivery, 100)
	s, err := n.Subscribe(t.Context(), transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.#"}, Profile: p, Receive: func(_ context.Context, d *transport.Delivery) { c <- d },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// TestOverflow has a queue of three be full: it drops the oldest, which is counted, or
// refuses the newest, and the publisher is told.
func TestOverflow(t *testing.T) {
	for _, overflow := range []transport.Overflow{transport.DropOldest, transport.Reject, transport.Block} {
		l := newLab(t, rabbit.Shared(t))
		n := l.node("a")
		c, s := held(t, n, transport.Profile{Capacity: 3, Prefetch: 1, Overflow: overflow})
		refused := 0
		for i := range 10 {
			err := transport.Publish(t.Context(), n, &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: []byte{byte('0' + i)}})
			switch {
			case errors.Is(err, transport.ErrFull):
				refused++
			case err != nil:
				t.Fatal(err)
			}
		}
		kept := 10 - refused
		if overflow == transport.DropOldest {
			until(t, func() bool { return s.Stats().Dropped == 6 }, "what is dropped is counted")
			kept = 4
		}
		got := ""
		for range kept {
			d := <-c
			got += string(d.Body)
			if err := d.Settle(nil); err != nil {
				t.Error(err)
			}
		}
		if want := map[bool]string{true: "0789", false: "0123"}[overflow == transport.DropOldest]; got != want || (refused > 0) == (overflow == transport.DropOldest) {
			t.Errorf("overflow %d: %q are kept, want %q; %d refused; %+v", overflow, got, want, refused, s.Stats())
		}
		until(t, func() bool {
			st := s.Stats()
			return st.InFlight == 0 && st.Handled == uint64(kept) && st.Balance() == 0
		}, "the counts add up")
		shut(t, n)
	}
}

// TestCapacityBytes has a queue be full of few bytes.
func TestCapacityBytes(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	n := l.node("a")
	c, s := held(t, n, transport.Profile{CapacityBytes: 100, Prefetch: 1, Overflow: transport.Reject})
	body := []byte(strings.Repeat("x", 60))
	var err error
	sent := uint64(0)
	for ; err == nil && sent < 20; sent++ {
		err = transport.Publish(t.Context(), n, &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: body})
	}
	if !errors.Is(err, transport.ErrFull) || sent > 5 {
		t.Errorf("after %d events: %v", sent, err)
	}
	for range sent - 1 {
		_ = (<-c).Settle(nil)
	}
	until(t, func() bool { return s.Stats().Handled == sent-1 }, "what was taken is handled")
	shut(t, n)
}
