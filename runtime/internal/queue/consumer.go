package queue

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Consumer takes items from one lane of a queue. Take and Poll are for one goroutine at a time;
// Settle may be called from any.
type Consumer[E any] struct {
	q     *Queue[E]
	lane  *lane[E]
	wake  chan struct{} // of one who is asleep
	timer *time.Timer

	_                     [64]byte
	settled, settledBytes atomic.Int64 // since the consumer began
	counted, countedBytes int64        // of those, what the queue knows
	got                   int          // items by the last take; 0 if it has looked in vain since

	_     [64]byte      // producers write what follows
	state atomic.Uint32 // while it is among the idle ones of its lane, and until it has seen that it is not
	next  *Consumer[E]  // of those
}

// Consumer returns a new consumer of a lane.
func (q *Queue[E]) Consumer(lane int) *Consumer[E] {
	c := &Consumer[E]{q: q, lane: q.lanes[lane], wake: make(chan struct{}, 1)}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.consumers = append(q.consumers, c)
	return c
}

// Settle says that items which were taken, and their bytes where those are limited, need
// no room any more.
func (c *Consumer[E]) Settle(items int, bytes int64) {
	c.settled.Add(int64(items))
	if c.q.cfg.Bytes > 0 {
		c.settledBytes.Add(bytes)
	}
	if !c.q.pressed.Load() {
		return // the queue hears of it when the consumer takes the next items
	}
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	c.q.collect()
	c.q.letIn()
}

// collect counts what the consumers have settled; q.mu is held.
func (q *Queue[E]) collect() {
	for _, c := range q.consumers {
		c.collect()
	}
}

func (c *Consumer[E]) collect() {
	settled, bytes := c.settled.Load(), c.settledBytes.Load()
	c.q.count(-int(settled-c.counted), c.countedBytes-bytes)
	c.counted, c.countedBytes = settled, bytes
}

// Take waits for items and moves up to len(buf) of them to buf. It returns none when
// the time has come that until says, if it says any, and more is false when the
// queue has ended and the lane is empty.
func (c *Consumer[E]) Take(buf []E, until time.Time) (n int, more bool) {
	q := c.q
	if 0 < c.got && c.got < len(buf) {
		runtime.Gosched()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	c.tell()
	for c.lane.len() == 0 {
		if q.ended {
			return 0, false
		}
		if !c.wait(until) {
			return 0, true
		}
	}
	return c.take(buf), true
}

// tell tells the queue what was settled, and lets in who waits for that; q.mu is held.
func (c *Consumer[E]) tell() {
	c.collect()
	if c.q.pressed.Load() {
		c.q.letIn()
	}
}

// What a consumer that waits does. Who has something for it takes it out of the idle ones,
// with the queue locked, and calls it.
const (
	looks uint32 = iota // at state, without a lock
	sleeps
	called
)

// call has a consumer look again that the caller has taken out of the idle ones.
func (c *Consumer[E]) call() {
	if c.state.Swap(called) == sleeps {
		c.wake <- struct{}{}
	}
}

// yields is how often a consumer that has found nothing lets others run before it sleeps.
const yields = 4

// look lets others run, and reports whether the consumer was called meanwhile; if not, it is
// to sleep. Under load there is something to do by then, often a batch; to sleep for every
// item and to be woken by its producer costs many times as much as the item. A consumer that
// has got nothing since it last looked sleeps at once.
func (c *Consumer[E]) look() bool {
	for i := 0; i < yields && c.got > 0; i++ {
		runtime.Gosched()
		if c.state.Load() == called {
			return true
		}
	}
	c.got = 0
	return !c.state.CompareAndSwap(looks, sleeps)
}

// take moves items to buf; q.mu is held.
func (c *Consumer[E]) take(buf []E) int {
	n := c.lane.take(buf)
	c.got = n
	return n
}

// Poll is Take for what is there: it does not wait.
func (c *Consumer[E]) Poll(buf []E) int {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	c.tell()
	return c.take(buf)
}

// wait waits to be called, or, if until is a time, for that; then it returns false. q.mu is
// held, and released in between.
func (c *Consumer[E]) wait(until time.Time) bool {
	q := c.q
	c.state.Store(looks)
	c.next, c.lane.idle = c.lane.idle, c
	q.mu.Unlock()
	if c.look() {
		q.mu.Lock()
		return true
	}
	if until.IsZero() {
		<-c.wake
		q.mu.Lock()
		return true
	}
	select {
	case <-c.wake:
		q.mu.Lock()
		return true
	case <-c.alarm(time.Until(until)):
	}
	q.mu.Lock()
	if c.lane.forget(c) {
		return false
	}
	<-c.wake // somebody has called it in the meantime
	return true
}

func (c *Consumer[E]) alarm(d time.Duration) <-chan time.Time {
	if c.timer == nil {
		c.timer = time.NewTimer(d)
	} else {
		c.timer.Reset(d)
	}
	return c.timer.C
}
