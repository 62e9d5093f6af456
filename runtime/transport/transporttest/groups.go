package transporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// has demands that groups may have a policy.
func has(p transport.GroupPolicy) func(promises) bool {
	return func(g promises) bool { return slices.Contains(g.Policies, p) }
}

func grouped(g promises) bool { return len(g.Policies) > 0 }

var groups = []test{
	{"group-each-once", grouped, eachOnce},
	{"group-round-robin", has(transport.RoundRobin), roundRobin},
	{"group-least-loaded", has(transport.LeastLoaded), leastLoaded},
	{"group-random", has(transport.Random), random},
	{"group-sticky", has(transport.Sticky), sticky},
	{"group-sticky-waits", has(transport.Sticky), stickyWaits},
	{"group-sticky-leaves", has(transport.Sticky), stickyLeaves},
	{"group-member-fails", grouped, memberFails},
	{"group-members-fail", func(g promises) bool {
		return g.Redelivers && len(g.Policies) > 0 && g.Policies[0] != transport.Sticky
	}, memberFailsAndWaits},
	{"group-member-leaves", grouped, memberLeaves},
	{"group-member-hangs", grouped, memberHangs},
	{"group-last-member", grouped, lastMember},
	{"group-mismatch", grouped, mismatch},
	{"group-filter", grouped, groupFilter},
}

// member subscribes to event.# as a member of a group.
func (e *env) member(policy transport.GroupPolicy, p transport.Profile, r transport.Receiver) transport.Subscription {
	e.Helper()
	return e.subscribe(transport.SubscribeRequest{Patterns: patternsOf("event.#"), Group: "g", Policy: policy, Profile: p, Receive: r})
}

// eachOnce has two groups and an observer beside them, with every policy.
func eachOnce(e *env) {
	const n = 90
	for i, policy := range e.promised.Policies {
		boxes := make([]inbox, 5)
		var subs []transport.Subscription
		for j := range boxes {
			r := transport.SubscribeRequest{Patterns: patternsOf(fmt.Sprintf("event.p%d", i)), Policy: policy, Receive: boxes[j].Receive}
			switch j {
			case 0, 1, 2:
				r.Group = fmt.Sprintf("first-%d", i)
			case 3:
				r.Group = fmt.Sprintf("second-%d", i)
			case 4:
				r.Observer = true
			}
			subs = append(subs, e.subscribe(r))
		}
		var want []string
		for k := range n {
			m := e.message(topic.Name(fmt.Sprintf("event.p%d", i)), fmt.Sprintf("%03d", k))
			m.Key = fmt.Sprint(k)
			want = append(want, string(m.Body))
			e.noError(transport.Publish(e.ctx, e.pub, m), "publishing")
		}
		st := e.sum(n, subs[:3]...)
		got := slices.Concat(boxes[0].bodies(), boxes[1].bodies(), boxes[2].bodies())
		slices.Sort(got)
		if !slices.Equal(got, want) || st.Handled != n || st.Accepted != n {
			e.Errorf("policy %d: the group got %d of %d: %v; %+v", policy, len(got), n, got, st)
		}
		boxes[3].wait(e, n)
		boxes[4].wait(e, n)
		other := boxes[3].bodies()
		if policy == transport.Sticky { // which keeps each key in order, and here every message has its own
			slices.Sort(other)
		}
		if !slices.Equal(other, want) || !slices.Equal(boxes[4].bodies(), want) {
			e.Errorf("policy %d: the other group or the observer missed something", policy)
		}
	}
}

// one publishes a message and waits until it was handled.
func (e *env) one(key, body string, members ...transport.Subscription) {
	e.Helper()
	before := uint64(0)
	for _, s := range members {
		before += s.Stats().Accepted
	}
	m := e.message("event.a", body)
	m.Key = key
	e.noError(transport.Publish(e.ctx, e.pub, m), "publishing")
	e.sum(before+1, members...)
}

func roundRobin(e *env) {
	boxes := make([]inbox, 3)
	var subs []transport.Subscription
	for i := range boxes {
		subs = append(subs, e.member(transport.RoundRobin, transport.Profile{}, boxes[i].Receive))
	}
	for i := range 30 {
		e.one("", fmt.Sprint(i), subs...)
	}
	for i := range boxes {
		if got := len(boxes[i].messages()); got != 10 {
			e.Errorf("member %d got %d of 30", i, got)
		}
	}
}

// leastLoaded has a member that settles nothing: the others get all that comes. Where who chooses
// learns only a little later that something is settled, that one may get a few more; in turn it
// would get five.
func leastLoaded(e *env) {
	p := transport.Profile{Prefetch: 5}
	g := newGate()
	var b inbox
	slow, quick := e.member(transport.LeastLoaded, p, g.Receive), e.member(transport.LeastLoaded, p, b.Receive)
	for i := range 20 {
		e.publish("event.a", fmt.Sprint(i))
		e.until(func() bool {
			return len(b.messages())+len(g.messages()) == i+1 && quick.Stats().InFlight == 0
		}, "message %d was delivered", i)
	}
	most := 1
	if e.net.Latency > 0 {
		most = 3
	}
	if n := len(g.messages()); n > most {
		e.Errorf("the member that settles nothing got %d", n)
	}
	g.settle(e, len(g.messages()))
	if st := e.sum(20, slow, quick); st.Handled != 20 {
		e.Errorf("%+v", st)
	}
}

func random(e *env) {
	const n = 300
	boxes := make([]inbox, 3)
	var subs []transport.Subscription
	for i := range boxes {
		subs = append(subs, e.member(transport.Random, transport.Profile{}, boxes[i].Receive))
	}
	turns := 0
	for i := range n {
		before := len(boxes[i%3].messages())
		e.one("", fmt.Sprint(i), subs...)
		turns += len(boxes[i%3].messages()) - before
	}
	for i := range boxes {
		if got := len(boxes[i].messages()); got < n/6 {
			e.Errorf("member %d got %d of %d", i, got, n)
		}
	}
	if turns == n || turns == 0 {
		e.Error("it was their turn, and not chance")
	}
}

// memberFails has a member that fails for everything: another one handles it, also if
// the profile has no retries.
func memberFails(e *env) {
	for _, policy := range e.promised.Policies {
		for _, p := range []transport.Profile{quickly(2), {}} {
			if policy == transport.Sticky || !e.promised.Redelivers {
				continue // the key stays where it is
			}
			var bad atomic.Int32
			var b inbox
			failing := e.member(policy, p, transport.Serve(1, func(context.Context, *transport.Delivery) error {
				bad.Add(1)
				return errors.New("not me")
			}))
			good := e.member(policy, p, b.Receive)
			for i := range 10 {
				e.one("", fmt.Sprint(i), failing, good)
			}
			st := e.sum(10, failing, good)
			if st.Handled != 10 || st.Dead != 0 || st.Failed != uint64(bad.Load()) {
				e.Errorf("policy %d: %+v", policy, st)
			}
			e.noError(failing.Close(e.ctx), "leaving")
			e.noError(good.Close(e.ctx), "leaving")
		}
	}
}

// memberFailsAndWaits has all members fail: they try in turn, each after the profile's
// wait, and then the message is given up.
func memberFailsAndWaits(e *env) {
	const members = 3
	p := transport.Profile{Retry: transport.Retry{Attempts: 2, Initial: e.backoff, Multiplier: 2}}
	var mu sync.Mutex
	var tried []int
	var times []time.Time
	var subs []transport.Subscription
	for i := range members {
		subs = append(subs, e.member(e.promised.Policies[0], p, transport.Serve(1, func(context.Context, *transport.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			tried, times = append(tried, i), append(times, time.Now())
			return errors.New("not me")
		})))
	}
	e.publish("event.a", "x")
	if st := e.sum(1, subs...); st.Dead != 1 || st.Failed != members || st.Retried != members-1 {
		e.Errorf("%+v", st)
	}
	for i, wait := range []time.Duration{e.backoff, 2 * e.backoff} {
		if took := times[i+1].Sub(times[i]); took < wait {
			e.Errorf("attempt %d came after %v, want %v", i+2, took, wait)
		}
	}
	if slices.Sort(tried); !slices.Equal(tried, []int{0, 1, 2}) {
		e.Errorf("%v have tried", tried)
	}
}

// memberLeaves has a member with a long inbox leave: the others get it.
func memberLeaves(e *env) {
	for _, policy := range e.promised.Policies {
		p := transport.Profile{Prefetch: 20}
		g := newGate()
		var b inbox
		var first atomic.Bool
		held := make(chan struct{})
		leaver := e.member(policy, p, func(ctx context.Context, d *transport.Delivery) {
			first.Store(true)
			<-held // its goroutine is stuck: the rest stays in its inbox
			g.Receive(ctx, d)
		})
		const n = 10
		for i := range n {
			e.publish("event.a", fmt.Sprint(i))
		}
		e.until(first.Load, "the first message came")
		e.queued(leaver, n)
		stayer := e.member(policy, p, b.Receive)
		left := make(chan error)
		go func() { left <- leaver.Close(e.ctx) }()
		b.wait(e, n-1)
		close(held)
		g.settle(e, 1)
		e.noError(<-left, "leaving")
		e.noError(leaver.Close(e.ctx), "leaving again")
		if st := e.sum(n, leaver, stayer); st.Handled != n || leaver.Stats().Handled != 1 {
			e.Errorf("policy %d: %+v and %+v", policy, leaver.Stats(), stayer.Stats())
		}
		if got := b.bodies(); !slices.IsSorted(got) {
			e.Errorf("policy %d: not in order: %v", policy, got)
		}
		e.noError(stayer.Close(e.ctx), "leaving")
	}
}

// memberHangs has a member never settle: when its time is over, others get what it has.
func memberHangs(e *env) {
	g := newGate()
	var b inbox
	p := transport.Profile{Prefetch: 20}
	hangs := e.member(e.promised.Policies[0], p, g.Receive)
	e.publish("event.a", "1", "2", "3")
	old := []*transport.Delivery{g.take(e), g.take(e), g.take(e)}
	stays := e.member(e.promised.Policies[0], p, b.Receive)
	ctx, cancel := context.WithTimeout(e.ctx, e.calm)
	defer cancel()
	err := hangs.Close(ctx)
	e.want(err, transport.ErrDrainTimeout, "leaving with unsettled deliveries")
	if d, ok := errors.AsType[*transport.DrainError](err); !ok || d.Left != 3 {
		e.Errorf("%v", err)
	}
	b.wait(e, 3)
	if !slices.Equal(b.bodies(), []string{"1", "2", "3"}) {
		e.Errorf("%v", b.bodies())
	}
	for i, d := range old {
		if string(d.Body) != fmt.Sprint(i+1) {
			e.Errorf("the body of an unsettled delivery has become %q", d.Body)
		}
		e.want(d.Settle(nil), transport.ErrStale, "settling what was taken back")
	}
	if st := e.sum(3, hangs, stays); st.Handled != 3 || st.Accepted != 3 {
		e.Errorf("%+v", st)
	}
}

// lastMember has everybody leave at once: what is queued is handled.
func lastMember(e *env) {
	const n = 60
	var b inbox
	var subs []transport.Subscription
	for range 3 {
		subs = append(subs, e.member(e.promised.Policies[0], transport.Profile{}, func(ctx context.Context, d *transport.Delivery) {
			time.Sleep(200 * time.Microsecond)
			b.Receive(ctx, d)
		}))
	}
	for i := range n {
		e.publish("event.a", fmt.Sprint(i))
	}
	done := make(chan error)
	for _, s := range subs {
		go func() { done <- s.Close(e.ctx) }()
	}
	for range subs {
		e.noError(<-done, "leaving")
	}
	if st := e.sum(n, subs...); st.Handled != n || len(b.messages()) != n {
		e.Errorf("%+v, %d deliveries", st, len(b.messages()))
	}
	r := transport.SubscribeRequest{Patterns: patternsOf("event.#"), Group: "g", Policy: e.promised.Policies[0], Receive: b.Receive}
	r.Profile.Capacity = 7
	e.until(func() bool { _, err := e.sub.Subscribe(e.ctx, r); return err == nil }, "there can be a new group")
}

func mismatch(e *env) {
	var b inbox
	good := transport.SubscribeRequest{Patterns: patternsOf("event.#"), Group: "g", Policy: e.promised.Policies[0], Receive: b.Receive}
	e.subscribe(good)
	for _, edit := range []func(*transport.SubscribeRequest){
		func(r *transport.SubscribeRequest) { r.Patterns = patternsOf("event.*") },
		func(r *transport.SubscribeRequest) { r.Profile.Capacity = 5 },
		func(r *transport.SubscribeRequest) { r.Where = func(*transport.Message) bool { return true } },
	} {
		r := good
		edit(&r)
		_, err := e.sub.Subscribe(e.ctx, r)
		e.want(err, transport.ErrGroupMismatch, "a member that wants something else")
	}
	e.subscribe(good)
}

// groupFilter has members whose filters agree.
func groupFilter(e *env) {
	var b inbox
	r := transport.SubscribeRequest{
		Patterns: patternsOf("event.#"), Group: "g", Policy: e.promised.Policies[0], Receive: b.Receive,
		Where: func(m *transport.Message) bool { return m.Body[0] == 'y' },
	}
	subs := []transport.Subscription{e.subscribe(r), e.subscribe(r)}
	e.publish("event.a", "y1", "n1", "y2", "n2", "n3")
	b.wait(e, 2)
	e.until(func() bool { return subs[0].Stats().Filtered+subs[1].Stats().Filtered == 3 }, "the filter was asked for all")
	if st := e.sum(2, subs...); st.Handled != 2 || len(b.messages()) != 2 {
		e.Errorf("%+v", st)
	}
}
