//go:build !xsgendebug

package memory_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
)

// TestSensitive looks at a buffer after it was given back.
func TestSensitive(t *testing.T) {
	sensitive := transport.Profile{Sensitive: true}
	for _, tt := range []struct {
		name      string
		publisher *transport.Profile
		receivers [2]transport.Profile
		wiped     bool
	}{
		{"nobody's", nil, [2]transport.Profile{}, false},
		{"the publisher's", &sensitive, [2]transport.Profile{}, true},
		{"a receiver's", nil, [2]transport.Profile{{}, sensitive}, true},
	} {
		tr := memory.New()
		r, ch := held()
		for _, p := range tt.receivers {
			hear(t, tr, "event.#", p, r)
		}
		m := message("event.a", "secret")
		m.Profile = tt.publisher
		publish(t, tr, m)
		a, b := <-ch, <-ch
		body := a.Body
		if err := a.Settle(nil); err != nil || string(body) != "secret" {
			t.Errorf("%s: %q was wiped while a receiver has it (%v)", tt.name, body, err)
		}
		if err := b.Settle(nil); err != nil {
			t.Error(err)
		}
		if wiped := len(bytes.Trim(body, "\x00")) == 0; wiped != tt.wiped {
			t.Errorf("%s: wiped is %v: %q", tt.name, wiped, body)
		}
		shut(t, tr)
	}
}

// TestSensitiveDropped has one subscription drop, or give up, what another one has
// settled: then the buffer is wiped.
func TestSensitiveDropped(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    transport.Profile
	}{
		{"the oldest", transport.Profile{Capacity: 2, Overflow: transport.DropOldest}},
		{"the newest", transport.Profile{Capacity: 1, Overflow: transport.DropNewest}},
		{"given up", transport.Profile{}},
	} {
		tr := memory.New()
		all, ch := held()
		hear(t, tr, "event.#", transport.Profile{Prefetch: 10, Sensitive: true}, all)
		stuck, first := held()
		s := hear(t, tr, "event.#", tt.p, stuck)
		publish(t, tr, message("event.a", "first"))
		<-first
		for range 2 {
			publish(t, tr, message("event.a", "secret"))
		}
		<-ch
		d := <-ch // the second message
		body := d.Body
		if tt.p.Capacity == 0 {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Close(ctx); !errors.Is(err, transport.ErrDrainTimeout) {
				t.Error(err)
			}
		}
		if string(body) != "secret" {
			t.Errorf("%s: %q was wiped while a receiver has it", tt.name, body)
		}
		if err := d.Settle(nil); err != nil || len(bytes.Trim(body, "\x00")) > 0 {
			t.Errorf("%s: %q is left (%v)", tt.name, body, err)
		}
		shut(t, tr)
	}
}
