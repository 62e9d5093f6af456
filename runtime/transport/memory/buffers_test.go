package memory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
)

// TestBuffersAreNotReused holds deliveries, some of them taken back, while many other
// messages pass.
func TestBuffersAreNotReused(t *testing.T) {
	tr := memory.New()
	defer shut(t, tr)
	r, ch := held()
	s := hear(t, tr, "event.#", transport.Profile{Prefetch: 50, Sensitive: true}, r)
	gone, goneCh := held()
	left := hear(t, tr, "event.#", transport.Profile{Prefetch: 50}, gone)
	for i := range 50 {
		publish(t, tr, message("event.a", fmt.Sprint("body ", i)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var old []*transport.Delivery
	for range 50 {
		old = append(old, <-goneCh)
	}
	cancel()
	if err := left.Close(ctx); !errors.Is(err, transport.ErrDrainTimeout) {
		t.Fatal(err)
	}
	other := hear(t, tr, "state.#", transport.Profile{}, transport.Serve(1, func(context.Context, *transport.Delivery) error { return nil }))
	for range 500 {
		publish(t, tr, message("state.a", "something else"))
	}
	for i := range 50 {
		d := <-ch
		if want := fmt.Sprint("body ", i); string(d.Body) != want || string(old[i].Body) != want {
			t.Errorf("%q and %q, want %q", d.Body, old[i].Body, want)
		}
		if err := d.Settle(nil); err != nil {
			t.Error(err)
		}
		if want := fmt.Sprint("body ", i); string(old[i].Body) != want {
			t.Errorf("%q, want %q, though it is not settled", old[i].Body, want)
		}
		if err := old[i].Settle(nil); !errors.Is(err, transport.ErrStale) {
			t.Error(err)
		}
	}
	if st := s.Stats(); st.Handled != 50 {
		t.Errorf("%+v", st)
	}
	if err := other.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
