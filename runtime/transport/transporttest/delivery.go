package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

func ordered(g promises) bool   { return g.Ordered }
func mandatory(g promises) bool { return g.Mandatory }

var delivery = []test{
	{"envelope", nil, envelope},
	{"headers", nil, headers},
	{"sizes", nil, sizes},
	{"ownership", nil, ownership},
	{"order", ordered, order},
	{"many", nil, many},
	{"mandatory", mandatory, unroutable},
	{"refused", nil, refused},
	{"cancellation", nil, cancellation},
}

// envelope has every field that a publisher fills in arrive as it was.
func envelope(e *env) {
	var b inbox
	e.hear("event.order.#", transport.Profile{}, b.Receive)
	want := transport.Envelope{
		ID: "an-id", Type: "Submit", Source: "web", Key: "k 1", Topic: "event.order.k%201.submit",
		Time: time.Unix(1_700_000_000, 123_456_789).UTC(), Correlation: "c", Causation: "d",
		Headers: map[string]string{"a": "b"}, Epoch: "e7", Seq: 1 << 60, Schema: "f00",
	}
	e.noError(transport.Publish(e.ctx, e.pub, &transport.Message{Envelope: want, Body: []byte("body")}), "publishing")
	got := b.wait(e, 1)[0]
	want.Attempt = 1
	a, b1 := got.Envelope, want
	if !a.Time.Equal(b1.Time) || !maps.Equal(a.Headers, b1.Headers) || string(got.Body) != "body" {
		e.Errorf("got %+v, want %+v", got, want)
	}
	a.Time, b1.Time, a.Headers, b1.Headers = time.Time{}, time.Time{}, nil, nil
	if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b1) {
		e.Errorf("got  %+v\nwant %+v", a, b1)
	}
}

func headers(e *env) {
	var b inbox
	e.hear("event.#", transport.Profile{}, b.Receive)
	many := map[string]string{"": "no name", "empty": "", "ü": "☃", "newline": "a\r\nb", "zero": "\x00"}
	for i := range 200 {
		many[fmt.Sprintf("h%d", i)] = strings.Repeat("v", i)
	}
	for _, h := range []map[string]string{nil, {}, many} {
		m := e.message("event.a", "")
		m.Headers = h
		e.noError(transport.Publish(e.ctx, e.pub, m), "publishing %d headers", len(h))
	}
	for i, m := range b.wait(e, 3) {
		if want := []map[string]string{{}, {}, many}[i]; !maps.Equal(m.Headers, want) {
			e.Errorf("message %d has other headers: %v", i, m.Headers)
		}
	}
}

// sizes has bodies of every size that is allowed, and one byte more.
func sizes(e *env) {
	var b inbox
	s := e.hear("event.#", transport.Profile{}, b.Receive)
	limit := e.promised.MaxBody
	list := []int{0, 1, 255, 65536, limit}
	for _, n := range list {
		e.publish("event.a", strings.Repeat("x", n))
	}
	for i, m := range b.wait(e, len(list)) {
		if len(m.Body) != list[i] || len(bytes.Trim(m.Body, "x")) > 0 {
			e.Errorf("a body of %d bytes arrived as one of %d", list[i], len(m.Body))
		}
	}
	err := transport.Publish(e.ctx, e.pub, e.message("event.a", strings.Repeat("x", limit+1)))
	e.want(err, transport.ErrTooLarge, "one byte more than the limit")
	e.outcome(err, transport.OutcomeNotSent, false)
	if st := e.settled(s, uint64(len(list))); st.Handled != uint64(len(list)) {
		e.Errorf("%+v", st)
	}
}

// outcome checks what is known of a publish that failed.
func (e *env) outcome(err error, known transport.Outcome, retryable bool) {
	e.Helper()
	p, ok := errors.AsType[*transport.PublishError](err)
	if !ok {
		e.Errorf("%v is no PublishError", err)
		return
	}
	if p.Outcome() != known || p.Retryable() != retryable {
		e.Errorf("%v: outcome %v, retryable %v; want %v, %v", err, p.Outcome(), p.Retryable(), known, retryable)
	}
}

// ownership has the publisher use its message again as soon as Begin has returned.
func ownership(e *env) {
	g := newGate()
	e.hear("event.#", transport.Profile{Prefetch: 10}, g.Receive)
	body, h := []byte("first"), map[string]string{"n": "first"}
	m := &transport.Message{Envelope: transport.Envelope{ID: "1", Topic: "event.a", Headers: h}, Body: body}
	p, err := e.pub.Begin(e.ctx, m)
	e.noError(err, "beginning")
	copy(body, "XXXXX")
	h["n"] = "changed"
	m.Topic = "event.b"
	e.noError(p.Wait(e.ctx), "waiting")
	e.noError(p.Wait(e.ctx), "waiting again")
	d := g.take(e)
	if string(d.Body) != "first" || d.Headers["n"] != "first" || d.Topic != "event.a" {
		e.Errorf("what arrived has changed: %q %v %s", d.Body, d.Headers, d.Topic)
	}
	e.noError(d.Settle(nil), "settling")
}

func order(e *env) {
	var b inbox
	e.hear("#", transport.Profile{}, b.Receive)
	names := []topic.Name{"event.a", "event.b", "state.a.b.c"}
	var pendings []transport.Pending
	for i := range 300 {
		p, err := e.pub.Begin(e.ctx, e.message(names[i%3], fmt.Sprint(i)))
		e.noError(err, "beginning %d", i)
		pendings = append(pendings, p)
	}
	for _, p := range slices.Backward(pendings) {
		e.noError(p.Wait(e.ctx), "waiting")
	}
	for i, m := range b.wait(e, 300) {
		if string(m.Body) != fmt.Sprint(i) {
			e.Fatalf("%s came in place of %d", m.Body, i)
		}
	}
}

// many has several publishers, on nodes of their own, and several subscribers, all of
// whom get everything, once.
func many(e *env) {
	const publishers, subscribers, each = 4, 5, 100
	boxes := make([]inbox, subscribers)
	for i := range boxes {
		e.hear("event.*", transport.Profile{}, boxes[i].Receive)
	}
	var wg sync.WaitGroup
	for p := range publishers {
		n := e.node()
		wg.Go(func() {
			for i := range each {
				m := e.message("event.x", fmt.Sprintf("%d-%03d", p, i))
				if err := transport.Publish(e.ctx, n, m); err != nil {
					e.Errorf("publisher %d: %v", p, err)
				}
			}
		})
	}
	wg.Wait()
	for i := range boxes {
		boxes[i].wait(e, publishers*each)
		checkEach(e, boxes[i].bodies(), publishers, each)
	}
}

// checkEach checks that each publisher's messages are there once, and in order where
// that is promised.
func checkEach(e *env, got []string, publishers, each int) {
	for p := range publishers {
		var mine []string
		for _, s := range got {
			if strings.HasPrefix(s, fmt.Sprintf("%d-", p)) {
				mine = append(mine, s)
			}
		}
		if !e.promised.Ordered {
			slices.Sort(mine)
		}
		if len(mine) != each || !slices.IsSorted(mine) || len(slices.Compact(mine)) != each {
			e.Errorf("of publisher %d came %d messages, or not in order", p, len(mine))
		}
	}
}

func unroutable(e *env) {
	m := e.message("event.nobody", "x")
	e.noError(transport.Publish(e.ctx, e.pub, m), "publishing what nobody hears")
	m = e.message("event.nobody", "x")
	m.Mandatory = true
	err := transport.Publish(e.ctx, e.pub, m)
	e.want(err, transport.ErrUnroutable, "mandatory, and nobody hears it")
	e.outcome(err, transport.OutcomeNotSent, true)
	var b inbox
	e.subscribe(transport.SubscribeRequest{Patterns: []topic.Pattern{"event.#"}, Observer: true, Receive: b.Receive})
	e.want(transport.Publish(e.ctx, e.pub, m), transport.ErrUnroutable, "mandatory, and an observer hears it")
	e.hear("event.nobody", transport.Profile{}, b.Receive)
	e.noError(transport.Publish(e.ctx, e.pub, m), "mandatory, and somebody hears it")
}

// refused has everything that is wrong with a message, a subscription or a profile.
func refused(e *env) {
	for _, name := range []topic.Name{"", "a..b", "a.*", "a b", topic.Name(strings.Repeat("x", 256))} {
		err := transport.Publish(e.ctx, e.pub, e.message(name, ""))
		e.want(err, transport.ErrInvalidMessage, fmt.Sprintf("publishing on %q", name))
		e.outcome(err, transport.OutcomeNotSent, false)
	}
	bad := e.message("event.a", "")
	bad.Headers = map[string]string{"h": "\xff"}
	e.want(transport.Publish(e.ctx, e.pub, bad), transport.ErrInvalidMessage, "a header that is not UTF-8")
	var b inbox
	good := transport.SubscribeRequest{Name: "taken", Patterns: []topic.Pattern{"event.#"}, Receive: b.Receive}
	e.subscribe(good)
	for _, tt := range []struct {
		why  string
		want error
		edit func(*transport.SubscribeRequest)
	}{
		{"the same name", transport.ErrNameTaken, func(*transport.SubscribeRequest) {}},
		{"no receiver", transport.ErrInvalidRequest, func(r *transport.SubscribeRequest) { r.Receive = nil }},
		{"no pattern", transport.ErrInvalidRequest, func(r *transport.SubscribeRequest) { r.Patterns = nil }},
		{"a bad pattern", topic.ErrInvalidPattern, func(r *transport.SubscribeRequest) { r.Patterns = []topic.Pattern{"a", "a.x*"} }},
		{"an unknown policy", transport.ErrInvalidRequest, func(r *transport.SubscribeRequest) { r.Policy = 99 }},
		{"an observing member", transport.ErrInvalidRequest, func(r *transport.SubscribeRequest) { r.Observer, r.Group = true, "g" }},
		{"a bad profile", transport.ErrInvalidProfile, func(r *transport.SubscribeRequest) { r.Profile.Capacity = -1 }},
	} {
		r := good
		tt.edit(&r)
		_, err := e.sub.Subscribe(e.ctx, r)
		e.want(err, tt.want, tt.why)
	}
	refusedDurable(e, good)
}

func refusedDurable(e *env, r transport.SubscribeRequest) {
	if e.promised.Durable {
		return
	}
	p := transport.Profile{Durable: transport.DurableRequired}
	e.want(e.sub.Check(p), transport.ErrInvalidProfile, "checking a durable profile")
	r.Name, r.Profile = "durable", p
	_, err := e.sub.Subscribe(e.ctx, r)
	e.want(err, transport.ErrInvalidProfile, "subscribing durably")
	m := e.message("event.a", "")
	m.Profile = &p
	e.want(transport.Publish(e.ctx, e.pub, m), transport.ErrInvalidProfile, "publishing durably")
}

// cancellation has a ctx that has ended before anything began.
func cancellation(e *env) {
	var b inbox
	e.hear("event.#", transport.Profile{}, b.Receive)
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	err := transport.Publish(ctx, e.pub, e.message("event.a", "never"))
	e.want(err, context.Canceled, "publishing with a ctx that has ended")
	e.outcome(err, transport.OutcomeNotSent, true)
	_, err = e.sub.Subscribe(ctx, transport.SubscribeRequest{Patterns: []topic.Pattern{"event.#"}, Receive: b.Receive})
	e.want(err, context.Canceled, "subscribing with a ctx that has ended")
	e.publish("event.a", "marker")
	b.wait(e, 1)
	time.Sleep(e.calm)
	if got := b.bodies(); !slices.Equal(got, []string{"marker"}) {
		e.Errorf("%q arrived", got)
	}
}
