package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// patience is how long tests wait for what must happen: longer than a broker takes to
// start, on a busy machine.
const patience = 90 * time.Second

// history is what publishers were told of each event, and what handlers have seen.
type history struct {
	mu        sync.Mutex
	confirmed map[string]bool
	doubtful  map[string]bool // it was told once that nobody knows
	handled   map[string]int
	again     map[string]bool // a delivery of it was not settled, or was cut short
	failed    map[string]bool // a handler has failed for it
}

func newHistory() *history {
	return &history{confirmed: map[string]bool{}, doubtful: map[string]bool{}, handled: map[string]int{}, again: map[string]bool{}, failed: map[string]bool{}}
}

func (h *history) note(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// complete reports whether every confirmed event was handled.
func (h *history) complete() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.confirmed {
		if h.handled[id] == 0 {
			return false
		}
	}
	return true
}

// check fails for what was confirmed and not handled, and for what was handled twice
// without a reason.
func (h *history) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	lost, twice := 0, 0
	for id := range h.confirmed {
		if h.handled[id] == 0 {
			lost++
		}
	}
	for id, n := range h.handled {
		if n > 1 && !h.doubtful[id] && !h.again[id] {
			twice++
		}
	}
	if lost > 0 || twice > 0 {
		t.Errorf("of %d confirmed events %d were lost, and %d came twice without a reason", len(h.confirmed), lost, twice)
	}
	t.Logf("%d confirmed, %d of them were doubtful; %d handled", len(h.confirmed), len(h.doubtful), len(h.handled))
}

// traffic is events under way from one node to another, all the time.
type traffic struct {
	*history
	t        *testing.T
	ctx      context.Context
	pub, sub transport.Transport
	s        transport.Subscription
	stop     chan struct{}
	writing  sync.WaitGroup
	next     atomic.Int64
	sound    atomic.Bool // the handler fails for nothing
}

// jobs is what the reader takes: nothing is lost, and every event is tried again.
var jobs = transport.Profile{
	Durable: transport.Durable, Confirm: transport.On, Capacity: 100_000, Prefetch: 50,
	Retry: transport.Retry{Attempts: 100, Initial: 5 * time.Millisecond, Multiplier: 1},
}

// newTraffic has writers publish to a durable queue: every other one what is sent again until
// it is known to be stored.
func newTraffic(t *testing.T, l *lab, writers int, opts ...amqp.Option) *traffic {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	opts = append([]amqp.Option{amqp.Heartbeat(2 * time.Second)}, opts...)
	r := &traffic{history: newHistory(), t: t, ctx: ctx, pub: l.node("writer", opts...), sub: l.node("reader", opts...), stop: make(chan struct{})}
	var err error
	r.s, err = r.sub.Subscribe(ctx, transport.SubscribeRequest{
		Name: "jobs", Patterns: []topic.Pattern{"event.job.#"}, Profile: jobs, Receive: transport.Serve(1, r.handle),
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range writers {
		p := &transport.Profile{}
		if n%2 == 1 {
			p.Durable, p.Confirm = transport.Durable, transport.On
		}
		r.writing.Go(func() { r.write(p) })
	}
	return r
}

var errFirst = errors.New("not at once")

// handle fails for each seventh event when it comes for the first time.
func (r *traffic) handle(_ context.Context, d *transport.Delivery) (err error) {
	id := d.ID
	r.note(func() {
		if n, _ := strconv.Atoi(strings.TrimPrefix(id, "job-")); n%7 == 0 && !r.failed[id] && !r.sound.Load() {
			r.failed[id] = true
			err = errFirst
			return
		}
		r.handled[id]++
	})
	return err
}

// write publishes, and sends again what may be sent again.
func (r *traffic) write(p *transport.Profile) {
	for {
		select {
		case <-r.stop:
			return
		default:
		}
		id := fmt.Sprint("job-", r.next.Add(1))
		m := &transport.Message{Envelope: transport.Envelope{ID: id, Topic: "event.job.do"}, Body: []byte(id), Profile: p}
		for {
			err := transport.Publish(r.ctx, r.pub, m)
			if err == nil {
				r.note(func() { r.confirmed[id] = true })
				break
			}
			e, ok := errors.AsType[*transport.PublishError](err)
			if !ok || !e.Retryable() || r.ctx.Err() != nil {
				r.t.Errorf("%s: %v", id, err)
				return
			}
			r.note(func() { r.doubtful[id] = r.doubtful[id] || e.Outcome() != transport.OutcomeNotSent })
		}
	}
}

// more waits until n more events are confirmed.
func (r *traffic) more(n int) {
	r.t.Helper()
	count := func() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.confirmed) }
	before := count()
	until(r.t, func() bool { return count() >= before+n }, "%d more events are confirmed", n)
}

// end stops the writers, waits until all is handled, and looks at what has become of it.
// Where connections were lost, what was with the reader then may have come twice.
func (r *traffic) end(outage bool) {
	r.t.Helper()
	close(r.stop)
	r.writing.Wait()
	until(r.t, r.complete, "all that was confirmed is handled")
	if outage {
		r.note(func() {
			for id := range r.handled {
				r.again[id] = true
			}
		})
	}
	r.check(r.t)
	until(r.t, func() bool { st := r.s.Stats(); return st.Waiting+st.InFlight == 0 }, "nothing is under way")
	if st := r.s.Stats(); st.Balance() != 0 || st.Dead+st.Dropped+st.Expired+st.Left > 0 {
		r.t.Errorf("the counts do not add up: %+v", st)
	}
	r.close()
}

func (r *traffic) close() {
	r.t.Helper()
	shut(r.t, r.pub, r.sub)
}

// shut closes nodes, within a deadline.
func shut(t *testing.T, nodes ...transport.Transport) {
	t.Helper()
	for _, n := range nodes {
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		err := n.Close(ctx)
		cancel()
		if err != nil || time.Since(start) > 21*time.Second {
			t.Errorf("closing a node took %v: %v", time.Since(start), err)
		}
	}
}

// until waits for a condition, and ends the test if it does not come.
func until(t *testing.T, cond func() bool, what string, args ...any) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never happened that %s", fmt.Sprintf(what, args...))
		}
	}
}

// leaksNothing has a test end with the goroutines and descriptors that there were.
func leaksNothing(t *testing.T) {
	t.Helper()
	before, files := goleak.IgnoreCurrent(), descriptors()
	t.Cleanup(func() {
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/xsgen/xsgen/internal/rabbit.(*Broker).hold.func1"))
		until(t, func() bool { return descriptors() <= files }, "there are no more than %d descriptors", files)
	})
}

func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
