package transporttest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

func confirms(g promises) bool { return g.cuts && g.Confirms }
func askedAgain(g promises) bool {
	return g.cuts && g.Requests && g.Confirms && g.Redelivers
}

var outages = []test{
	{"outage", func(g promises) bool { return g.cuts }, outage},
	{"outage-unsettled", confirms, outageUnsettled},
	{"outage-publish", confirms, outagePublish},
	{"outage-request", askedAgain, outageRequest},
}

// cut cuts all connections, and waits until a node has noticed and is ready again.
func (e *env) cut(nodes ...transport.Transport) {
	e.Helper()
	var mu sync.Mutex
	seen := make([][]transport.State, len(nodes))
	for i, n := range nodes {
		stop := n.Status().Watch(func(c transport.Change) {
			mu.Lock()
			defer mu.Unlock()
			seen[i] = append(seen[i], c.State)
		})
		defer stop()
	}
	e.net.Cut()
	e.until(func() bool {
		mu.Lock()
		defer mu.Unlock()
		return !slices.ContainsFunc(seen, func(s []transport.State) bool {
			lost := slices.Index(s, transport.Reconnecting)
			return lost < 0 || s[len(s)-1] != transport.Ready
		})
	}, "the nodes were reconnecting, and ready again")
}

// outage has a subscription outlive its connection, more than once.
func outage(e *env) {
	var b inbox
	e.hear("event.#", transport.Profile{}, b.Receive)
	for i := range 3 {
		body := fmt.Sprint(i)
		e.publish("event.a", body)
		e.arrives(&b, body)
		e.cut(e.pub, e.sub)
	}
	e.arrives(&b, "last")
}

// arrives publishes a body until it comes. Without confirms a message may be lost with a
// connection whose end has not been noticed yet; then another one must come.
func (e *env) arrives(b *inbox, body string) {
	e.Helper()
	came := func() bool { return slices.Contains(b.bodies(), body) }
	e.publish("event.a", body)
	for !e.promised.Confirms && e.ctx.Err() == nil && !pollFor(10*e.backoff, came) {
		e.publish("event.a", body)
	}
	e.until(came, "%s came", body)
}

// outageUnsettled has deliveries whose connection is gone: settling them does nothing,
// and above all it settles no other message; they come again.
func outageUnsettled(e *env) {
	g := newGate()
	s := e.hear("event.#", transport.Profile{Prefetch: 3, DedupWindow: e.window(10)}, g.Receive)
	e.publish("event.a", "1", "2", "3")
	old := []*transport.Delivery{g.take(e), g.take(e), g.take(e)}
	e.cut(e.sub)
	for _, d := range old {
		if string(d.Body) == "" || d.ID == "" {
			e.Error("an unsettled delivery has lost what is in it")
		}
		e.want(d.Settle(nil), transport.ErrStale, "settling what belongs to another connection")
	}
	e.publish("event.a", "4")
	handled := map[string]bool{}
	for range 4 {
		d := g.take(e)
		handled[string(d.Body)] = true
		e.noError(d.Settle(nil), "settling")
	}
	if len(handled) != 4 {
		e.Errorf("of 4 messages came %v", handled)
	}
	if st := e.settled(s, 4); st.Handled != 4 {
		e.Errorf("%+v", st)
	}
}

// window is a profile's DedupWindow, if the transport honours it.
func (e *env) window(n int) int {
	if !e.promised.Dedups {
		return 0
	}
	return n
}

// outagePublish cuts connections under publishers who send again, under the same id,
// what may be sent again: everything arrives.
func outagePublish(e *env) {
	const n = 300
	var b inbox
	e.hear("event.#", transport.Profile{Prefetch: 20}, b.Receive)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			e.insist(e.message("event.a", fmt.Sprint(i)))
		}
	}()
	for cuts := 0; cuts < 3; cuts++ {
		select {
		case <-done:
		case <-time.After(e.backoff):
			e.net.Cut()
		}
	}
	<-done
	came := map[string]bool{}
	e.until(func() bool {
		for _, body := range b.bodies() {
			came[body] = true
		}
		return len(came) == n
	}, "all of %d messages came", n)
}

// insist publishes until nobody doubts that the message is there.
func (e *env) insist(m *transport.Message) {
	for {
		err := transport.Publish(e.ctx, e.pub, m)
		if err == nil {
			return
		}
		p, ok := errors.AsType[*transport.PublishError](err)
		if !ok || !p.Retryable() || e.ctx.Err() != nil {
			e.Errorf("publishing %s: %v", m.Body, err)
			return
		}
	}
}

// outageRequest has a request outlive the connections of both sides: the responder gets
// it again, and the requester its answer. If it was the confirmation that was lost, the
// requester may be told that instead.
func outageRequest(e *env) {
	g := newGate()
	e.hear("event.order.#", transport.Profile{}, g.Receive)
	type result struct {
		m   *transport.Message
		err error
	}
	done := make(chan result)
	go func() { m, err := e.ask(e.ctx, "x"); done <- result{m, err} }()
	old := g.take(e)
	e.cut(e.pub, e.sub)
	e.want(old.Reply(e.ctx, &transport.Message{}), transport.ErrStale, "answering what belongs to another connection")
	d := g.take(e)
	e.noError(d.Reply(e.ctx, &transport.Message{Body: []byte("y")}), "answering")
	e.noError(d.Settle(nil), "settling")
	r := <-done
	if p, ok := errors.AsType[*transport.PublishError](r.err); ok && p.Outcome() == transport.OutcomeUnknown {
		return
	}
	if r.err != nil || string(r.m.Body) != "y" {
		e.Errorf("%v, %v", r.m, r.err)
	}
}
