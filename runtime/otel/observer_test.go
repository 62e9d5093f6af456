package otel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/otel"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type thing struct{ n int }

var errBroken = errors.New("broken")

// TestObserver publishes to a direct and to a queued handler, which fails once, and
// looks at the spans and the metrics.
func TestObserver(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	reader := sdkmetric.NewManualReader()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	o, err := otel.New(otel.WithTracerProvider(tracers), otel.WithMeterProvider(meters))
	if err != nil {
		t.Fatal(err)
	}
	b := bus.New(bus.WithObserver(o), bus.OnError(func(*bus.Subscription, error) {}))
	stop, err := otel.Watch(b, otel.WithMeterProvider(meters))
	if err != nil {
		t.Fatal(err)
	}
	p, err := bus.NewKeyedPublisher[thing](b, topic.MustFamily("event.m", "go"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Subscribe(b, "event.#", func(context.Context, *bus.Event[thing]) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Subscribe(b, "#", func(context.Context, *bus.Event[thing]) error { return errBroken },
		bus.WithProfile(transport.Profile{Retry: transport.Retry{Attempts: 2, Initial: time.Millisecond}})); err != nil {
		t.Fatal(err)
	}
	ctx, root := tracers.Tracer("test").Start(t.Context(), "root")
	if err := p.Publish(ctx, "k1", &thing{1}); err != nil {
		t.Fatal(err)
	}
	root.End()
	queues := collect(t, reader)
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := collect(t, reader)
	for name, want := range map[string]int64{
		"messaging.client.sent.messages": 1, "messaging.client.operation.duration": 1, "messaging.client.consumed.messages": 3,
		"messaging.process.duration": 3, "xsgen.retried": 1, "xsgen.lost": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %d, want %d", name, got[name], want)
		}
	}
	if queues["xsgen.queue.in_flight"]+queues["xsgen.queue.waiting"] != 1 {
		t.Errorf("queues: %v", queues)
	}
	checkSpans(t, spans.Ended())
	if err := errors.Join(stop(), tracers.Shutdown(t.Context()), meters.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// checkSpans wants the publish below the root, and all calls below the publish.
func checkSpans(t *testing.T, ended []sdktrace.ReadOnlySpan) {
	t.Helper()
	byName := map[string][]sdktrace.ReadOnlySpan{}
	for _, s := range ended {
		byName[s.Name()] = append(byName[s.Name()], s)
	}
	publish, process := byName["publish event.m.+.go"], byName["process event.m.+.go"]
	if len(publish) != 1 || len(process) != 3 {
		t.Fatalf("%d publishes and %d calls were traced: %v", len(publish), len(process), byName)
	}
	if publish[0].Parent().SpanID() != byName["root"][0].SpanContext().SpanID() {
		t.Error("the publish is not a child of what it was called in")
	}
	failed := 0
	for _, s := range process {
		if s.Parent().SpanID() != publish[0].SpanContext().SpanID() {
			t.Error("a call is not a child of the publish")
		}
		if s.Status().Description == "broken" {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d calls have failed", failed)
	}
	set := attribute.NewSet(publish[0].Attributes()...)
	if v, _ := set.Value("messaging.destination.name"); v.AsString() != "event.m.k1.go" {
		t.Errorf("the publish says %v", publish[0].Attributes())
	}
}

// collect are the sums of all metrics: of counters, of gauges, and how often a
// histogram was asked.
func collect(t *testing.T, r sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	sums := map[string]int64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					sums[m.Name] += p.Value
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					sums[m.Name] += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					sums[m.Name] += int64(p.Count)
				}
			}
		}
	}
	return sums
}
