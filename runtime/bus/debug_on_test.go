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
			as := bus.As[msg](e)
			kept = append(kept, func() any { return e.Value() }, func() any { return e.Key() }, func() any { return as.Value() })
			if as.Value() != e.Value() || as.Clone().Value() == nil {
				t.Error("an event of a type is not the event")
			}
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
	if len(kept) != 10 {
		t.Fatalf("%d calls", len(kept))
	}
	unusable(t, kept)
}

// TestUseInABatch keeps the events of a batch until the next one is handled.
func TestUseInABatch(t *testing.T) {
	r := newRig(t)
	var kept []func() any
	subscribe(t, r.bus, "#", func(_ context.Context, e *bus.Event[msg]) error {
		unusable(t, kept)
		kept = append(kept, func() any { return e.Value() })
		return nil
	})
	if err := r.plain.PublishBatch(t.Context(), []*msg{{"a"}, {"b"}, {"c"}}); err != nil || len(kept) != 3 {
		t.Errorf("%v after %d events", err, len(kept))
	}
}

// unusable fails if something can be used.
func unusable(t *testing.T, kept []func() any) {
	t.Helper()
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
