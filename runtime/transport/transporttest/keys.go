package transporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// patternsOf are patterns that are known to be valid.
func patternsOf(list ...string) []topic.Pattern {
	out := make([]topic.Pattern, len(list))
	for i, s := range list {
		out[i] = topic.MustPattern(s)
	}
	return out
}

func orderedKeys(g promises) bool { return g.OrderedKeys && g.Redelivers }
func expires(g promises) bool     { return g.Expires }
func dedups(g promises) bool      { return g.Dedups }

var keys = []test{
	{"key-order", orderedKeys, keyOrder},
	{"key-order-none", redelivers, keyOrderNone},
	{"key-one-at-a-time", orderedKeys, keyOneAtATime},
	{"ttl", expires, ttl},
	{"ttl-prefetched", expires, ttlPrefetched},
	{"dedup", dedups, dedup},
	{"refused-keys", nil, refusedKeys},
}

// keyed publishes bodies whose first letter is the key.
func keyed(e *env, bodies ...string) {
	e.Helper()
	for _, b := range bodies {
		m := e.message("event.a", b)
		m.Key = b[:1]
		e.noError(transport.Publish(e.ctx, e.pub, m), "publishing %s", b)
	}
}

// failOnce is a receiver that fails for the first delivery of a1.
func failOnce(b *inbox) transport.Receiver {
	return func(_ context.Context, d *transport.Delivery) {
		b.keep(d)
		if string(d.Body) == "a1" && d.Attempt == 1 {
			_ = d.Settle(errors.New("once"))
			return
		}
		_ = d.Settle(nil)
	}
}

// keyOrder has an event that is retried hold back its key, and nothing else.
func keyOrder(e *env) {
	p := transport.Profile{Order: transport.OrderKey, Prefetch: 10, Retry: transport.Retry{Attempts: 3, Initial: 5 * e.backoff}}
	var b inbox
	s := e.hear("event.#", p, failOnce(&b))
	keyed(e, "a1", "a2", "b1", "a3", "b2")
	b.wait(e, 6)
	e.settled(s, 5)
	var as, bs []string
	for _, x := range b.bodies() {
		if strings.HasPrefix(x, "a") {
			as = append(as, x)
		} else {
			bs = append(bs, x)
		}
	}
	if !slices.Equal(as, []string{"a1", "a1", "a2", "a3"}) || !slices.Equal(bs, []string{"b1", "b2"}) {
		e.Errorf("%v and %v", as, bs)
	}
	if all := b.bodies(); slices.Index(all, "b2") > slices.Index(all, "a2") {
		e.Errorf("one key has held back another: %v", all)
	}
}

// keyOrderNone is the same without the order: nothing is held back. The first message
// fails once all are there.
func keyOrderNone(e *env) {
	p := transport.Profile{Retry: transport.Retry{Attempts: 3, Initial: 5 * e.backoff}}
	var b inbox
	all := make(chan struct{})
	receive := failOnce(&b)
	s := e.hear("event.#", p, func(ctx context.Context, d *transport.Delivery) {
		<-all
		receive(ctx, d)
	})
	keyed(e, "a1", "a2", "a3")
	close(all)
	b.wait(e, 4)
	e.settled(s, 3)
	if got := b.bodies(); !slices.Equal(got, []string{"a1", "a2", "a3", "a1"}) {
		e.Errorf("%v", got)
	}
}

// keyOneAtATime has several handlers at once, and no two of one key.
func keyOneAtATime(e *env) {
	const n = 200
	var mu sync.Mutex
	inside, last, most := map[string]int{}, map[string]string{}, 0
	p := quickly(10)
	p.Order, p.Concurrency = transport.OrderKey, 8
	s := e.hear("event.#", p, transport.Serve(8, func(_ context.Context, d *transport.Delivery) error {
		mu.Lock()
		inside[d.Key]++
		if inside[d.Key] > 1 || last[d.Key] > string(d.Body) {
			e.Errorf("%s came beside another one of its key, or after %s", d.Body, last[d.Key])
		}
		last[d.Key] = string(d.Body)
		most = max(most, len(inside))
		mu.Unlock()
		time.Sleep(100 * time.Microsecond)
		mu.Lock()
		defer mu.Unlock()
		delete(inside, d.Key)
		if d.Attempt == 1 && d.Body[len(d.Body)-1] == '7' {
			return errors.New("again")
		}
		return nil
	}))
	for i := range n {
		keyed(e, fmt.Sprintf("%c%03d", 'a'+i%5, i))
	}
	if st := e.settled(s, n); st.Handled != n || st.Failed != n/10 {
		e.Errorf("%+v", st)
	}
	if most < 2 {
		e.Error("no two keys were handled at once")
	}
}

// ttl has messages wait behind one that is not settled until they have expired: by
// the subscription's profile, and by the publisher's. Nothing has to be quick: whatever
// expires because the machine is busy is published again.
func ttl(e *env) {
	limit := 2 * e.backoff
	g := newGate()
	s := e.hear("event.#", transport.Profile{TTL: limit}, g.Receive)
	d, n := fresh(e, g)
	e.publish("event.a", "late")
	brief := e.message("event.a", "brief")
	brief.Profile = &transport.Profile{TTL: e.calm}
	e.noError(transport.Publish(e.ctx, e.pub, brief), "publishing")
	time.Sleep(limit + e.calm)
	e.noError(d.Settle(nil), "settling what has been delivered in time")
	e.until(func() bool { return s.Stats().Expired == n+1 }, "what was late has expired")
	d, m := fresh(e, g)
	e.noError(d.Settle(nil), "settling")
	if st := e.settled(s, n+m+2); st.Handled != 2 || st.Expired != n+m {
		e.Errorf("%+v, after %d and %d", st, n, m)
	}
	if got := g.bodies(); !slices.Equal(got, []string{"fresh", "fresh"}) {
		e.Errorf("%q", got)
	}
}

// fresh publishes until a message has come in time, and returns how many it took.
func fresh(e *env, g *gate) (*transport.Delivery, uint64) {
	e.Helper()
	for n := uint64(1); ; n++ {
		e.publish("event.a", "fresh")
		select {
		case d := <-g.held:
			return d, n
		case <-time.After(2*e.backoff + 2*e.calm): // it has expired by then
		case <-e.ctx.Done():
			e.Fatal("no message comes in time")
		}
	}
}

// ttlPrefetched has a receiver that holds its goroutine, and may have more.
func ttlPrefetched(e *env) {
	limit := 2 * e.backoff
	release := make(chan struct{})
	g := newGate()
	s := e.hear("event.#", transport.Profile{TTL: limit, Prefetch: 10}, func(ctx context.Context, d *transport.Delivery) {
		g.Receive(ctx, d)
		<-release
	})
	d, n := fresh(e, g)
	e.publish("event.a", "late")
	time.Sleep(limit + 2*e.calm)
	close(release)
	e.noError(d.Settle(nil), "settling")
	if st := e.settled(s, n+1); st.Expired != n || st.Handled != 1 || len(g.messages()) != 1 {
		e.Errorf("%+v, %q", st, g.bodies())
	}
}

func dedup(e *env) {
	p := quickly(3)
	p.DedupWindow = 2
	var b inbox
	s := e.hear("event.#", p, failOnce(&b))
	for i, x := range []string{"a1", "a1", "b", "a1", "c", "b", "a1"} {
		m := e.message("event.a", x)
		m.ID = x
		e.noError(transport.Publish(e.ctx, e.pub, m), "publishing %s", x)
		e.settled(s, uint64(i+1)) // so that the order of what is taken is that of publishing
	}
	// a1, its retry, b, c, and a1 again, which two others have pushed out, with a retry.
	if got := b.bodies(); !slices.Equal(got, []string{"a1", "a1", "b", "c", "a1", "a1"}) {
		e.Errorf("%q", got)
	}
	if st := e.settled(s, 7); st.Duplicate != 3 || st.Handled != 4 {
		e.Errorf("%+v", st)
	}
}
