package bus

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/again"
	"github.com/xsgen/xsgen/runtime/internal/queue"
	"github.com/xsgen/xsgen/runtime/transport"
)

// item is an event in a queue.
type item struct {
	origin
	value any // a pointer to the topic's type
}

// call hands events to a handler: one, or for a BatchHandler several.
type call func(ctx context.Context, items []item) error

// consumers are the queue of a subscription and the goroutines that take from it.
type consumers struct {
	s         *Subscription
	q         *queue.Queue[item]
	seed      maphash.Seed
	lanes     int
	wait      time.Duration // that the profile lets a publish wait
	seen      *again.Window // ids that were taken, nil if none are remembered
	ctx       context.Context
	cancel    context.CancelFunc
	abandoned atomic.Bool

	running  atomic.Int64  // workers
	finished chan struct{} // closed when the last one has ended

	waiting sync.Once     // closes waits
	waits   chan struct{} // a handler of the subscription waits in a Close
}

// chunk is the most events that a consumer takes at once, and thereby the most that
// wait although another consumer is idle.
const chunk = 64

func newConsumers(s *Subscription) *consumers {
	p := &s.options.profile
	c := &consumers{s: s, seed: maphash.MakeSeed(), lanes: 1, wait: p.PublishTimeout, waits: make(chan struct{}), finished: make(chan struct{})}
	if p.Order == transport.OrderKey {
		c.lanes = max(p.Concurrency, 1)
	}
	c.q = queue.New(queue.Config[item]{
		Capacity: p.Room(), Bytes: p.CapacityBytes, Size: func(i *item) int64 { return i.size() },
		Policy: queue.Policy(p.Overflow), Lanes: c.lanes, Patience: StepTimeout,
		Dropped: func(i *item) {
			i.request().over(nil)
			s.lose(i, LostDropped)
		},
	})
	if p.DedupWindow > 0 {
		c.seen = again.NewWindow(p.DedupWindow)
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// start starts the goroutines; each makes what one of them calls.
func (c *consumers) start(each func() call) {
	n := max(c.s.options.profile.Concurrency, 1)
	c.running.Store(int64(n))
	for i := range n {
		go c.worker(i%c.lanes, c.s.limitedCall(each())).run()
	}
}

// chunk is how many events a consumer takes at once: few of a small queue, so that
// what is dropped, and when a publisher is let in, is exact.
func (c *consumers) chunk() int {
	p := &c.s.options.profile
	n := min(chunk, max(p.Room()/16, 1))
	switch {
	case p.Prefetch > 0:
		n = min(p.Prefetch, p.Room()) // more are never there
	case p.Concurrency > 1 && c.lanes == 1:
		n = 1 // another handler may be idle
	}
	return max(n, min(p.BatchSize, p.Room()))
}

// limitedCall gives the handler's calls their ctx.
func (s *Subscription) limitedCall(h call) call {
	if s.options.limit <= 0 {
		return h
	}
	return func(ctx context.Context, items []item) error {
		ctx, cancel := context.WithTimeout(ctx, s.options.limit)
		defer cancel()
		return h(ctx, items)
	}
}

// enqueue is what a queued subscription does with an event.
func enqueue[T any](s *Subscription) func(context.Context, *Event[T]) error {
	c := s.queue
	full := &later[T]{}
	if c.plain() {
		full.take = func(ctx context.Context, e *Event[T]) error {
			e.number()
			i := item{origin{e.place, e.key, e.seq, e.extra}, e.value}
			return full.unless(c.put(ctx, &i, e.timeout))
		}
		return full.take
	}
	full.take = func(ctx context.Context, e *Event[T]) error {
		e.number()
		i := item{origin{e.place, e.key, e.seq, e.extra}, e.value}
		lane, err := c.prepare(&i)
		if err != nil {
			return err
		}
		if err = c.q.Put(ctx, lane, &i, i.size(), c.patience(e.timeout)); err != nil {
			return full.unless(c.putError(&i, err))
		}
		return nil
	}
	return full.take
}

// tryEnqueue is enqueue for a member of a group: without waiting, and without
// dropping anything. A queue that has ended in the meantime is as good as full.
func tryEnqueue[T any](s *Subscription) func(context.Context, *Event[T]) error {
	c := s.queue
	return func(_ context.Context, e *Event[T]) error {
		e.number()
		i := item{e.origin, e.value}
		lane, err := c.prepare(&i)
		if err != nil {
			return err
		}
		if err = c.q.TryPut(lane, &i, i.size()); errors.Is(err, queue.ErrClosed) {
			return queue.ErrFull
		}
		return err
	}
}

// plain reports whether an event is queued without being looked at.
func (c *consumers) plain() bool {
	p := &c.s.options.profile
	return p.CapacityBytes == 0 && p.TTL == 0 && c.lanes == 1
}

// prepare fills in what the profile asks for, and returns the event's lane.
func (c *consumers) prepare(i *item) (lane int, err error) {
	p := &c.s.options.profile
	if p.CapacityBytes > 0 || p.TTL > 0 {
		more := i.ownExtra()
		if p.CapacityBytes > 0 {
			if more.size, err = sizeOf(i.value); err != nil {
				return 0, err
			}
		}
		if p.TTL > 0 {
			now := i.place.bus.now()
			more.expires = now + int64(p.TTL)
			if more.since == 0 {
				more.since = now
			}
		}
	}
	if c.lanes > 1 {
		lane = int(maphash.String(c.seed, i.key) % uint64(c.lanes))
	}
	return lane, nil
}

// patience is how long a publish waits for room: as its publisher and the profile
// say; 0 if neither does. A publisher that does not wait does not.
func (c *consumers) patience(publisher time.Duration) time.Duration {
	if publisher != 0 && (c.wait == 0 || publisher < c.wait) {
		return publisher
	}
	return c.wait
}

// StepTimeout is how long what a step of a machine waits for may take, 0 if ctx is not a
// step's: it may be waiting for the step. Queues heed it where nobody has said how long a
// publish waits, and direct handlers that wait for something else must.
func StepTimeout(ctx context.Context) time.Duration {
	d, _ := ctx.Value(stepTimeoutKey).(time.Duration)
	return d
}

// stepTimeoutKey is machine.PublishTimeoutKey.
const stepTimeoutKey = "github.com/xsgen/xsgen/runtime: publish timeout"

// putError is a queue's error in the terms of the bus. A subscription that has ended
// before the event was there misses nothing.
func (c *consumers) putError(i *item, err error) error {
	switch {
	case errors.Is(err, queue.ErrClosed) && c.s.group != nil:
		return errLeft
	case errors.Is(err, queue.ErrClosed):
		i.request().answer(nil, ErrNoListener)
		return c.s.skipped(nil)
	case errors.Is(err, queue.ErrFull):
		return ErrFull
	case errors.Is(err, queue.ErrTimeout):
		return ErrTimeout
	case errors.Is(err, queue.ErrTooLarge):
		return ErrTooLarge
	}
	return err
}

// end waits until what is left has been handled.
func (c *consumers) end() {
	c.q.End()
	<-c.finished
	c.cancel()
}

// abandon drops what is left, or gives it to other members of the group, and returns
// how much was dropped; an event that is just being handled counts.
func (c *consumers) abandon() int {
	c.q.End()
	left := int(c.left(c.q.Stats()))
	c.cancel()
	passed := 0
	for _, i := range c.q.Clear() {
		if c.s.passTo(c.s.others(&i), i) {
			passed++
		} else {
			c.s.lose(&i, LostLeft)
			i.request().over(nil)
		}
	}
	c.q.Settle(passed)
	c.s.counts.passed.Add(uint64(passed))
	c.abandoned.Store(true)
	return left - passed
}

// left are the events that nothing has become of.
func (c *consumers) left(q queue.Stats) uint64 { return q.Accepted - q.Dropped - q.Settled }
