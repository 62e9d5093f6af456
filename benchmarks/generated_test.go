package benchmarks

import (
	"context"
	"testing"

	"github.com/xsgen/xsgen/benchmarks/gauge"
	"github.com/xsgen/xsgen/benchmarks/heard"
	"github.com/xsgen/xsgen/benchmarks/inline"
	"github.com/xsgen/xsgen/benchmarks/meter"
	"github.com/xsgen/xsgen/benchmarks/wired"
	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// counting is the action of a meter, and the handler of a subscription, which is to have seen
// everything.
type counting struct {
	heard.UnimplementedLogHandler
	sum int64
}

func (c *counting) Count(_ context.Context, _ *meter.Turn, e *meter.Tick) error {
	c.sum += e.N
	return nil
}

func (c *counting) GaugeRead(_ context.Context, e *bus.Event[gauge.Read]) error {
	c.sum += e.Value().Value
	return nil
}

// shop is somebody's wiring: how an event is sent, and how all ends, once everything that was
// sent has been handled.
type shop struct {
	send func(context.Context) error
	end  func(context.Context) error
}

// BenchmarkGenerated sends an event from code to a machine, has a machine's event be mapped for
// another one, and has code hear it: by what is generated for a topology, and by the bus and
// the machines alone, as somebody would write it who wants the same and has no topology. A run
// ends when everything has been handled.
func BenchmarkGenerated(b *testing.B) {
	queue := []bus.SubscribeOption{bus.WithProfile(transport.Profile{})}
	for _, c := range []struct {
		name string
		make func(*counting) (shop, error)
	}{
		{"send", func(c *counting) (shop, error) {
			all, err := startQueued(c)
			return shop{func(ctx context.Context) error { return all.Hall.Meter.Tick(ctx, tick) }, all.Shutdown}, err
		}},
		{"send-bus", func(c *counting) (shop, error) { return sending(c, queue...) }},
		{"emit", func(c *counting) (shop, error) {
			all, err := startQueued(c)
			return shop{func(ctx context.Context) error { return all.Hall.Gauge.Poke(ctx, poke) }, all.Shutdown}, err
		}},
		{"emit-bus", func(c *counting) (shop, error) { return emitting(c, queue...) }},
		{"hear", func(c *counting) (shop, error) {
			all, err := heard.StartAll(context.Background(), heard.AllConfig{Hall: heard.HallConfig{Log: c}})
			return shop{func(ctx context.Context) error { return all.Hall.Gauge.Poke(ctx, poke) }, all.Shutdown}, err
		}},
		{"hear-bus", func(c *counting) (shop, error) { return hearing(c, queue...) }},
		{"send-inline", func(c *counting) (shop, error) {
			all, err := startInline(c)
			return shop{func(ctx context.Context) error { return all.Hall.Meter.Tick(ctx, tick) }, all.Shutdown}, err
		}},
		{"send-direct", func(c *counting) (shop, error) { return sending(c) }},
		{"emit-inline", func(c *counting) (shop, error) {
			all, err := startInline(c)
			return shop{func(ctx context.Context) error { return all.Hall.Gauge.Poke(ctx, poke) }, all.Shutdown}, err
		}},
		{"emit-direct", func(c *counting) (shop, error) { return emitting(c) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			c, make := &counting{}, c.make
			s, err := make(c)
			if err != nil {
				b.Fatal(err)
			}
			ctx := context.Background()
			b.ResetTimer()
			for range b.N {
				if err := s.send(ctx); err != nil {
					b.Fatal(err)
				}
			}
			if err := s.end(ctx); err != nil {
				b.Fatal(err)
			}
			if c.sum != int64(b.N) {
				b.Fatalf("%d of %d events were handled", c.sum, b.N)
			}
		})
	}
}

var (
	tick = &meter.Tick{N: 1}
	poke = &gauge.Poke{N: 1}
)

func startQueued(c *counting) (*wired.All, error) {
	return wired.StartAll(context.Background(), wired.AllConfig{Hall: wired.HallConfig{Meter: wired.MeterConfig{Guards: guard{}, Actions: c}}})
}

func startInline(c *counting) (*inline.All, error) {
	return inline.StartAll(context.Background(), inline.AllConfig{Hall: inline.HallConfig{Meter: inline.MeterConfig{Guards: guard{}, Actions: c}}})
}

// closing ends one after the other: who hears, who may say something meanwhile, and the bus.
func closing(all ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, end := range all {
			if err := end(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// sending has a meter hear its events, as Bind does, with a subscription that can be drained.
func sending(c *counting, opts ...bus.SubscribeOption) (shop, error) {
	eb, m := bus.New(), meter.New(guard{}, c)
	if err := m.Connect(eb); err != nil {
		return shop{}, err
	}
	sub, err := bus.SubscribeAny(eb, meter.PatternEvents, func(ctx context.Context, e *bus.AnyEvent) error {
		v, ok := e.Value().(meter.ExternalEvent)
		if !ok {
			return bus.ErrTypeMismatch
		}
		return m.Take(ctx, e, v)
	}, opts...)
	if err != nil {
		return shop{}, err
	}
	p, err := meter.NewPublisher(eb)
	if err != nil {
		return shop{}, err
	}
	return shop{func(ctx context.Context) error { return p.Tick(ctx, tick) }, closing(sub.Close, m.Stop, eb.Close)}, m.Start(context.Background())
}

// gauging binds a gauge to a bus.
func gauging() (*bus.Bus, *gauge.Machine, *gauge.Publisher, error) {
	eb, g := bus.New(), gauge.New()
	if err := g.Bind(eb); err != nil {
		return nil, nil, nil, err
	}
	p, err := gauge.NewPublisher(eb)
	if err != nil {
		return nil, nil, nil, err
	}
	return eb, g, p, g.Start(context.Background())
}

// emitting has a meter hear what a gauge says.
func emitting(c *counting, opts ...bus.SubscribeOption) (shop, error) {
	eb, g, p, err := gauging()
	if err != nil {
		return shop{}, err
	}
	m := meter.New(guard{}, c)
	if err := m.Connect(eb); err != nil {
		return shop{}, err
	}
	sub, err := bus.SubscribeAny(eb, topic.Pattern(gauge.TopicEmitRead), func(ctx context.Context, e *bus.AnyEvent) error {
		v, ok := e.Value().(*gauge.Read)
		if !ok {
			return bus.ErrTypeMismatch
		}
		return m.Take(ctx, e, &meter.Tick{N: v.Value})
	}, opts...)
	if err != nil {
		return shop{}, err
	}
	return shop{func(ctx context.Context) error { return p.Poke(ctx, poke) }, closing(g.Stop, sub.Close, m.Stop, eb.Close)}, m.Start(context.Background())
}

// hearing has code hear what a gauge says.
func hearing(c *counting, opts ...bus.SubscribeOption) (shop, error) {
	eb, g, p, err := gauging()
	if err != nil {
		return shop{}, err
	}
	sub, err := gauge.SubscribeRead(eb, c.GaugeRead, opts...)
	return shop{func(ctx context.Context) error { return p.Poke(ctx, poke) }, closing(g.Stop, sub.Close, eb.Close)}, err
}
