package transporttest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

func overflow(g promises) bool { return g.Overflow }
func bytesToo(g promises) bool { return g.Overflow && g.Bytes }

var queues = []test{
	{"overflow-drop-oldest", overflow, func(e *env) { drops(e, transport.DropOldest, "0", "7", "8", "9") }},
	{"overflow-drop-newest", overflow, func(e *env) { drops(e, transport.DropNewest, "0", "1", "2", "3") }},
	{"overflow-error", overflow, rejects},
	{"overflow-block", overflow, blocks},
	{"overflow-block-ctx", overflow, blocksCtx},
	{"overflow-one-of-two", overflow, oneOfTwo},
	{"overflow-bytes", bytesToo, countsBytes},
}

const small = 4 // the capacity of the queues here

// stuck subscribes with a receiver that has the first message and does not settle it.
func stuck(e *env, p transport.Profile) (*gate, transport.Subscription) {
	e.Helper()
	g := newGate()
	p.Capacity, p.Prefetch = small, 1
	s := e.hear("event.#", p, g.Receive)
	e.publish("event.a", "0")
	e.until(func() bool { return len(g.messages()) == 1 }, "the first message came")
	return g, s
}

// drops publishes ten messages to a queue of four.
func drops(e *env, policy transport.Overflow, want ...string) {
	g, s := stuck(e, transport.Profile{Overflow: policy})
	for i := 1; i < 10; i++ {
		e.publish("event.a", strconv.Itoa(i))
	}
	e.queued(s, 10)
	st := s.Stats()
	if st.Accepted != 10 || st.Dropped != 6 || st.Waiting != 3 || st.InFlight != 1 || st.Balance() != 0 {
		e.Errorf("%+v", st)
	}
	g.settle(e, len(want))
	if st = e.settled(s, 10); st.Dropped != 6 || st.Handled != 4 {
		e.Errorf("%+v", st)
	}
	if got := g.bodies(); !slices.Equal(got, want) {
		e.Errorf("%q were delivered, want %q", got, want)
	}
}

func rejects(e *env) {
	g, s := stuck(e, transport.Profile{Overflow: transport.Reject})
	e.publish("event.a", "1", "2", "3")
	for range 6 {
		err := transport.Publish(e.ctx, e.pub, e.message("event.a", "more"))
		e.want(err, transport.ErrFull, "publishing to a full queue")
		e.outcome(err, transport.OutcomeNotSent, true)
	}
	e.queued(s, 4)
	if st := s.Stats(); st.Accepted != 4 || st.Dropped != 0 || st.Balance() != 0 {
		e.Errorf("%+v", st)
	}
	g.settle(e, 4)
	e.publish("event.a", "4")
	g.settle(e, 1)
	if got := g.bodies(); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
		e.Errorf("%q", got)
	}
}

// blocks has a publisher wait for room, and give up after its publish-timeout, or
// after the subscription's.
func blocks(e *env) {
	g, s := stuck(e, transport.Profile{PublishTimeout: patience})
	e.publish("event.a", "1", "2", "3")
	m := e.message("event.a", "too late")
	m.Profile = &transport.Profile{PublishTimeout: e.calm}
	start := time.Now()
	err := transport.Publish(e.ctx, e.pub, m)
	e.want(err, transport.ErrTimeout, "publishing to a full queue")
	e.outcome(err, transport.OutcomeNotSent, true)
	if took := time.Since(start); took < e.calm || took > patience/2 {
		e.Errorf("it waited for %v", took)
	}
	let := make(chan error)
	go func() { let <- transport.Publish(e.ctx, e.pub, e.message("event.a", "4")) }()
	select {
	case err := <-let:
		e.Fatalf("it did not wait: %v", err)
	case <-time.After(e.calm):
	}
	g.settle(e, 1)
	e.noError(<-let, "publishing once there is room")
	g.settle(e, 4)
	if st := e.settled(s, 5); st.Handled != 5 || st.Dropped != 0 || st.Accepted != 5 {
		e.Errorf("%+v", st)
	}
}

func blocksCtx(e *env) {
	g, s := stuck(e, transport.Profile{})
	e.publish("event.a", "1", "2", "3")
	ctx, cancel := context.WithCancel(e.ctx)
	done := make(chan error)
	go func() { done <- transport.Publish(ctx, e.pub, e.message("event.a", "never")) }()
	time.Sleep(e.calm)
	cancel()
	err := <-done
	e.want(err, context.Canceled, "a publish whose ctx ends")
	e.outcome(err, transport.OutcomeNotSent, true)
	g.settle(e, 4)
	if st := e.settled(s, 4); st.Handled != 4 || slices.Contains(g.bodies(), "never") {
		e.Errorf("%+v, %q", st, g.bodies())
	}
}

// oneOfTwo has one queue take a message and another one refuse it.
func oneOfTwo(e *env) {
	g, _ := stuck(e, transport.Profile{Overflow: transport.Reject})
	e.publish("event.a", "1", "2", "3")
	var b inbox
	e.hear("event.#", transport.Profile{}, b.Receive)
	err := transport.Publish(e.ctx, e.pub, e.message("event.a", "4"))
	e.want(err, transport.ErrFull, "publishing")
	e.outcome(err, transport.OutcomeUnknown, true)
	b.wait(e, 1)
	g.settle(e, 4)
}

// countsBytes bounds a queue by bytes; a body counts, an envelope does not.
func countsBytes(e *env) {
	g, s := stuck(e, transport.Profile{CapacityBytes: 10, Overflow: transport.DropNewest})
	e.publish("event.a", "12345", "1234", "x", "")
	e.queued(s, 5)
	if st := s.Stats(); st.Dropped != 1 || st.Bytes != 10 || st.Balance() != 0 {
		e.Errorf("%+v", st)
	}
	err := transport.Publish(e.ctx, e.pub, e.message("event.a", strings.Repeat("x", 11)))
	e.want(err, transport.ErrTooLarge, "more than the whole queue")
	g.settle(e, 4)
	if st := e.settled(s, 5); st.Bytes != 0 || st.Handled != 4 || st.Dropped != 1 {
		e.Errorf("%+v", st)
	}
}
