//go:build xsgendebug

package bus_test

import (
	"context"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
)

// TestUseAfterReturn keeps events beyond their handlers.
func TestUseAfterReturn(t *testing.T) {
	r := newRig(t)
	var kept []func() any
	for _, opt := range []bus.SubscribeOption{bus.Direct(), bus.Queued(2)} {
		subscribe(t, r.bus, "#", func(_ context.Context, e *bus.Event[msg]) error {
			kept = append(kept, func() any { return e.Value() }, func() any { return e.ID() })
			return nil
		}, opt)
		if _, err := bus.SubscribeAny(r.bus, "#", func(_ context.Context, e *bus.AnyEvent) error {
			kept = append(kept, func() any { return e.Value() }, func() any { return e.Key() })
			return nil
		}, opt); err != nil {
			t.Fatal(err)
		}
		r.send("", "a")
		if err := r.bus.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r = newRig(t)
	}
	if len(kept) != 8 {
		t.Fatalf("%d calls", len(kept))
	}
	for i, use := range kept {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d: an event was used after its handler had returned", i)
				}
			}()
			use()
		}()
	}
}
