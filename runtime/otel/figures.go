package otel

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/xsgen/xsgen/runtime/transport"
)

// figures are what the transports of an Observer count themselves.
type figures struct {
	waiting, inFlight, bytes, states, held metric.Int64ObservableGauge
	age                                    metric.Float64ObservableGauge
	messages, taken, missed                metric.Int64ObservableCounter

	mu         sync.Mutex
	transports map[*observed]struct{} // that are not closed
	open       map[transport.Subscription]opened
	ended      map[series]transport.Stats // of subscriptions that are not open any more
}

// series is what figures are told apart by.
type series struct{ system, subscription string }

func (s series) attributes(more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(append(more, attribute.String("messaging.system", s.system), attribute.String("xsgen.subscription", s.subscription))...)
}

// opened is what is known of a subscription.
type opened struct {
	of series
	on *observed
}

// register makes the instruments.
func (f *figures) register(m *instruments) {
	f.transports, f.open, f.ended = map[*observed]struct{}{}, map[transport.Subscription]opened{}, map[series]transport.Stats{}
	f.waiting = m.gauge("xsgen.transport.waiting", "Messages in queues.", "{message}")
	f.inFlight = m.gauge("xsgen.transport.in_flight", "Messages that are delivered and not settled, or wait to be delivered again.", "{message}")
	f.bytes = m.gauge("xsgen.transport.bytes", "Bodies of the messages of queues that limit them.", "By")
	f.age = m.seconds("xsgen.transport.age", "How long the oldest message of a queue has waited.")
	f.states = m.gauge("xsgen.transport.state", "Transports that are in a state.", "{transport}")
	f.messages = m.sum("xsgen.transport.messages", "What has become of messages.", "{message}")
	f.taken = m.sum("xsgen.buffers.taken", "Uses of buffers for bodies.", "{buffer}")
	f.missed = m.sum("xsgen.buffers.missed", "Buffers for bodies that had to be allocated.", "{buffer}")
	f.held = m.gauge("xsgen.buffers.held", "Bodies in buffers.", "By")
	if m.err == nil {
		_, err := m.meter.RegisterCallback(f.observe, f.waiting, f.inFlight, f.bytes, f.age, f.states, f.messages, f.taken, f.missed, f.held)
		m.note(err)
	}
}

// observe is the callback of all figures.
func (f *figures) observe(_ context.Context, to metric.Observer) error {
	for of, st := range f.sums() {
		at := of.attributes()
		to.ObserveInt64(f.waiting, int64(st.Waiting), at)
		to.ObserveInt64(f.inFlight, int64(st.InFlight), at)
		to.ObserveInt64(f.bytes, st.Bytes, at)
		to.ObserveFloat64(f.age, st.Oldest.Seconds(), at)
		for outcome, n := range outcomes(&st) {
			to.ObserveInt64(f.messages, int64(n), of.attributes(attribute.String("xsgen.outcome", outcome)))
		}
	}
	for system, states := range f.byState() {
		for s := transport.Connecting; s <= transport.Closed; s++ {
			to.ObserveInt64(f.states, states[s], metric.WithAttributes(attribute.String("messaging.system", system), attribute.String("xsgen.state", s.String())))
		}
	}
	f.prune()
	b := transport.Buffers()
	to.ObserveInt64(f.taken, int64(b.Taken))
	to.ObserveInt64(f.missed, int64(b.Missed))
	to.ObserveInt64(f.held, b.Held)
	return nil
}

// outcomes are the counters of a subscription, by name.
func outcomes(s *transport.Stats) map[string]uint64 {
	return map[string]uint64{
		"filtered": s.Filtered, "accepted": s.Accepted, "handled": s.Handled, "failed": s.Failed, "retried": s.Retried,
		"dead": s.Dead, "dropped": s.Dropped, "expired": s.Expired, "duplicate": s.Duplicate, "left": s.Left, "gap": s.Gaps,
	}
}

// sums are the figures of all subscriptions, those included that have ended.
func (f *figures) sums() map[series]transport.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	sums := map[series]transport.Stats{}
	for of, st := range f.ended {
		sums[of] = st
	}
	for s, o := range f.open {
		sum := sums[o.of]
		sum.Add(s.Stats())
		sums[o.of] = sum
	}
	return sums
}

// byState counts the transports of a name in each state.
func (f *figures) byState() map[string]*[transport.Closed + 1]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]*[transport.Closed + 1]int64{}
	for t := range f.transports {
		if out[t.name] == nil {
			out[t.name] = new([transport.Closed + 1]int64)
		}
		if s := t.Status().Get().State; int(s) < len(out[t.name]) {
			out[t.name][s]++
		}
	}
	return out
}

// begin has the figures of a subscription be exported.
func (f *figures) begin(s transport.Subscription, o opened) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[s] = o
}

// end keeps what a subscription has counted, which has ended.
func (f *figures) end(s transport.Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sumUp(s)
}

// sumUp adds what a subscription has counted to what others have; f.mu is held.
func (f *figures) sumUp(s transport.Subscription) {
	o, open := f.open[s]
	if !open {
		return
	}
	delete(f.open, s)
	sum := f.ended[o.of]
	sum.Add(s.Stats())
	sum.Waiting, sum.InFlight, sum.Bytes, sum.Oldest = 0, 0, 0, 0
	f.ended[o.of] = sum
}

// add has the figures of a transport be exported.
func (f *figures) add(t *observed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.transports[t] = struct{}{}
}

// prune forgets the transports that are closed, and sums up their subscriptions.
func (f *figures) prune() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for t := range f.transports {
		if t.Status().Get().State == transport.Closed {
			delete(f.transports, t)
		}
	}
	for s, o := range f.open {
		if _, there := f.transports[o.on]; !there {
			f.sumUp(s)
		}
	}
}
