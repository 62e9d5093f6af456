package transporttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

var conservation = []test{
	{"conservation", nil, conserve},
}

var leaks = []test{
	{"leaks", nil, comeAndGo},
}

// tally counts a subscription's deliveries by what they were settled with.
type tally struct {
	sub           transport.Subscription
	handled, fail atomic.Uint64
}

// conserve publishes at random to subscriptions of every kind, and accounts for all.
func conserve(e *env) {
	const publishers, each = 4, 400
	all := conservingSubscriptions(e)
	var published atomic.Uint64
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(p), 7))
			for range each {
				m := e.message(topic.Name([]string{"event.a", "event.b", "state.c"}[r.IntN(3)]), "body")
				m.Key = fmt.Sprint("k", r.IntN(4))
				if err := transport.Publish(e.ctx, e.pub, m); err != nil {
					e.Errorf("publishing: %v", err)
				}
				published.Add(1)
			}
		})
	}
	for range 50 { // the counts add up at every moment
		for _, t := range all {
			if st := t.sub.Stats(); st.Balance() != 0 {
				e.Errorf("meanwhile: %+v", st)
			}
		}
		time.Sleep(100 * time.Microsecond)
	}
	wg.Wait()
	accountFor(e, all, published.Load())
}

// conservingSubscriptions all hear everything; the last three are a group.
func conservingSubscriptions(e *env) []*tally {
	profiles := []transport.Profile{{}, {Prefetch: 7}}
	if e.promised.Overflow {
		profiles = append(profiles, transport.Profile{Overflow: transport.DropOldest, Capacity: 4}, transport.Profile{Overflow: transport.DropNewest, Capacity: 4, Prefetch: 2})
	}
	if e.promised.Redelivers {
		profiles = append(profiles, quickly(3))
	}
	member := profiles[len(profiles)-1] // of the group
	if e.promised.Redelivers && e.promised.OrderedKeys {
		p := quickly(3)
		p.Order, p.Concurrency = transport.OrderKey, 4
		if e.promised.Dedups {
			p.DedupWindow = 100
		}
		profiles = append(profiles, p)
		if e.promised.GroupKeys {
			member = p
		}
	}
	requests := make([]transport.SubscribeRequest, len(profiles))
	for i, p := range profiles {
		requests[i].Profile = p
	}
	if len(e.promised.Policies) > 0 {
		for range 3 {
			requests = append(requests, transport.SubscribeRequest{Group: "g", Policy: e.promised.Policies[len(e.promised.Policies)-1], Profile: member})
		}
	}
	var all []*tally
	for _, r := range requests {
		t := &tally{}
		r.Patterns, r.Receive = patternsOf("event.*", "state.#"), transport.Serve(r.Profile.Concurrency, t.handle)
		t.sub = e.subscribe(r)
		all = append(all, t)
	}
	return all
}

// handle fails for one message in eight, always.
func (t *tally) handle(_ context.Context, d *transport.Delivery) error {
	if d.ID[len(d.ID)-1] == '3' {
		t.fail.Add(1)
		return errors.New("never")
	}
	t.handled.Add(1)
	return nil
}

// accountFor compares what was published, what receivers have seen, and the counts.
func accountFor(e *env, all []*tally, published uint64) {
	if len(e.promised.Policies) > 0 { // what a broker has is on its way to some member
		e.until(func() bool {
			var sum transport.Stats
			for _, t := range all[len(all)-3:] {
				sum.Add(t.sub.Stats())
			}
			return sum.Accepted >= published && sum.Waiting+sum.InFlight == 0
		}, "the group is done")
	}
	var group transport.Stats
	for i, t := range all {
		var st transport.Stats
		member := len(e.promised.Policies) > 0 && i >= len(all)-3
		e.until(func() bool {
			st = t.sub.Stats()
			return st.Waiting+st.InFlight == 0 && (member || st.Accepted >= published)
		}, "subscription %d is done: %+v", i, &st)
		lost := st.Duplicate + st.Expired + st.Left // no id comes twice, nothing expires
		if st.Balance() != 0 || st.Handled != t.handled.Load() || st.Failed != t.fail.Load() || st.Failed != st.Retried+st.Dead || lost > 0 {
			e.Errorf("subscription %d: %d handled, %d failed, but %+v", i, t.handled.Load(), t.fail.Load(), st)
		}
		if member {
			group.Add(st)
		} else if st.Accepted != published {
			e.Errorf("subscription %d: %d of %d were accepted", i, st.Accepted, published)
		}
	}
	if len(e.promised.Policies) > 0 && group.Accepted != published {
		e.Errorf("the group: %d of %d were accepted: %+v", group.Accepted, published, group)
	}
}

// comeAndGo opens and closes subscriptions, again and again; that nothing is left
// behind is checked after every test.
func comeAndGo(e *env) {
	var b inbox
	for i := range 100 {
		s := e.subscribe(transport.SubscribeRequest{Name: "comes-and-goes", Patterns: patternsOf("event.#"), Receive: b.Receive})
		e.publish("event.a", "x")
		b.wait(e, i+1)
		e.noError(s.Close(e.ctx), "closing")
	}
	e.publish("event.a", "x")
	time.Sleep(e.calm)
	if n := len(b.messages()); n != 100 {
		e.Errorf("%d came, of 100", n)
	}
}
