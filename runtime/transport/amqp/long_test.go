//go:build faults

package amqp_test

import (
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// TestLongBrokerStopped has the broker end in order and start again, three times, and be
// killed three times, under traffic.
func TestLongBrokerStopped(t *testing.T) {
	b := rabbit.Own(t)
	leaksNothing(t)
	r := newTraffic(t, newLab(t, b), 8)
	time.Sleep(registered)
	for range 3 {
		for _, end := range []func() error{b.Stop, b.Kill} {
			r.more(500)
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if err := b.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.more(500)
	r.end(true)
}

// TestLongWay has a network where each way takes 25 ms. Events are confirmed all the same as fast
// as a broker on the same two processors stores them, since a window of them may be unconfirmed.
// Whoever waited for each would have 20.
func TestLongWay(t *testing.T) {
	const must = 10_000
	for name, p := range map[string]transport.Profile{"one message each": {}, "several in a message": transport.HighThroughput()} {
		t.Run(name, func(t *testing.T) {
			if rate := longWay(t, &p); rate < must {
				t.Errorf("%.0f confirmed per second, want %d", rate, must)
			} else {
				t.Logf("%.0f confirmed per second", rate)
			}
		})
	}
}

// longWay returns how many events are confirmed per second.
func longWay(t *testing.T, p *transport.Profile) float64 {
	const n, ahead = 50_000, 4000
	l := newLab(t, rabbit.Shared(t))
	for _, w := range []*way{&l.up, &l.down} {
		w.set(func(w *way) { w.delay = 25 * time.Millisecond })
	}
	keep := transport.Queue{Node: "reader", Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: transport.Profile{Capacity: 2 * n}}
	node := l.node("a", amqp.Queues(keep))
	if err := node.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: make([]byte, 64), Profile: p}
	pending := make([]transport.Pending, ahead)
	start := time.Now()
	for i := range n + ahead {
		if w := pending[i%ahead]; w != nil {
			if err := w.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if pending[i%ahead] = nil; i < n {
			w, err := node.Begin(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			pending[i%ahead] = w
		}
	}
	rate := n / time.Since(start).Seconds()
	shut(t, node)
	return rate
}
