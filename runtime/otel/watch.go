package otel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/xsgen/xsgen/runtime/bus"
)

// Watch exports the figures of b's queues until the returned function is called:
// xsgen.queue.waiting, xsgen.queue.in_flight, where the profile limits them
// xsgen.queue.bytes, and xsgen.queue.age (in seconds, of the event that has waited longest,
// where bus.Stats knows it), by xsgen.subscription, the pattern; and xsgen.spares, the
// events that publishes had to allocate.
func Watch(b *bus.Bus, opts ...Option) (stop func() error, err error) {
	o := options{otel.GetTracerProvider(), otel.GetMeterProvider()}
	for _, f := range opts {
		f(&o)
	}
	m := &instruments{meter: o.meters.Meter(scope)}
	waiting := m.gauge("xsgen.queue.waiting", "Events in queues.", "{message}")
	inFlight := m.gauge("xsgen.queue.in_flight", "Events that handlers have, or that wait to be handled again.", "{message}")
	bytes := m.gauge("xsgen.queue.bytes", "Encoded size of the events of queues that limit it.", "By")
	age := m.seconds("xsgen.queue.age", "How long the oldest event of a queue has waited.")
	spares := m.sum("xsgen.spares", "Events that publishes had to allocate.", "{message}")
	if m.err != nil {
		return nil, fmt.Errorf("otel: %w", m.err)
	}
	reg, err := m.meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for pattern, sum := range queues(b) {
			at := metric.WithAttributes(attribute.String("xsgen.subscription", pattern))
			to.ObserveInt64(waiting, int64(sum.Waiting), at)
			to.ObserveInt64(inFlight, int64(sum.InFlight), at)
			to.ObserveInt64(bytes, sum.Bytes, at)
			to.ObserveFloat64(age, sum.Oldest.Seconds(), at)
		}
		to.ObserveInt64(spares, int64(b.Spares()))
		return nil
	}, waiting, inFlight, bytes, age, spares)
	if err != nil {
		return nil, fmt.Errorf("otel: %w", err)
	}
	return reg.Unregister, nil
}

// queues are the figures by pattern, of several subscriptions together.
func queues(b *bus.Bus) map[string]bus.Stats {
	sums := map[string]bus.Stats{}
	for _, s := range b.Subscriptions() {
		st, sum := s.Stats(), sums[string(s.Pattern())]
		sum.Waiting += st.Waiting
		sum.InFlight += st.InFlight
		sum.Bytes += st.Bytes
		sum.Oldest = max(sum.Oldest, st.Oldest)
		sums[string(s.Pattern())] = sum
	}
	return sums
}

func (m *instruments) gauge(name, description, unit string) metric.Int64ObservableGauge {
	g, err := m.meter.Int64ObservableGauge(name, metric.WithDescription(description), metric.WithUnit(unit))
	m.note(err)
	return g
}

func (m *instruments) seconds(name, description string) metric.Float64ObservableGauge {
	g, err := m.meter.Float64ObservableGauge(name, metric.WithDescription(description), metric.WithUnit("s"))
	m.note(err)
	return g
}

func (m *instruments) sum(name, description, unit string) metric.Int64ObservableCounter {
	c, err := m.meter.Int64ObservableCounter(name, metric.WithDescription(description), metric.WithUnit(unit))
	m.note(err)
	return c
}
