package benchmarks

import (
	"context"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// counter is who handles events, as a machine would.
type counter struct{ sum int64 }

func (c *counter) Handle(_ context.Context, v *order) error {
	c.sum += v.Cents
	return nil
}

// BenchmarkWiring publishes an event to one handler: by the bus alone, in a queue and
// direct, and by what wires a link between two machines of one node. A run ends when
// everything has been handled.
func BenchmarkWiring(b *testing.B) {
	profile := transport.Profile{Capacity: room}
	link := node.Inbox{Name: "in", Profile: profile}
	inline := node.Inbox{Name: "in", Direct: true}
	b.Run("bus", func(b *testing.B) { byBus(b, bus.WithProfile(profile)) })
	b.Run("link", func(b *testing.B) { byNode(b, link, "a.b") })
	b.Run("links", func(b *testing.B) { byNode(b, link, "c.d", "a.b", "e.f") })
	b.Run("direct", func(b *testing.B) { byBus(b) })
	b.Run("inline", func(b *testing.B) { byNode(b, inline, "a.b") })
	b.Run("inlines", func(b *testing.B) { byNode(b, inline, "c.d", "a.b", "e.f") })
}

func byBus(b *testing.B, opts ...bus.SubscribeOption) {
	b.ReportAllocs()
	eb, c := bus.New(), &counter{}
	if _, err := bus.SubscribeAny(eb, "a.b", taking(c), opts...); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	publishAll(b, eb)
	_ = eb.Close(context.Background())
	c.check(b)
}

func byNode(b *testing.B, in node.Inbox, patterns ...topic.Pattern) {
	b.ReportAllocs()
	c := &counter{}
	for _, p := range patterns {
		in.Routes = append(in.Routes, node.Route{Pattern: p, Local: true, Take: taking(c)})
	}
	n := node.New(&node.Plan{Node: "n"}, node.Config{})
	n.AddMachine(node.Machine{ID: "m", Inboxes: []node.Inbox{in}})
	if err := n.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	publishAll(b, n.Bus())
	if err := n.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
	c.check(b)
}

// taking hands events to a handler, as generated code does.
func taking(c *counter) func(context.Context, *bus.AnyEvent) error {
	return func(ctx context.Context, e *bus.AnyEvent) error {
		if v, ok := e.Value().(*order); ok {
			return c.Handle(ctx, v)
		}
		return bus.ErrUnknownEvent
	}
}

func publishAll(b *testing.B, eb *bus.Bus) {
	p, err := bus.NewPublisher[order](eb, "a.b")
	if err != nil {
		b.Fatal(err)
	}
	v, ctx := &order{"k", 1}, context.Background()
	for range b.N {
		_ = p.Publish(ctx, v)
	}
}

// check has everything have been handled.
func (c *counter) check(b *testing.B) {
	if c.sum != int64(b.N) {
		b.Fatalf("%d of %d events were handled", c.sum, b.N)
	}
}
