// Package queue is the bounded queue behind every subscription: of the bus, whose
// items are typed events, and of transport/memory, whose items are messages. It
// knows nothing of handlers, retries or topics.
//
// A queue has lanes, each of which keeps its items in order, and consumers, each of
// which takes from one lane. Room is counted over all lanes, and an item takes room
// until it has been settled.
package queue

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Policy is what happens to an item for which there is no room. The values are those of
// transport.Overflow, which is converted.
type Policy uint8

// The policies: wait for room, drop what has waited longest, drop the item, refuse it.
const (
	Block Policy = iota
	DropOldest
	DropNewest
	Reject
)

// Errors of Put.
var (
	ErrClosed    = errors.New("queue: closed")
	ErrFull      = errors.New("queue: full")
	ErrTimeout   = errors.New("queue: timed out")
	ErrTooLarge  = errors.New("queue: larger than the whole queue")
	ErrWouldWait = errors.New("queue: full, and not waited for")
)

// NoWait is the timeout of a Put that is ErrWouldWait where it would wait. The other policies
// are as ever.
const NoWait time.Duration = -1

// Config says how much a queue holds.
type Config[E any] struct {
	Capacity int            // items, at least 1
	Bytes    int64          // of all items; 0 is no limit
	Size     func(*E) int64 // of an item, where there is a limit
	Policy   Policy
	Lanes    int                                 // at least 1
	Dropped  func(*E)                            // is called, if it is set, for what the policy drops, perhaps with the lock held
	Patience func(context.Context) time.Duration // is asked, if it is set, by a Put that gives no timeout and must wait
}

// Queue is a bounded queue. It is safe for concurrent use.
//
// One processor puts what another one takes, and a cache line that both write costs each of
// them more than all the rest. So what every Put and every Take writes stands together, apart
// from what is only read, and figures that follow from others are computed for Stats.
type Queue[E any] struct {
	cfg       Config[E]
	lanes     []*lane[E]
	consumers []*Consumer[E]
	pressed   atomic.Bool // somebody waits for room

	_     [64]byte
	mu    sync.Mutex
	used  int     // items that wait or have been taken, as far as the consumers have told
	first lane[E] // of lanes
	_     [64]byte

	bytes   int64 // of the items in use, where they are limited
	blocked []*waiter
	stamp   uint64 // of the last item, where the oldest of several lanes is looked for
	refused uint64 // items that the policy has dropped before they were in a lane
	dropped uint64 // those, and the ones that were
	moved   uint64 // items that Clear has returned and that went elsewhere
	ended   bool
}

// waiter is a Put that waits for room.
type waiter struct {
	size int64
	room chan struct{} // closed when it may look again
}

// New returns an empty queue.
func New[E any](cfg Config[E]) *Queue[E] {
	q := &Queue[E]{cfg: cfg, lanes: make([]*lane[E], cfg.Lanes)}
	for i := range q.lanes {
		q.lanes[i] = &lane[E]{}
		if i == 0 {
			q.lanes[0] = &q.first
		}
		if cfg.Lanes > 1 && cfg.Policy == DropOldest {
			q.lanes[i].stamps = &[]uint64{}
		}
	}
	return q
}

// Put adds a copy of an item of a size, which counts where bytes are limited, to a lane. With
// Block it waits for room until ctx ends, or, if
// timeout is not 0, that has passed, or, with NoWait, not at all.
func (q *Queue[E]) Put(ctx context.Context, n int, e *E, size int64, timeout time.Duration) error {
	if q.cfg.Bytes == 0 {
		size = 0
	}
	slot, err := q.Reserve(ctx, n, size, timeout)
	if slot == nil {
		if err == nil {
			q.Drop(e)
		}
		return err
	}
	*slot = *e
	q.Commit(n)
	return nil
}

// Reserve is the first half of a Put: it returns the place of the item, which the
// caller fills in. Until it calls Commit, as it must at once, the queue is locked. There
// is no place, and no error, where the policy drops the item: then the caller calls Drop.
func (q *Queue[E]) Reserve(ctx context.Context, n int, size int64, timeout time.Duration) (*E, error) {
	q.mu.Lock()
	if q.ended || q.full(size) {
		if put, err := q.admit(ctx, size, timeout); !put {
			q.mu.Unlock()
			return nil, err
		}
	}
	q.count(1, size)
	return q.lanes[n].push(&q.stamp), nil
}

// TryReserve is Reserve of an item without a size where that takes neither waiting nor a policy;
// else it returns no place, and has done nothing. So several queues can be locked at once.
func (q *Queue[E]) TryReserve(n int) *E {
	if !q.mu.TryLock() {
		return nil
	}
	if q.ended || q.full(0) {
		q.mu.Unlock()
		return nil
	}
	q.count(1, 0)
	return q.lanes[n].push(&q.stamp)
}

// Commit is the second half of a Put to a lane.
func (q *Queue[E]) Commit(n int) {
	c := q.lanes[n].idler()
	q.mu.Unlock()
	if c != nil {
		c.call()
	}
}

// Drop tells of an item that the policy has dropped instead of another: Reserve has
// returned no place for it.
func (q *Queue[E]) Drop(e *E) {
	if q.cfg.Dropped != nil {
		dropped := *e // e need not escape
		q.cfg.Dropped(&dropped)
	}
}

// Force is Put for an item that is taken even if there is no room for it: whoever sent it
// has counted what may be under way.
func (q *Queue[E]) Force(n int, e *E, size int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return ErrClosed
	}
	if q.cfg.Bytes == 0 {
		size = 0
	}
	q.add(n, e, size)
	if c := q.lanes[n].idler(); c != nil {
		c.call()
	}
	return nil
}

// ForceAll is Force for several items, with one lock for all.
func (q *Queue[E]) ForceAll(n int, items []E) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return ErrClosed
	}
	for i := range items {
		q.add(n, &items[i], q.size(&items[i]))
	}
	q.wakeAll(n)
	return nil
}

// TryPut is Put for an item that must neither wait nor make others be dropped: where
// there is no room it is ErrFull, whatever the policy.
func (q *Queue[E]) TryPut(n int, e *E, size int64) error {
	if q.cfg.Bytes == 0 {
		size = 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full(size) {
		q.collect()
	}
	switch {
	case q.ended:
		return ErrClosed
	case q.cfg.Bytes > 0 && size > q.cfg.Bytes:
		return ErrTooLarge
	case q.full(size):
		return ErrFull
	}
	q.add(n, e, size)
	if c := q.lanes[n].idler(); c != nil {
		c.call()
	}
	return nil
}

// PutAll adds items to a lane, with one lock for as many as there is room for. It
// returns how many it has seen to, those included that a policy has dropped.
func (q *Queue[E]) PutAll(ctx context.Context, n int, items []E, timeout time.Duration) (int, error) {
	q.mu.Lock()
	for i := range items {
		size := q.size(&items[i])
		if q.ended || q.full(size) {
			q.wakeAll(n)
			put, err := q.admit(ctx, size, timeout)
			if err != nil {
				q.mu.Unlock()
				return i, err
			}
			if !put {
				q.Drop(&items[i])
				continue
			}
		}
		q.add(n, &items[i], size)
	}
	q.wakeAll(n)
	q.mu.Unlock()
	return len(items), nil
}

// wakeAll wakes as many consumers of a lane as have something to do; q.mu is held.
func (q *Queue[E]) wakeAll(n int) {
	l := q.lanes[n]
	for waiting := l.len(); waiting > 0; waiting-- {
		c := l.idler()
		if c == nil {
			return
		}
		c.call()
	}
}

func (q *Queue[E]) size(e *E) int64 {
	if q.cfg.Bytes == 0 {
		return 0
	}
	return q.cfg.Size(e)
}

func (q *Queue[E]) full(size int64) bool {
	return q.used >= q.cfg.Capacity || q.cfg.Bytes > 0 && q.bytes+size > q.cfg.Bytes
}

func (q *Queue[E]) count(items int, size int64) {
	q.used += items
	if size != 0 {
		q.bytes += size
	}
}

// add adds an item to a lane; q.mu is held.
func (q *Queue[E]) add(n int, e *E, size int64) {
	*q.lanes[n].push(&q.stamp) = *e
	q.count(1, size)
}

// admit makes room for an item by the policy, and reports whether there is; without
// an error the item is dropped. q.mu is held, and released while it waits.
func (q *Queue[E]) admit(ctx context.Context, size int64, timeout time.Duration) (bool, error) {
	q.collect()
	switch {
	case q.ended:
		return false, ErrClosed
	case q.cfg.Bytes > 0 && size > q.cfg.Bytes:
		return false, ErrTooLarge
	case !q.full(size):
		return true, nil
	case q.cfg.Policy == Reject:
		return false, ErrFull
	case q.cfg.Policy == Block:
		err := q.await(ctx, size, timeout)
		return err == nil, err
	}
	for q.cfg.Policy == DropOldest && q.full(size) && q.dropOldest() {
	}
	if !q.full(size) {
		return true, nil
	}
	q.refused++
	q.dropped++ // what is there is being handled
	return false, nil
}

// dropOldest drops the item that has waited longest; false if none waits.
func (q *Queue[E]) dropOldest() bool {
	var oldest *lane[E]
	for _, l := range q.lanes {
		if l.len() > 0 && (oldest == nil || l.came() < oldest.came()) {
			oldest = l
		}
	}
	if oldest == nil {
		return false
	}
	e := oldest.pop()
	if q.cfg.Dropped != nil {
		q.cfg.Dropped(&e)
	}
	q.count(-1, -q.size(&e))
	q.dropped++
	return true
}

// await waits for room. q.mu is held, and released in between.
func (q *Queue[E]) await(ctx context.Context, size int64, timeout time.Duration) error {
	if timeout == NoWait {
		return ErrWouldWait
	}
	var late <-chan time.Time
	if timeout == 0 && q.cfg.Patience != nil {
		q.mu.Unlock() // a ctx may be anybody's
		timeout = q.cfg.Patience(ctx)
		q.mu.Lock()
	}
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	for q.full(size) && !q.ended {
		w := &waiter{size, make(chan struct{})}
		q.blocked = append(q.blocked, w)
		q.pressed.Store(true)
		q.collect() // what was settled before the consumers could see that somebody waits
		q.letIn()
		q.mu.Unlock()
		var err error
		select {
		case <-w.room:
		case <-ctx.Done():
			err = ctx.Err()
		case <-late:
			err = ErrTimeout
		}
		q.mu.Lock()
		if err != nil {
			q.giveUp(w)
			return err
		}
	}
	if q.ended {
		return ErrClosed
	}
	return nil
}

// giveUp takes a Put that waits no more out of the line; if it has just been let
// in, the next one is. q.mu is held.
func (q *Queue[E]) giveUp(w *waiter) {
	for i, b := range q.blocked {
		if b == w {
			q.blocked = append(q.blocked[:i], q.blocked[i+1:]...)
			break
		}
	}
	q.letIn()
}

// letIn lets those look again that have waited longest, as far as there is room for
// them; q.mu is held.
func (q *Queue[E]) letIn() {
	used, bytes := q.used, q.bytes
	n := 0
	for _, w := range q.blocked {
		if !q.ended && (used >= q.cfg.Capacity || q.cfg.Bytes > 0 && bytes+w.size > q.cfg.Bytes) {
			break
		}
		used, bytes = used+1, bytes+w.size
		close(w.room)
		n++
	}
	q.blocked = append(q.blocked[:0], q.blocked[n:]...)
	if len(q.blocked) == 0 {
		q.pressed.Store(false)
	}
}

// End says that nothing more will come: Put is ErrClosed from now on, and consumers
// end when they have taken what is left.
func (q *Queue[E]) End() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.letIn()
	for _, l := range q.lanes {
		for c := l.idler(); c != nil; c = l.idler() {
			c.call()
		}
	}
}

// Clear removes what waits, and returns it, the longest first within each lane.
func (q *Queue[E]) Clear() []E {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []E
	for _, l := range q.lanes {
		for l.len() > 0 {
			e := l.pop()
			q.count(-1, -q.size(&e))
			out = append(out, e)
		}
	}
	q.letIn()
	return out
}

// Front has look see the item of each lane that has waited longest in it. The queue is
// locked meanwhile.
func (q *Queue[E]) Front(look func(*E)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.lanes {
		if l.len() > 0 {
			look(l.at(l.head))
		}
	}
}

// Settle counts items that Clear has returned, and that went elsewhere, as settled.
func (q *Queue[E]) Settle(items int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.moved += uint64(items)
}

// Stats are a queue's figures at one moment.
type Stats struct {
	Accepted uint64 // for which Put has returned nil, dropped ones included
	Dropped  uint64 // by the policy
	Settled  uint64
	Used     int   // items that wait, or have been taken and not settled
	Waiting  int   // of those, items that wait
	Bytes    int64 // of those in use, if they are counted
}

// Stats returns the figures.
func (q *Queue[E]) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.collect()
	s := Stats{Accepted: q.refused, Dropped: q.dropped, Settled: q.moved, Used: q.used, Bytes: q.bytes}
	for _, l := range q.lanes {
		s.Accepted += l.tail
		s.Waiting += l.len()
	}
	for _, c := range q.consumers {
		s.Settled += uint64(c.counted)
	}
	return s
}
