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
	mu     sync.Mutex
	events map[string]*fate
	lossy  bool // what is published is confirmed, and may reach nobody
}

// fate is what has become of an event.
type fate struct {
	confirmed bool
	doubtful  bool // nobody knew, once, whether it was stored, and it was sent again
	lossy     bool // it was published while what is confirmed may be lost
	failed    bool // the handler has failed for it
	handled   int
	stale     bool // a delivery of it was not settled
	by        any  // the channel by which its last delivery was settled
	lost      any  // the channel by which an earlier one was settled, and that was lost
}

func newHistory() *history { return &history{events: map[string]*fate{}} }

// note has f look at what has become of an event, or say more of it.
func (h *history) note(id string, f func(e *fate)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.events[id]
	if e == nil {
		e = &fate{}
		h.events[id] = e
	}
	f(e)
}

// count is how many events are so.
func (h *history) count(is func(e *fate) bool) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if is(e) {
			n++
		}
	}
	return n
}

func (e *fate) isConfirmed() bool { return e.confirmed }
func (e *fate) isHandled() bool   { return e.handled > 0 }
func (e *fate) isDoubtful() bool  { return e.doubtful }
func (e *fate) isLost() bool      { return e.confirmed && !e.lossy && e.handled == 0 }

// isTwice is that it was handled twice although it was sent once, and each delivery was settled
// by a channel that has lasted.
func (e *fate) isTwice() bool { return e.handled > 1 && !e.doubtful && !e.stale && e.lost == nil }

// check fails for what was confirmed and not handled, and for what was handled twice without a
// reason: a publisher that did not know, or a channel that was lost before the broker had heard
// that a delivery was settled. Of those there are no more than the channel may have, which is most.
func (h *history) check(t *testing.T, most int) {
	t.Helper()
	lost, twice := h.count((*fate).isLost), h.count((*fate).isTwice)
	if lost > 0 || twice > 0 {
		t.Errorf("of %d confirmed events %d were lost, and %d came twice without a reason", h.count((*fate).isConfirmed), lost, twice)
	}
	again := map[any]int{}
	h.mu.Lock()
	for _, e := range h.events {
		if e.handled > 1 && !e.doubtful && !e.stale {
			again[e.lost]++
		}
	}
	h.mu.Unlock()
	for _, n := range again {
		if n > most {
			t.Errorf("%d events came again after a channel was lost that may have %d", n, most)
		}
	}
	t.Logf("%d confirmed, %d of them were doubtful; %d handled, %d of them twice", h.count((*fate).isConfirmed),
		h.count((*fate).isDoubtful), h.count((*fate).isHandled), h.count(func(e *fate) bool { return e.handled > 1 }))
}

// traffic is events under way from one node to another, all the time.
type traffic struct {
	*history
	t        *testing.T
	ctx      context.Context
	pub, sub transport.Transport
	s        transport.Subscription
	profile  transport.Profile
	made     chan struct{} // closed when there is s
	stop     chan struct{}
	writing  sync.WaitGroup
	next     atomic.Int64
	sound    atomic.Bool // the handler fails for nothing
	closing  atomic.Bool // publishing may fail, since its node is closed
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
	r := &traffic{history: newHistory(), t: t, ctx: ctx, pub: l.node("writer", opts...), sub: l.node("reader", opts...), profile: jobs, stop: make(chan struct{})}
	r.read()
	for n := range writers {
		p := &transport.Profile{}
		if n%2 == 1 {
			p.Durable, p.Confirm = transport.Durable, transport.On
		}
		r.writing.Go(func() { r.write(p) })
	}
	return r
}

// read has the reader take events.
func (r *traffic) read() {
	r.t.Helper()
	r.made = make(chan struct{})
	var err error
	r.s, err = r.sub.Subscribe(r.ctx, transport.SubscribeRequest{
		Name: "jobs", Patterns: []topic.Pattern{"event.job.#"}, Profile: r.profile, Receive: r.receive,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	close(r.made)
}

var errFirst = errors.New("not at once")

// receive handles a delivery, and notes whether it was settled, and by which channel it has come.
func (r *traffic) receive(_ context.Context, d *transport.Delivery) {
	<-r.made
	id, by, sends := d.ID, amqp.Attachment(r.s), amqp.Session(r.sub)
	r.note(id, func(e *fate) {
		if e.by != nil && e.by != by {
			e.lost = e.by
		}
	})
	failure := r.handle(id)
	settled := d.Settle(failure)
	r.note(id, func(e *fate) {
		switch {
		case settled != nil:
			e.stale = true
		case failure != nil && sends != amqp.Session(r.sub): // its retry may have been sent again
			e.doubtful = true
		}
		e.by = by
	})
}

// handle fails for each seventh event when it comes for the first time.
func (r *traffic) handle(id string) (err error) {
	r.note(id, func(e *fate) {
		if n, _ := strconv.Atoi(strings.TrimPrefix(id, "job-")); n%7 == 0 && !e.failed && !r.sound.Load() {
			e.failed, err = true, errFirst
			return
		}
		e.handled++
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
		for r.publish(m) {
		}
	}
}

// publish publishes an event, and reports whether that is to be done again.
func (r *traffic) publish(m *transport.Message) (again bool) {
	by := amqp.Session(r.pub)
	r.note(m.ID, func(e *fate) { e.lossy = e.lossy || r.lossy })
	err := transport.Publish(r.ctx, r.pub, m)
	e, failed := errors.AsType[*transport.PublishError](err)
	r.note(m.ID, func(f *fate) {
		f.confirmed, f.lossy = err == nil, f.lossy || r.lossy
		if failed && e.Outcome() != transport.OutcomeNotSent || by != amqp.Session(r.pub) {
			f.doubtful = true
		}
	})
	switch {
	case err == nil, r.closing.Load():
		return false
	case !failed || !e.Retryable() || r.ctx.Err() != nil:
		r.t.Errorf("%s: %v", m.ID, err)
		return false
	}
	return true
}

// more waits until n more events are confirmed.
func (r *traffic) more(n int) {
	r.t.Helper()
	before := r.count((*fate).isConfirmed)
	until(r.t, func() bool { return r.count((*fate).isConfirmed) >= before+n }, "%d more events are confirmed", n)
}

// end stops the writers, waits until all is handled, and looks at what has become of it.
func (r *traffic) end() {
	r.t.Helper()
	close(r.stop)
	r.writing.Wait()
	r.settle()
	r.close()
}

// settle waits until all is handled, and looks at what has become of it.
func (r *traffic) settle() {
	r.t.Helper()
	until(r.t, func() bool { return r.count((*fate).isLost) == 0 }, "all that was confirmed is handled")
	until(r.t, func() bool { st := r.s.Stats(); return st.Waiting+st.InFlight == 0 }, "nothing is under way")
	r.check(r.t, r.profile.Prefetch)
	if st := r.s.Stats(); st.Balance() != 0 || st.Dead+st.Dropped+st.Expired+st.Left > 0 {
		r.t.Errorf("the counts do not add up: %+v", st)
	}
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
