package amqp_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// deleteExchange has somebody delete an exchange, with its bindings.
func (l *lab) deleteExchange(name string) {
	l.tb.Helper()
	c := l.raw()
	ch, err := c.Channel()
	if err != nil {
		l.tb.Fatal(err)
	}
	if err := ch.ExchangeDelete(l.prefix+"."+name, false, false); err != nil {
		l.tb.Fatal(err)
	}
	_ = c.Close()
}

// TestExchangeDeleted has somebody delete an exchange under traffic: it is made anew by who
// publishes, what was under way then is doubtful, and the reader, which nobody tells, binds its
// queue again. What is published in between is confirmed, and may reach nobody.
func TestExchangeDeleted(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	r := newTraffic(t, l, 2, amqp.Recheck(50*time.Millisecond))
	r.more(20)
	lossy := func(on bool) { r.mu.Lock(); defer r.mu.Unlock(); r.lossy = on }
	lossy(true)
	l.deleteExchange("events")
	until(t, func() bool { return r.count((*fate).isDoubtful) > 0 }, "a publisher has noticed")
	last := fmt.Sprint("job-", r.next.Load())
	until(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for id, e := range r.events {
			if e.handled > 0 && len(id) >= len(last) && (len(id) > len(last) || id > last) {
				return true
			}
		}
		return false
	}, "an event comes that was published afterwards")
	lossy(false)
	r.more(50)
	r.end()
}

// listener hears something at the broker, and counts.
type listener struct{ got, gaps atomic.Int32 }

func (h *listener) subscribe(t *testing.T, n transport.Transport, r transport.SubscribeRequest) {
	t.Helper()
	r.OnGap = func(transport.Gap) { h.gaps.Add(1) }
	r.Receive = transport.Serve(1, func(context.Context, *transport.Delivery) error { h.got.Add(1); return nil })
	if _, err := n.Subscribe(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// TestIdleExchangeDeleted has an exchange be deleted while nobody publishes: the receiver makes it
// anew, its subscriber is told, and others are not.
func TestIdleExchangeDeleted(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	n := l.node("reader", amqp.Recheck(50*time.Millisecond))
	var events, states listener
	events.subscribe(t, n, transport.SubscribeRequest{Name: "events", Patterns: []topic.Pattern{"event.#"}})
	states.subscribe(t, n, transport.SubscribeRequest{Name: "states", Patterns: []topic.Pattern{"state.#"}})
	l.deleteExchange("events")
	until(t, func() bool { return events.gaps.Load() == 1 }, "the subscriber is told")
	writer := l.node("writer")
	for _, name := range []topic.Name{"event.a", "state.a.b"} {
		if err := transport.Publish(t.Context(), writer, &transport.Message{Envelope: transport.Envelope{Topic: name}}); err != nil {
			t.Error(err)
		}
	}
	until(t, func() bool { return events.got.Load() == 1 && states.got.Load() == 1 }, "events come")
	if events.gaps.Load() != 1 || states.gaps.Load() != 0 {
		t.Errorf("they were told %d and %d times", events.gaps.Load(), states.gaps.Load())
	}
	shut(t, n, writer)
}

// TestOwnExchangeDeleted has a node's own publisher find that an exchange is gone: its receivers
// need not wait until they look. In a sticky group all exchanges may be gone.
func TestOwnExchangeDeleted(t *testing.T) {
	broker := rabbit.Shared(t)
	for _, policy := range []transport.GroupPolicy{transport.RoundRobin, transport.Sticky} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			l := newLab(t, broker)
			leaksNothing(t)
			n := l.node("reader", amqp.Recheck(time.Hour))
			var jobs listener
			jobs.subscribe(t, n, transport.SubscribeRequest{Group: "g", Policy: policy, Patterns: []topic.Pattern{"group.g.#"}})
			l.deleteExchange("groups")
			if policy == transport.Sticky {
				l.deleteExchange("members")
			}
			until(t, func() bool {
				m := &transport.Message{Envelope: transport.Envelope{Topic: "group.g.do", Key: "k"}}
				_ = transport.Publish(t.Context(), n, m) // it may go to nobody, or to no exchange
				return jobs.got.Load() > 0
			}, "an event comes")
			if policy == transport.RoundRobin && jobs.gaps.Load() != 1 {
				t.Errorf("the subscriber was told %d times", jobs.gaps.Load())
			}
			shut(t, n)
		})
	}
}

// TestPassiveExchangeDeleted has a broker that others look after lose an exchange: the node says
// so, and goes on when it is there again.
func TestPassiveExchangeDeleted(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	active := l.node("reader")
	var events listener
	events.subscribe(t, active, transport.SubscribeRequest{Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: jobs})
	n := l.node("writer", amqp.Passive(), amqp.Recheck(50*time.Millisecond))
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	l.deleteExchange("events")
	if err := n.Status().Await(t.Context(), transport.Reconnecting); err != nil {
		t.Fatal(err)
	}
	if err := transport.Publish(t.Context(), active, &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}}); err == nil {
		t.Error("what is published to an exchange that is gone is confirmed")
	}
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	shut(t, n, active)
}
