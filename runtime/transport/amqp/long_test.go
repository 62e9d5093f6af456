//go:build faults

package amqp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/transport"
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
	r.end()
}

// TestLongWay has a network where each way takes 25 ms. Events are confirmed all the same as fast
// as a broker on the same two processors stores them and has them consumed, since a window of them
// may be unconfirmed. Whoever waited for each would have 20.
func TestLongWay(t *testing.T) {
	const must = 10_000
	for name, p := range map[string]transport.Profile{"one message each": {}, "several in a message": packing()} {
		t.Run(name, func(t *testing.T) {
			if rate := longWay(t, &p); rate < must {
				t.Errorf("%.0f confirmed per second, want %d", rate, must)
			} else {
				t.Logf("%.0f confirmed per second", rate)
			}
		})
	}
}

// packing is high-throughput, but for what is dropped.
func packing() transport.Profile {
	p := transport.HighThroughput()
	p.Overflow = transport.Block
	return p
}

// longWay returns how many events are confirmed per second, each of which is handled once.
func longWay(t *testing.T, p *transport.Profile) float64 {
	const n, ahead = 50_000, 4000
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	for _, w := range []*way{&l.up, &l.down} {
		w.set(func(w *way) { w.delay = 25 * time.Millisecond })
	}
	r := &traffic{history: newHistory(), t: t, ctx: t.Context(), pub: l.node("writer"), sub: l.node("reader"), stop: make(chan struct{})}
	r.profile = transport.Profile{Capacity: 2 * n, Prefetch: ahead}
	r.sound.Store(true)
	r.read()
	if err := r.pub.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	type sent struct {
		id string
		transport.Pending
	}
	wait := func(s sent) {
		if err := s.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.note(s.id, func(e *fate) { e.confirmed = true })
	}
	pending := make([]sent, 0, ahead)
	body := make([]byte, 64)
	start := time.Now()
	for i := range n {
		if i >= ahead {
			wait(pending[i%ahead])
		} else {
			pending = append(pending, sent{})
		}
		id := fmt.Sprint("job-", i)
		w, err := r.pub.Begin(t.Context(), &transport.Message{Envelope: transport.Envelope{ID: id, Topic: "event.job.do"}, Body: body, Profile: p})
		if err != nil {
			t.Fatal(err)
		}
		pending[i%ahead] = sent{id, w}
	}
	for i := range ahead {
		wait(pending[(n+i)%ahead])
	}
	rate := n / time.Since(start).Seconds()
	r.end()
	return rate
}
