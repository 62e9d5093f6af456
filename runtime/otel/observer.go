// Package otel exports what happens on a bus as OpenTelemetry metrics and traces. It is
// the only package of the runtime that imports OpenTelemetry, and a program that does
// not import it links none of it.
//
// Names follow OpenTelemetry's semantic conventions for messaging where those have one.
// The destination is an event's topic without its key, so that there are only so many
// of them.
package otel

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/xsgen/xsgen/runtime/bus"
)

// scope names the instrumentation.
const scope = "github.com/xsgen/xsgen/runtime/otel"

// Observer is a bus.Observer, and sees what passes a transport, see Transport. It is safe
// for concurrent use, by several buses and transports.
//
// Metrics: messaging.client.sent.messages, messaging.client.operation.duration (of
// publishes, in seconds), messaging.client.consumed.messages (calls of handlers),
// messaging.process.duration (in seconds), xsgen.retried (calls beyond the first for an
// event) and xsgen.lost (events, by xsgen.reason).
//
// Traces: a producer span for each publish, and a consumer span for each call of a
// handler, which is a child of it, in whatever goroutine that runs.
type Observer struct {
	tracer trace.Tracer

	sent, consumed, retried, lost metric.Int64Counter
	publish, process              metric.Float64Histogram

	mu    sync.RWMutex
	known map[string]attribute.Set // of a destination, to build each once

	figures figures
}

// Option is an option of New.
type Option func(*options)

type options struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
}

// WithTracerProvider has spans made by p, instead of by the global provider.
func WithTracerProvider(p trace.TracerProvider) Option { return func(o *options) { o.tracers = p } }

// WithMeterProvider has metrics made by p, instead of by the global provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// New returns an Observer for bus.WithObserver. Its errors are those of the meter.
func New(opts ...Option) (*Observer, error) {
	o := options{otel.GetTracerProvider(), otel.GetMeterProvider()}
	for _, f := range opts {
		f(&o)
	}
	ob := &Observer{tracer: o.tracers.Tracer(scope), known: map[string]attribute.Set{}}
	m := &instruments{meter: o.meters.Meter(scope)}
	ob.sent = m.counter("messaging.client.sent.messages", "Events that were published.", "{message}")
	ob.consumed = m.counter("messaging.client.consumed.messages", "Calls of handlers.", "{message}")
	ob.retried = m.counter("xsgen.retried", "Calls of handlers beyond the first for an event.", "{message}")
	ob.lost = m.counter("xsgen.lost", "Events that were accepted and not handled.", "{message}")
	ob.publish = m.histogram("messaging.client.operation.duration", "How long publishing took.")
	ob.process = m.histogram("messaging.process.duration", "How long handlers took.")
	ob.figures.register(m)
	if m.err != nil {
		return nil, fmt.Errorf("otel: %w", m.err)
	}
	return ob, nil
}

// instruments makes instruments, and keeps the first error.
type instruments struct {
	meter metric.Meter
	err   error
}

func (m *instruments) note(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *instruments) counter(name, description, unit string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithDescription(description), metric.WithUnit(unit))
	m.note(err)
	return c
}

func (m *instruments) histogram(name, description string) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(name, metric.WithDescription(description), metric.WithUnit("s"))
	m.note(err)
	return h
}

// attributes describe an event's destination.
func (o *Observer) attributes(e *bus.AnyEvent) attribute.Set {
	name := string(e.Template())
	o.mu.RLock()
	set, ok := o.known[name]
	o.mu.RUnlock()
	if !ok {
		set = attribute.NewSet(attribute.String("messaging.system", "xsgen"), attribute.String("messaging.destination.template", name))
		o.mu.Lock()
		o.known[name] = set
		o.mu.Unlock()
	}
	return set
}

// Publish implements bus.Observer.
func (o *Observer) Publish(ctx context.Context, e *bus.AnyEvent) (context.Context, func(error)) {
	set, start := o.attributes(e), time.Now()
	ctx, span := o.tracer.Start(ctx, "publish "+string(e.Template()), trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(describe(set, e)...))
	return ctx, func(err error) {
		at := metric.WithAttributeSet(set)
		o.sent.Add(ctx, 1, at)
		o.publish.Record(ctx, time.Since(start).Seconds(), at)
		end(span, err)
	}
}

// Handle implements bus.Observer.
func (o *Observer) Handle(ctx, published context.Context, _ *bus.Subscription, e *bus.AnyEvent, attempt int) (context.Context, func(error)) {
	set, start := o.attributes(e), time.Now()
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContextFromContext(published))
	ctx, span := o.tracer.Start(ctx, "process "+string(e.Template()), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(append(describe(set, e), attribute.Int("xsgen.attempt", attempt))...))
	return ctx, func(err error) {
		at := metric.WithAttributeSet(set)
		o.consumed.Add(ctx, 1, at)
		o.process.Record(ctx, time.Since(start).Seconds(), at)
		if attempt > 1 {
			o.retried.Add(ctx, 1, at)
		}
		end(span, err)
	}
}

// Lose implements bus.Observer.
func (o *Observer) Lose(_ *bus.Subscription, e *bus.AnyEvent, why bus.Loss) {
	o.lost.Add(context.Background(), 1, metric.WithAttributeSet(o.attributes(e)), metric.WithAttributes(attribute.String("xsgen.reason", why.String())))
}

// describe is what a span says of an event: more than a metric may.
func describe(set attribute.Set, e *bus.AnyEvent) []attribute.KeyValue {
	return append(set.ToSlice(), attribute.String("messaging.destination.name", string(e.Topic())), attribute.String("messaging.message.id", e.ID()))
}

func end(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
