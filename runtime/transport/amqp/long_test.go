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

// TestLongWay has a network where each way takes 25 ms: with a window of 4,000 at least
// 10,000 events per second are confirmed.
func TestLongWay(t *testing.T) {
	const n, window, must = 100_000, 4000, 10_000
	l := newLab(t, rabbit.Shared(t))
	for _, w := range []*way{&l.up, &l.down} {
		w.set(func(w *way) { w.delay = 25 * time.Millisecond })
	}
	keep := transport.Queue{Node: "reader", Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: transport.Profile{Capacity: 2 * n}}
	node := l.node("a", amqp.Window(window), amqp.Queues(keep))
	if err := node.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: make([]byte, 64)}
	pending := make([]transport.Pending, window)
	start := time.Now()
	for i := range n + window {
		if w := pending[i%window]; w != nil {
			if err := w.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if pending[i%window] = nil; i < n {
			w, err := node.Begin(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			pending[i%window] = w
		}
	}
	rate := n / time.Since(start).Seconds()
	if t.Logf("%.0f confirmed per second", rate); rate < must {
		t.Errorf("%.0f confirmed per second, want %d", rate, must)
	}
	shut(t, node)
}
