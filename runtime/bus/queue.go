package bus

import (
	"context"
	"sync"
	"time"
)

// item is an event in a queue.
type item struct {
	origin
	value any // a pointer to the topic's type
}

// queue is a bounded queue with one consumer, which takes events in chunks.
type queue struct {
	done   chan struct{} // closed when the consumer has ended
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	ring     []item // grows up to capacity
	head, n  int
	taken    int    // handed to the consumer at once
	before   uint64 // events that were handled before those
	capacity int
	idle     bool // the consumer waits on wake
	wake     chan struct{}
	blocked  []chan struct{} // publishers that wait for room, longest first
	ending   bool
}

// chunk is the most events that the consumer takes at once.
const chunk = 64

func newQueue(capacity int) *queue {
	q := &queue{done: make(chan struct{}), wake: make(chan struct{}, 1), capacity: capacity}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n + q.taken
}

// enqueue adds an event, and waits for room until ctx ends or, if there is one,
// the timeout has passed.
func (s *Subscription) enqueue(ctx context.Context, i item, timeout time.Duration) error {
	q := s.queue
	q.mu.Lock()
	if q.n+q.taken >= q.capacity && !q.ending {
		if err := q.await(ctx, timeout); err != nil {
			q.mu.Unlock()
			return err
		}
	}
	if q.ending {
		q.mu.Unlock()
		return nil // the subscription ended before the event was there
	}
	q.push(i)
	wake := q.idle
	q.idle = false
	q.mu.Unlock()
	if wake {
		q.wake <- struct{}{}
	}
	return nil
}

// stepTimeoutKey is machine.PublishTimeoutKey: within a step of a machine nothing
// waits for longer, since what it waits for may be waiting for the step.
const stepTimeoutKey = "github.com/xsgen/xsgen/runtime: publish timeout"

// await waits for room. q.mu is held, and released in between.
func (q *queue) await(ctx context.Context, timeout time.Duration) error {
	var late <-chan time.Time
	if timeout == 0 {
		timeout, _ = ctx.Value(stepTimeoutKey).(time.Duration)
	}
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	for q.n+q.taken >= q.capacity && !q.ending {
		room := make(chan struct{})
		q.blocked = append(q.blocked, room)
		q.mu.Unlock()
		var err error
		select {
		case <-room:
		case <-ctx.Done():
			err = ctx.Err()
		case <-late:
			err = ErrTimeout
		}
		q.mu.Lock()
		if err != nil {
			q.giveUp(room)
			return err
		}
	}
	return nil
}

// push adds to the ring, which has room or grows; q.mu is held.
func (q *queue) push(i item) {
	if q.n == len(q.ring) {
		bigger := make([]item, min(max(2*q.n, 16), q.capacity))
		c := copy(bigger, q.ring[q.head:])
		copy(bigger[c:], q.ring[:q.head])
		q.ring, q.head = bigger, 0
	}
	at := q.head + q.n
	if at >= len(q.ring) {
		at -= len(q.ring)
	}
	q.ring[at] = i
	q.n++
}

// giveUp takes a publisher that waits no more out of the line; if it has just
// been given room, the next one gets it. q.mu is held.
func (q *queue) giveUp(room chan struct{}) {
	for i, b := range q.blocked {
		if b == room {
			q.blocked = append(q.blocked[:i], q.blocked[i+1:]...)
			return
		}
	}
	q.letIn(1)
}

// letIn wakes up to n publishers; q.mu is held.
func (q *queue) letIn(n int) {
	n = min(n, len(q.blocked))
	for _, b := range q.blocked[:n] {
		close(b)
	}
	q.blocked = append(q.blocked[:0], q.blocked[n:]...)
}

// take waits for events and moves up to len(buf) of them to buf; 0 means that
// the queue has ended.
func (q *queue) take(buf []item, handled uint64) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.letIn(q.taken)
	q.taken, q.before = 0, handled
	for q.n == 0 {
		if q.ending {
			return 0
		}
		q.idle = true
		q.mu.Unlock()
		<-q.wake
		q.mu.Lock()
	}
	n := min(q.n, len(buf), max(q.capacity/2, 1))
	for i := range n {
		buf[i] = q.ring[q.head]
		q.ring[q.head] = item{}
		if q.head++; q.head == len(q.ring) {
			q.head = 0
		}
	}
	q.n -= n
	q.taken = n
	return n
}

// run is the goroutine of a queued subscription; Close ends it.
func (s *Subscription) run(handle func(context.Context, *item) error) {
	q := s.queue
	finished := false
	defer func() {
		if !finished { // a handler has ended the goroutine: nobody must wait for it
			s.abandon()
		}
		close(q.done)
	}()
	var buf [chunk]item
	for {
		n := q.take(buf[:], s.handled.Load())
		if n == 0 {
			finished = true
			return
		}
		for i := range n {
			if q.ctx.Err() != nil {
				finished = true
				return
			}
			if err := handle(q.ctx, &buf[i]); err != nil {
				s.failed.Add(1)
				s.bus.onError(s, err)
			}
			buf[i] = item{}
			s.handled.Add(1)
		}
	}
}

// finish says that nothing more will come.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ending = true
	q.letIn(len(q.blocked))
	if q.idle {
		q.idle = false
		q.wake <- struct{}{}
	}
}

// abandon drops what is left and returns how much it was; an event that is just
// being handled counts.
func (s *Subscription) abandon() int {
	q := s.queue
	q.cancel()
	q.mu.Lock()
	left := q.n + q.taken - int(s.handled.Load()-q.before)
	clear(q.ring)
	q.n = 0
	q.mu.Unlock()
	q.finish()
	return left
}
