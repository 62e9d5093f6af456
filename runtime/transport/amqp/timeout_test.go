package amqp_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// TestConsumerTimeout has a handler take longer than RabbitMQ allows (consumer_timeout): it closes
// the channel, we consume again, and what was not settled comes again.
func TestConsumerTimeout(t *testing.T) {
	b := rabbit.Own(t)
	limits := func(timeout, tick int) {
		t.Helper()
		expr := fmt.Sprintf("[application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, %d}, {channel_tick_interval, %d}]].", timeout, tick)
		if _, err := b.Ctl(t.Context(), "eval", expr); err != nil {
			t.Fatal(err)
		}
	}
	limits(1000, 200)
	defer limits(1_800_000, 60_000)
	l := newLab(t, b)
	c := l.raw()
	leaksNothing(t)
	var said log
	n := l.node("reader", amqp.Log(said.logger()))
	var mu sync.Mutex
	settled := map[string][]error{}
	closed := make(chan struct{})
	p := jobs
	p.Prefetch = 2
	receive := func(_ context.Context, d *transport.Delivery) {
		mu.Lock()
		first := len(settled[d.ID]) == 0
		mu.Unlock()
		if id := d.ID; id == "slow" && first {
			<-closed
		}
		id := d.ID
		err := d.Settle(nil)
		mu.Lock()
		defer mu.Unlock()
		settled[id] = append(settled[id], err)
	}
	s, err := n.Subscribe(t.Context(), transport.SubscribeRequest{Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: p, Receive: receive})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"slow", "next", "last"} {
		m := &transport.Message{Envelope: transport.Envelope{ID: id, Topic: "event.a"}, Profile: &transport.Profile{Durable: transport.Durable}}
		if err := transport.Publish(t.Context(), n, m); err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool { return strings.Contains(said.String(), "acknowledgement") }, "the broker closes the channel")
	close(closed)
	done := func(id string) bool {
		mu.Lock()
		defer mu.Unlock()
		list := settled[id]
		return len(list) > 0 && list[len(list)-1] == nil
	}
	until(t, func() bool { return done("slow") && done("next") && done("last") }, "all are handled")
	if list := settled["slow"]; len(list) < 2 || list[0] != transport.ErrStale {
		t.Errorf("the slow event was settled as %v", list)
	}
	if st := s.Stats(); st.Balance() != 0 || st.Dead > 0 {
		t.Errorf("%+v", st)
	}
	until(t, func() bool { return l.waits(c, ".reader.jobs") == 0 }, "nothing is left")
	shut(t, n)
}

// TestPackCut has the connection be lost when a part of a pack is settled: all of it comes again.
func TestPackCut(t *testing.T) {
	const events, before = 10, 4
	l := newLab(t, rabbit.Shared(t))
	c := l.raw()
	leaksNothing(t)
	n := l.node("reader")
	p := jobs
	p.Prefetch = events
	var mu sync.Mutex
	handled := map[string]int{}
	var held []*transport.Delivery
	receive := func(_ context.Context, d *transport.Delivery) {
		mu.Lock()
		defer mu.Unlock()
		if len(handled) >= before && len(held) < events-before {
			held = append(held, d)
			return
		}
		handled[d.ID]++
		if err := d.Settle(nil); err != nil {
			t.Errorf("%s: %v", d.ID, err)
		}
	}
	s, err := n.Subscribe(t.Context(), transport.SubscribeRequest{Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: p, Receive: receive})
	if err != nil {
		t.Fatal(err)
	}
	packs := transport.Profile{BatchSize: events, Confirm: transport.On}
	var pending []transport.Pending
	for i := range events {
		m := &transport.Message{Envelope: transport.Envelope{ID: fmt.Sprint(i), Topic: "event.a"}, Profile: &packs}
		w, err := n.Begin(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, w)
	}
	for _, w := range pending {
		if err := w.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all := func(f func() bool) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return f() }
	}
	until(t, all(func() bool { return len(held) == events-before }), "a part is held")
	by := amqp.Attachment(s)
	l.cut()
	until(t, func() bool { return amqp.Attachment(s) != by }, "the connection is lost")
	for _, d := range held {
		if err := d.Settle(nil); err != transport.ErrStale {
			t.Errorf("settling by a lost connection: %v", err)
		}
	}
	until(t, all(func() bool {
		n := 0
		for _, times := range handled {
			n += times
		}
		return n == events+before
	}), "the pack comes again")
	for id, times := range handled {
		if times > 2 {
			t.Errorf("%s was handled %d times", id, times)
		}
	}
	if st := s.Stats(); st.Balance() != 0 || len(handled) != events {
		t.Errorf("%d events were handled, %+v", len(handled), st)
	}
	until(t, func() bool { return l.waits(c, ".reader.jobs") == 0 }, "nothing is left")
	shut(t, n)
}
