//go:build !xsgendebug

package bus_test

import (
	"context"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
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
