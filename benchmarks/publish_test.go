package benchmarks

import (
	"context"
	"fmt"
	"testing"

	eventbus "github.com/asaskevich/EventBus"

	"github.com/xsgen/xsgen/runtime/bus"
)

type order struct {
	ID    string
	Cents int64
}

// BenchmarkPublish hands a value to handlers in the same goroutine: by a loop over
// a slice of functions of the bus's own signature, by the bus, by EventBus.
func BenchmarkPublish(b *testing.B) {
	ctx := context.Background()
	v := &order{"k", 5}
	for _, n := range []int{1, 10} {
		sum := int64(0)
		handler := func(_ context.Context, e *bus.Event[order]) error { sum += e.Value().Cents; return nil }
		b.Run(fmt.Sprintf("slice-%d", n), func(b *testing.B) {
			funcs := make([]func(context.Context, *bus.Event[order]) error, n)
			for i := range funcs {
				funcs[i] = handler
			}
			e := captured(b, v)
			b.ReportAllocs()
			for b.Loop() {
				callAll(ctx, funcs, e)
			}
		})
		b.Run(fmt.Sprintf("xsgen-%d", n), func(b *testing.B) {
			eb := bus.New()
			for range n {
				if _, err := bus.Subscribe(eb, "a.b", handler); err != nil {
					b.Fatal(err)
				}
			}
			p, err := bus.NewPublisher[order](eb, "a.b")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = p.Publish(ctx, v)
			}
		})
		b.Run(fmt.Sprintf("eventbus-%d", n), func(b *testing.B) {
			eb := eventbus.New()
			for range n {
				if err := eb.Subscribe("a.b", func(_ context.Context, v *order) { sum += v.Cents }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				eb.Publish("a.b", ctx, v)
			}
		})
	}
}

//go:noinline
func callAll(ctx context.Context, funcs []func(context.Context, *bus.Event[order]) error, e *bus.Event[order]) {
	for _, f := range funcs {
		if err := f(ctx, e); err != nil {
			return
		}
	}
}

// captured is an event of the bus that outlives its handler.
func captured(b *testing.B, v *order) *bus.Event[order] {
	b.Helper()
	eb := bus.New()
	var e *bus.Event[order]
	if _, err := bus.Subscribe(eb, "a", func(_ context.Context, ev *bus.Event[order]) error { e = ev.Clone(); return nil }); err != nil {
		b.Fatal(err)
	}
	p, err := bus.NewPublisher[order](eb, "a")
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Publish(context.Background(), v); err != nil {
		b.Fatal(err)
	}
	return e
}
