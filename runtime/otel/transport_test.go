package otel_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/otel"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
	"github.com/xsgen/xsgen/runtime/transport/transporttest"
)

// lab is an observer with what it has seen.
type lab struct {
	*otel.Observer
	t       *testing.T
	tracers *sdktrace.TracerProvider
	meters  *sdkmetric.MeterProvider
	spans   *tracetest.InMemoryExporter
	reader  *sdkmetric.ManualReader
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	l.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(l.spans))
	l.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(l.reader))
	var err error
	l.Observer, err = otel.New(otel.WithTracerProvider(l.tracers), otel.WithMeterProvider(l.meters))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// values are all figures, by name and attributes.
func (l *lab) values() map[string]float64 {
	l.t.Helper()
	var data metricdata.ResourceMetrics
	if err := l.reader.Collect(context.Background(), &data); err != nil {
		l.t.Fatal(err)
	}
	out := map[string]float64{}
	put := func(name string, set attribute.Set, v float64) {
		for _, kv := range set.ToSlice() {
			name += " " + kv.Value.String()
		}
		out[name] = v
	}
	for _, m := range data.ScopeMetrics[0].Metrics {
		switch d := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range d.DataPoints {
				put(m.Name, p.Attributes, float64(p.Value))
			}
		case metricdata.Gauge[int64]:
			for _, p := range d.DataPoints {
				put(m.Name, p.Attributes, float64(p.Value))
			}
		case metricdata.Gauge[float64]:
			for _, p := range d.DataPoints {
				put(m.Name, p.Attributes, p.Value)
			}
		}
	}
	return out
}

func (l *lab) figures(want map[string]float64) {
	l.t.Helper()
	got := l.values()
	for name, v := range want {
		if got[name] != v {
			l.t.Errorf("%s is %v, want %v; there are %q", name, got[name], v, slices.Sorted(maps.Keys(got)))
		}
	}
}

// said is an event that can leave a process.
type said struct{ text string }

func (s *said) AppendMsgpack(b []byte) ([]byte, error) { return codec.AppendString(b, s.text, nil) }

func (s *said) UnmarshalMsgpack(b []byte) error {
	r := codec.NewReader(b)
	s.text = r.String()
	return r.Finish()
}

// plan is that of a node which says hello, or answers, by the wire.
func plan(id string, wire transport.Transport, leaves topic.Pattern) *node.Plan {
	return &node.Plan{
		Topology: "test", Node: id, Outgoing: []node.Outgoing{{Pattern: leaves, Via: "wire"}},
		Transports: []node.TransportPlan{{Name: "wire", Open: func(context.Context, transport.Config) (transport.Transport, error) { return wire, nil }}},
		Types:      []node.Type{{Pattern: "emit.#", Name: "Said", Decode: node.Decode[said]}},
	}
}

// TestTwoNodes has an event leave a node, another node's machine answer it by one that comes
// back: all of that is one trace.
func TestTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, wire := newLab(t), memory.New()
		config := node.Config{BusOptions: []bus.Option{bus.WithObserver(l)}, Around: l.Transport, OnError: func(err error) { t.Error(err) }}
		hears := func(p topic.Pattern, take func(context.Context, *bus.AnyEvent) error) node.Machine {
			return node.Machine{ID: "m", Inboxes: []node.Inbox{{Name: "m", Routes: []node.Route{{Pattern: p, Via: []string{"wire"}, Take: take}}}}}
		}
		ann, bob := node.New(plan("ann", wire, "emit.ann.hello"), config), node.New(plan("bob", wire, "emit.bob.answer"), config)
		answers, err := bus.NewPublisher[said](bob.Bus(), "emit.bob.answer")
		if err != nil {
			t.Fatal(err)
		}
		hellos, err := bus.NewPublisher[said](ann.Bus(), "emit.ann.hello")
		if err != nil {
			t.Fatal(err)
		}
		heard := ""
		ann.AddMachine(hears("emit.bob.*", func(_ context.Context, e *bus.AnyEvent) error { heard = e.Value().(*said).text; return nil }))
		bob.AddMachine(hears("emit.ann.*", func(ctx context.Context, e *bus.AnyEvent) error {
			return answers.Publish(ctx, &said{"you said " + e.Value().(*said).text})
		}))
		for _, n := range []*node.Node{ann, bob} {
			if err := n.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, root := l.tracers.Tracer("test").Start(t.Context(), "root")
		if err := hellos.Publish(ctx, &said{"hello"}); err != nil {
			t.Fatal(err)
		}
		root.End()
		synctest.Wait()
		if heard != "you said hello" {
			t.Errorf("it has heard %q", heard)
		}
		checkLineage(l)
		l.figures(map[string]float64{
			"xsgen.transport.messages wire handled ann.m": 1, "xsgen.transport.messages wire handled bob.m": 1,
			"messaging.client.sent.messages wire": 2, "messaging.client.consumed.messages wire ann.m": 1,
			"xsgen.transport.state wire ready": 2, "xsgen.transport.state wire closed": 0,
		})
		for _, n := range []*node.Node{ann, bob} {
			if err := n.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		l.figures(map[string]float64{"xsgen.transport.messages wire handled ann.m": 1, "xsgen.transport.state wire ready": 0})
	})
}

func checkLineage(l *lab) {
	l.t.Helper()
	all := l.spans.GetSpans()
	var last tracetest.SpanStub
	for _, s := range all {
		for _, kv := range s.Attributes {
			if kv.Key == "xsgen.subscription" && kv.Value.AsString() == "ann.m" {
				last = s
			}
		}
	}
	chain := []string{"process wire emit", "send wire emit", "process emit.bob.answer", "publish emit.bob.answer",
		"process wire emit", "send wire emit", "process emit.ann.hello", "publish emit.ann.hello", "root"}
	for i, want := range chain {
		if last.Name != want || last.SpanContext.TraceID() != all[0].SpanContext.TraceID() {
			l.t.Fatalf("the %dth from the end is %q, want %q", i, last.Name, want)
		}
		id := last.Parent.SpanID()
		at := slices.IndexFunc(all, func(s tracetest.SpanStub) bool { return s.SpanContext.SpanID() == id })
		if at < 0 {
			if i < len(chain)-1 {
				l.t.Fatalf("%s has no parent", want)
			}
			return
		}
		last = all[at]
	}
}

// message is one that has a header already.
func message(body string) *transport.Message {
	return &transport.Message{Envelope: transport.Envelope{Topic: "event.a", Headers: map[string]string{"own": "1"}}, Body: []byte(body)}
}

// TestTraceContext looks at the headers: they are W3C's, with the state of the trace, beside
// the message's own, which is not changed; and without a trace there are none.
func TestTraceContext(t *testing.T) {
	l := newLab(t)
	tr := memory.New()
	got := make(chan *transport.Message, 1)
	plainly, err := tr.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"#"},
		Receive: func(_ context.Context, d *transport.Delivery) { got <- d.Clone(); _ = d.Settle(nil) }})
	if err != nil {
		t.Fatal(err)
	}
	state, err := trace.ParseTraceState("vendor=x")
	if err != nil {
		t.Fatal(err)
	}
	outside := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 7}, SpanID: trace.SpanID{7: 9}, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true})
	w := l.Transport("wire", tr)
	m := message("a")
	if err := transport.Publish(trace.ContextWithRemoteSpanContext(t.Context(), outside), w, m); err != nil {
		t.Fatal(err)
	}
	h := (<-got).Headers
	if len(h) != 3 || h["own"] != "1" || h["tracestate"] != "vendor=x" || !strings.HasPrefix(h["traceparent"], "00-00000000000000000000000000000007-") || !strings.HasSuffix(h["traceparent"], "-01") {
		t.Errorf("%v", h)
	}
	if len(m.Headers) != 1 {
		t.Errorf("the message of the caller has %v", m.Headers)
	}
	silent, err := otel.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := transport.Publish(t.Context(), silent.Transport("wire", tr), &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}}); err != nil {
		t.Fatal(err)
	}
	if h := (<-got).Headers; len(h) != 0 {
		t.Errorf("without a trace there are %v", h)
	}
	if err := errors.Join(plainly.Close(t.Context()), w.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// TestHostileTraceContext has messages come with headers that are no trace's, or too long.
func TestHostileTraceContext(t *testing.T) {
	l := newLab(t)
	w := l.Transport("wire", memory.New())
	n := 0
	if _, err := w.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"#"}, Receive: transport.Serve(1, func(ctx context.Context, _ *transport.Delivery) error {
		n++
		return nil
	})}); err != nil {
		t.Fatal(err)
	}
	bare := w.(interface{ Unwrap() transport.Transport }).Unwrap()
	for _, parent := range []string{"", "00", "x", strings.Repeat("0", 5000), "00-00000000000000000000000000000000-0000000000000000-01"} {
		m := message("a")
		m.Headers["traceparent"], m.Headers["tracestate"] = parent, strings.Repeat("a=b,", 5000)
		if err := transport.Publish(t.Context(), bare, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(t.Context()); err != nil || n != 5 {
		t.Errorf("%d were handled: %v", n, err)
	}
	for _, s := range l.spans.GetSpans() {
		if s.Parent.IsValid() || s.SpanContext.TraceState().Len() > 0 {
			t.Errorf("%s is a child of nonsense", s.Name)
		}
	}
}

// TestFailuresAreTraced has a message fail, be tried again, and a request: their spans and
// figures say so.
func TestFailuresAreTraced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		w := l.Transport("wire", memory.New())
		stuck := make(chan struct{})
		subscribe := func(name string, p topic.Pattern, h func(context.Context, *transport.Delivery) error) {
			if _, err := w.Subscribe(t.Context(), transport.SubscribeRequest{Name: name, Patterns: []topic.Pattern{p},
				Profile: transport.Profile{Retry: transport.Retry{Attempts: 2, Initial: time.Second}}, Receive: transport.Serve(1, h)}); err != nil {
				t.Fatal(err)
			}
		}
		subscribe("bad", "event.a", func(context.Context, *transport.Delivery) error { panic("oh") })
		subscribe("slow", "state.#", func(context.Context, *transport.Delivery) error { <-stuck; return nil })
		subscribe("answers", "event.quote", func(ctx context.Context, d *transport.Delivery) error {
			return d.Reply(ctx, &transport.Message{Body: []byte("7")})
		})
		if err := transport.Publish(t.Context(), w, message("a")); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := transport.Publish(t.Context(), w, &transport.Message{Envelope: transport.Envelope{Topic: "state.a"}}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second)
		reply, err := w.Request(t.Context(), &transport.Message{Envelope: transport.Envelope{Topic: "event.quote"}})
		if err != nil || string(reply.Body) != "7" {
			t.Errorf("%v, %v", reply, err)
		}
		if _, err := w.Request(t.Context(), &transport.Message{Envelope: transport.Envelope{Topic: "event.nobody"}}); !errors.Is(err, transport.ErrNoListener) {
			t.Error(err)
		}
		synctest.Wait()
		l.figures(map[string]float64{
			"xsgen.transport.messages wire failed bad": 2, "xsgen.transport.messages wire retried bad": 1, "xsgen.transport.messages wire dead bad": 1,
			"xsgen.retried wire bad": 1, "messaging.client.consumed.messages wire bad": 2, "xsgen.transport.waiting wire slow": 2,
			"xsgen.transport.in_flight wire slow": 1, "xsgen.transport.age wire slow": 5, "messaging.client.sent.messages wire": 6,
		})
		failed := map[string]int{}
		for _, s := range l.spans.GetSpans() {
			if s.Status.Description != "" {
				failed[fmt.Sprint(s.Name, ": ", s.Status.Description)]++
			}
		}
		if len(failed) != 2 || failed["process wire event: xsgen: a handler panicked: oh"] != 2 {
			t.Errorf("%v", failed)
		}
		close(stuck)
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.figures(map[string]float64{"xsgen.transport.messages wire handled slow": 3, "xsgen.transport.waiting wire slow": 0, "xsgen.transport.age wire slow": 0})
	})
}

// TestBatchesAreTraced has batches of messages of different traces.
func TestBatchesAreTraced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		w := l.Transport("wire", memory.New())
		var traces []trace.TraceID
		p := transport.Profile{BatchSize: 2, BatchTimeout: time.Second, Prefetch: 4} // all come with the first
		if _, err := w.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"#"}, Profile: p,
			Receive: transport.ServeBatch(p, func(ctx context.Context, b []*transport.Delivery) error {
				traces = append(traces, trace.SpanContextFromContext(ctx).TraceID())
				time.Sleep(time.Second)
				return nil
			})}); err != nil {
			t.Fatal(err)
		}
		var want []trace.TraceID
		for range 4 {
			ctx, span := l.tracers.Tracer("test").Start(t.Context(), "root")
			want = append(want, span.SpanContext().TraceID())
			if err := transport.Publish(ctx, w, message("a")); err != nil {
				t.Fatal(err)
			}
			span.End()
		}
		if err := w.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(traces, []trace.TraceID{want[0], want[2]}) {
			t.Errorf("%v, want the first and the third of %v", traces, want)
		}
	})
}

// TestWatch has events wait in the queues of a bus.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		b := bus.New(bus.WithObserver(l))
		stop, err := otel.Watch(b, otel.WithMeterProvider(l.meters))
		if err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		for range 2 {
			if _, err := bus.SubscribeAny(b, "event.#", func(context.Context, *bus.AnyEvent) error { <-release; return nil }, bus.Queued(4)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := bus.SubscribeAny(b, "#", func(context.Context, *bus.AnyEvent) error { return nil }); err != nil {
			t.Fatal(err)
		}
		p, err := bus.NewPublisher[said](b, "event.a")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // the handlers have the first one
			if err := p.Publish(t.Context(), &said{}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			time.Sleep(2 * time.Second)
		}
		l.figures(map[string]float64{
			"xsgen.queue.waiting event.#": 4, "xsgen.queue.in_flight event.#": 2, "xsgen.queue.age event.#": 4, "xsgen.spares": 3,
		})
		close(release)
		if err := errors.Join(b.Close(t.Context()), stop()); err != nil {
			t.Fatal(err)
		}
		if _, there := l.values()["xsgen.spares"]; there {
			t.Error("it is still exported")
		}
	})
}

// TestConformance has a transport that is observed keep all that it promises. There is no
// trace: the suite looks at headers.
func TestConformance(t *testing.T) {
	o, err := otel.New(otel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))))
	if err != nil {
		t.Fatal(err)
	}
	transporttest.Run(t, func(testing.TB) transporttest.Network {
		w := o.Transport("wire", memory.New())
		return transporttest.Network{Node: func(string) transport.Transport { return w }}
	})
}
