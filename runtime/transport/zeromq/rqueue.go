package zeromq

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// rqueue is a queue of another process, as its publishers see it. Its fields are guarded
// by the remote's mutex, except for those of the announcement that a target has copied.
type rqueue struct {
	r *remote
	announcement
	target *target
	known  bool // it is in the configuration: what it keeps is kept for ever
	alive  bool // its process has announced it
	gone   bool

	flying   int // of it that are in the ring
	unsent   int // of it that wait to be sent, or for the queue to be announced
	out      int // of it that are not done; counted where the sender counts the room
	outBytes int64
	sizes    map[uint64]int // of those, where bytes are limited
	taken    takens         // of a queue that tracks what it gets
	held     []*entry       // while it is not alive
	lost     uint64         // dropped, and its subscriber does not know yet
	room     chan struct{}  // closed when something has changed
}

// tracks reports whether a message must be there until it is done: somebody else may get
// it.
func (q *rqueue) tracks() bool { return q.keep || q.group != "" }

// counts reports whether the sender counts the room.
func (q *rqueue) counts() bool {
	return q.overflow == transport.Block || q.overflow == transport.Reject
}

// full reports whether a message has no room.
func (q *rqueue) full(size int) bool {
	n, bytes := q.out, q.outBytes
	if !q.counts() {
		n, bytes = q.unsent, 0
	}
	return n >= int(q.capacity) || q.bytes > 0 && bytes+int64(size) > int64(q.bytes)
}

// changed lets all look again who wait; r.mu is held.
func (q *rqueue) changed() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// put has a message be sent to the queue; it waits for as long as the publisher's patience, and
// the queue's, allow. It reports whether the queue is still there.
func (q *rqueue) put(ctx context.Context, p *packet, pend *pending, ttl, patience time.Duration) (there bool, err error) {
	var expires time.Time
	if ttl > 0 {
		expires = time.Now().Add(ttl)
	}
	r := q.r
	r.mu.Lock()
	defer r.mu.Unlock()
	var late *time.Timer
	asked := false
	for !q.gone {
		if q.bytes > 0 && p.size > int(q.bytes) {
			return true, transport.ErrTooLarge
		}
		if (q.alive || q.keep) && (!q.full(p.size) || !q.counts()) {
			q.admit(p, pend, expires)
			return true, nil
		}
		switch q.overflow {
		case transport.Reject:
			if asked {
				return true, q.why(transport.ErrFull)
			}
			asked = true
			r.sync(ctx) // there may be room, and nobody has told
		case transport.Block:
			if patience = local.Shorter(patience, q.timeout); late == nil && patience > 0 {
				late = time.NewTimer(patience)
				defer late.Stop()
			}
			if err := q.await(ctx, late); err != nil {
				return true, q.why(err)
			}
		default:
			q.drop()
			return true, nil
		}
	}
	return false, nil
}

// admit takes a message, and drops another one, or this one, if there is no room; r.mu is
// held.
func (q *rqueue) admit(p *packet, pend *pending, expires time.Time) {
	if !q.counts() && q.full(p.size) {
		if q.overflow == transport.DropNewest || !q.dropOldest() {
			q.drop()
			return
		}
	}
	if q.counts() {
		q.out++
		q.outBytes += int64(p.size)
	}
	if q.alive {
		q.r.add(q, p, pend, expires)
		q.note(p)
		return
	}
	p.retain()
	q.unsent++
	q.held = append(q.held, &entry{p: p, expires: expires})
}

// note remembers the size of what was just added.
func (q *rqueue) note(p *packet) {
	if !q.counts() || q.bytes == 0 {
		return
	}
	if q.sizes == nil {
		q.sizes = map[uint64]int{}
	}
	q.sizes[q.r.ring.last().number] = p.size
}

// drop counts a message that is dropped; r.mu is held.
func (q *rqueue) drop() {
	q.lost++
	q.r.lost = true
	q.r.wake()
}

// dropOldest drops the message that has waited longest; false if there is none. r.mu is
// held.
func (q *rqueue) dropOldest() bool {
	if len(q.held) > 0 {
		q.held[0].p.release()
		q.held = slices.Delete(q.held, 0, 1)
		q.unsent--
		q.drop()
		return true
	}
	for n := max(q.r.sent, q.r.ring.base); n < q.r.ring.next(); n++ {
		e := q.r.ring.at(n)
		at := slices.Index(e.queues, q)
		if at < 0 {
			continue
		}
		e.queues = slices.Delete(e.queues, at, at+1)
		e.pend.settle(nil)
		q.unsent--
		q.flying--
		q.drop()
		return true
	}
	return false
}

// await waits until something has changed; r.mu is held, and released in between.
func (q *rqueue) await(ctx context.Context, late *time.Timer) error {
	if q.room == nil {
		q.room = make(chan struct{})
	}
	room := q.room
	if q.r.out != nil {
		q.r.out.rouse() // nothing more comes from here
	}
	q.r.mu.Unlock()
	defer q.r.mu.Lock()
	q.r.t.readers.Relieve() // the other process may wait for this one
	var over <-chan time.Time
	if late != nil {
		over = late.C
	}
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return transport.TimeoutError(ctx.Err())
	case <-over:
		return transport.ErrTimeout
	case <-q.r.t.shut:
		return transport.ErrClosed
	}
}

// why adds to an error that there is no connection, if that is the reason.
func (q *rqueue) why(err error) error {
	if q.alive && q.r.out != nil {
		return err
	}
	return joined(err, transport.ErrNotConnected)
}

// took says that the subscriber has an entry, and reports whether the queue keeps that until
// it is done; r.mu is held.
func (q *rqueue) took(e *entry) (kept bool) {
	q.flying--
	if !q.tracks() {
		return false
	}
	if len(e.queues) > 1 {
		e.p.retain()
		q.taken.add(&entry{p: e.p, expires: e.expires, number: e.number, of: q})
		return false
	}
	e.pend, e.queues, e.one[0], e.of = nil, nil, nil, q
	q.taken.add(e)
	return true
}

// finish says that nothing more becomes of messages; r.mu is held. It returns those that
// were left, and that somebody else is to get.
func (q *rqueue) finish(d done) (again []*entry) {
	n := int(min(d.to-d.from+1, uint64(q.out)))
	q.taken.remove(d.from, d.to, func(e *entry) {
		if d.left {
			again = append(again, e)
		} else {
			q.r.discard(e)
		}
	})
	for number := d.from; q.sizes != nil && number <= d.to && number < d.from+uint64(n); number++ {
		q.outBytes -= int64(q.sizes[number])
		delete(q.sizes, number)
	}
	if q.counts() {
		q.out -= n
		q.changed()
	}
	return q.keepOwn(again)
}

// keepOwn has what was left of a queue that is no group's wait for the next one of its
// name.
func (q *rqueue) keepOwn(again []*entry) []*entry {
	if q.group != "" || !q.keep || len(again) == 0 {
		return again
	}
	q.held = append(q.held, again...)
	q.unsent += len(again)
	if q.counts() {
		q.out += len(again)
	}
	return nil
}

// recount counts what is not done, for a peer that goes on; r.mu is held.
func (q *rqueue) recount(outstanding []done) {
	still := func(n uint64) bool {
		return slices.ContainsFunc(outstanding, func(d done) bool { return d.queue == q.id && d.from <= n && n <= d.to })
	}
	for _, n := range q.taken.numbers() {
		if !still(n) {
			q.taken.remove(n, n, func(e *entry) { e.p.release() })
		}
	}
	maps.DeleteFunc(q.sizes, func(n uint64, _ int) bool { return n < q.r.ring.base && !still(n) })
	q.out, q.outBytes = 0, 0
	for _, d := range outstanding {
		if d.queue == q.id {
			q.out += int(min(d.to-d.from+1, uint64(q.capacity)))
		}
	}
	for n := q.r.ring.base; n < q.r.ring.next(); n++ {
		if slices.Contains(q.r.ring.at(n).queues, q) {
			q.out++
		}
	}
	for _, size := range q.sizes {
		q.outBytes += int64(size)
	}
	q.changed()
}

// hold has all that is kept wait until the queue is announced again, in its order; more
// are entries of it that were not taken. r.mu is held.
func (q *rqueue) hold(more []*entry) {
	q.held = append(append(q.held, q.taken.drain()...), more...)
	slices.SortStableFunc(q.held, func(a, b *entry) int { return int(int64(a.number) - int64(b.number)) })
	q.sizes, q.unsent = nil, len(q.held)
	q.out, q.outBytes = 0, 0
	if q.counts() {
		for _, e := range q.held {
			q.out++
			q.outBytes += int64(e.p.size)
		}
	}
}

// revive sends what was kept, now that the queue is there; r.mu is held.
func (q *rqueue) revive() {
	q.alive = true
	held := q.held
	q.held = nil
	q.unsent -= len(held)
	for _, e := range held {
		q.r.add(q, e.p, nil, e.expires)
		q.note(e.p)
		e.p.release()
	}
	q.changed()
}

// orphan says that the queue's process is no more; r.mu is held. rest are the entries that
// were not taken, and those from the number sent on were never sent. It returns what other
// members of the group are to get.
func (q *rqueue) orphan(rest []*entry, sent uint64) (again []*entry) {
	q.alive, q.flying = false, 0
	var mine []*entry
	for _, e := range rest {
		if slices.Contains(e.queues, q) && (q.keep || q.group != "" && e.number >= sent) {
			e.p.retain()
			mine = append(mine, &entry{p: e.p, expires: e.expires, number: e.number, of: q})
		}
	}
	if !q.keep {
		for _, e := range q.taken.drain() {
			e.p.release()
		}
	}
	q.hold(mine)
	if q.group == "" && q.keep && q.name != "" && !q.gone {
		q.changed()
		return nil
	}
	again, q.held = q.held, nil
	q.unsent, q.out, q.outBytes = 0, 0, 0
	q.r.remove(q)
	return again
}
