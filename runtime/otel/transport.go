package otel

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// w3c carries the trace in the headers traceparent and tracestate.
var w3c propagation.TraceContext

// observed is a transport with an Observer.
type observed struct {
	transport.Transport
	o    *Observer
	name string
	set  attribute.Set
}

// Transport returns t with everything that passes it observed; name is what it is called
// there. It is what node.Config.Around wants. What is sent carries the trace of its ctx
// in its headers, as W3C's trace context has it, and what is received is handled with a ctx
// of the trace that it carries, in whatever process that began; of batches it is that of the
// first message. Whoever is not observed neither reads nor writes those headers.
//
// Traces: a producer span for each message that is sent, a client span for each
// request, and a consumer span for each delivery until it is settled.
//
// Metrics: those of the bus, by messaging.system; of subscriptions (xsgen.subscription, which
// is the group, the name or the patterns) xsgen.transport.waiting, .in_flight, .bytes, .age
// and .messages, by xsgen.outcome, as transport.Stats has them; the transport's
// xsgen.transport.state, by xsgen.state; and of the process's buffers xsgen.buffers.taken,
// .missed and .held.
func (o *Observer) Transport(name string, t transport.Transport) transport.Transport {
	w := &observed{Transport: t, o: o, name: name, set: attribute.NewSet(attribute.String("messaging.system", name))}
	o.figures.add(w)
	return w
}

// Unwrap returns the transport itself.
func (w *observed) Unwrap() transport.Transport { return w.Transport }

// carrying is a copy of m that carries the trace of ctx.
func carrying(ctx context.Context, m *transport.Message) *transport.Message {
	c := *m
	h := maps.Clone(m.Headers)
	if h == nil {
		h = map[string]string{}
	}
	w3c.Inject(ctx, propagation.MapCarrier(h))
	if len(h) > 0 {
		c.Headers = h
	}
	return &c
}

// what is the beginning of a topic, of which there are only so many.
func what(name topic.Name) string {
	kind, _, _ := strings.Cut(string(name), ".")
	return kind
}

// start starts the span of a message.
func (w *observed) start(ctx context.Context, doing string, kind trace.SpanKind, m *transport.Message, more ...attribute.KeyValue) (context.Context, trace.Span) {
	more = append(more, attribute.String("messaging.system", w.name), attribute.String("messaging.destination.name", string(m.Topic)))
	if m.ID != "" {
		more = append(more, attribute.String("messaging.message.id", m.ID))
	}
	return w.o.tracer.Start(ctx, doing+" "+w.name+" "+what(m.Topic), trace.WithSpanKind(kind), trace.WithAttributes(more...))
}

// sent ends the span of a message that was sent, or was not.
func (w *observed) sent(ctx context.Context, span trace.Span, start time.Time, err error) {
	at := metric.WithAttributeSet(w.set)
	w.o.sent.Add(ctx, 1, at)
	w.o.publish.Record(ctx, time.Since(start).Seconds(), at)
	end(span, err)
}

// Begin implements transport.Transport.
func (w *observed) Begin(ctx context.Context, m *transport.Message) (transport.Pending, error) {
	start := time.Now()
	ctx, span := w.start(ctx, "send", trace.SpanKindProducer, m)
	p, err := w.Transport.Begin(ctx, carrying(ctx, m))
	if _, known := p.(transport.Accepted); known || err != nil {
		w.sent(ctx, span, start, err)
		return p, err
	}
	return &pending{Pending: p, known: func(err error) { w.sent(ctx, span, start, err) }}, nil
}

// pending has a span end with the first Wait.
type pending struct {
	transport.Pending
	once  sync.Once
	known func(error)
}

// Wait implements transport.Pending.
func (p *pending) Wait(ctx context.Context) error {
	err := p.Pending.Wait(ctx)
	p.once.Do(func() { p.known(err) })
	return err
}

// Request implements transport.Transport.
func (w *observed) Request(ctx context.Context, m *transport.Message) (*transport.Message, error) {
	start := time.Now()
	ctx, span := w.start(ctx, "request", trace.SpanKindClient, m)
	reply, err := w.Transport.Request(ctx, carrying(ctx, m))
	w.sent(ctx, span, start, err)
	return reply, err
}

// Subscribe implements transport.Transport.
func (w *observed) Subscribe(ctx context.Context, r transport.SubscribeRequest) (transport.Subscription, error) {
	of := series{w.name, called(&r)}
	if r.Receive != nil {
		r.Receive = w.receiver(r.Receive, of)
	}
	s, err := w.Transport.Subscribe(ctx, r)
	if err != nil {
		return nil, err
	}
	w.o.figures.begin(s, opened{of, w})
	return &subscription{s, w.o}, nil
}

// called is what a subscription is called in figures.
func called(r *transport.SubscribeRequest) string {
	switch {
	case r.Group != "":
		return r.Group
	case r.Name != "":
		return r.Name
	}
	var all []string
	for _, p := range r.Patterns {
		all = append(all, string(p))
	}
	return strings.Join(all, ",")
}

// Close implements transport.Transport.
func (w *observed) Close(ctx context.Context) error {
	defer w.o.figures.prune() // where nobody collects figures, nothing is kept
	return w.Transport.Close(ctx)
}

// subscription is one of an observed transport.
type subscription struct {
	transport.Subscription
	o *Observer
}

// Close implements transport.Subscription.
func (s *subscription) Close(ctx context.Context) error {
	err := s.Subscription.Close(ctx)
	if !transport.InReceiver(ctx) { // or it goes on
		s.o.figures.end(s.Subscription)
	}
	return err
}

// delivery is one with a span, which ends when it is settled.
type delivery struct {
	transport.Delivery
	of    *transport.Delivery
	ended func(error)
}

// Settle implements transport.Settler.
func (d *delivery) Settle(_ *transport.Delivery, err error) error {
	d.ended(err)
	return d.of.Settle(err)
}

// Reply implements transport.Settler.
func (d *delivery) Reply(ctx context.Context, _ *transport.Delivery, m *transport.Message) error {
	return d.of.Reply(ctx, m)
}

// Later implements transport.Settler.
func (d *delivery) Later(*transport.Delivery) func(context.Context, *transport.Message) error {
	reply, err := d.of.Detach()
	if err != nil {
		return func(context.Context, *transport.Message) error { return err }
	}
	return reply
}

// receiver has each delivery handled within the trace that it carries.
func (w *observed) receiver(receive transport.Receiver, of series) transport.Receiver {
	at := of.attributes()
	return func(ctx context.Context, d *transport.Delivery) {
		start := time.Now()
		ctx = w3c.Extract(ctx, propagation.MapCarrier(d.Headers))
		ctx, span := w.start(ctx, "process", trace.SpanKindConsumer, &d.Message,
			attribute.String("xsgen.subscription", of.subscription), attribute.Int64("xsgen.attempt", int64(d.Attempt)))
		again := d.Attempt > 1
		own := &delivery{of: d, ended: func(err error) {
			w.o.consumed.Add(ctx, 1, at)
			w.o.process.Record(ctx, time.Since(start).Seconds(), at)
			if again {
				w.o.retried.Add(ctx, 1, at)
			}
			end(span, err)
		}}
		own.Init(&d.Message, own)
		transport.HandOver(ctx, receive, &own.Delivery)
	}
}
