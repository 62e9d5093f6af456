package zeromq

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport"
)

// remote is another process as a receiver of what this one publishes. It outlives the
// connection by which it subscribes, and, if something is kept for it, its process.
type remote struct {
	t  *Transport
	id string

	mu     sync.Mutex
	epoch  string // of its process; empty before there was one
	addr   string // its own socket's
	queues map[*rqueue]struct{}
	live   map[uint64]*rqueue // of the process as it is, by its ids
	ring   ring               // sent and not taken, and not sent
	spare  []*entry           // to be used again
	sent   uint64             // the number that is sent next
	told   bool               // the writer is awake, or will be
	lost   bool               // some queue has dropped something that its subscriber is not told of yet
	out    *outlet            // nil while there is no connection
	since  time.Time          // when the connection was lost
	over   bool               // it has gone, and is known no more

	watch   *time.Timer // calls look
	watched bool        // and will
	seen    uint64      // the ring's base when it was set
	stalled bool        // the peer takes nothing

	syncs, synced uint64        // how often it was asked to tell what is done, and has answered
	answer        chan struct{} // closed when it has answered
}

func newRemote(t *Transport, id string) *remote {
	return &remote{t: t, id: id, queues: map[*rqueue]struct{}{}, live: map[uint64]*rqueue{}, ring: ring{base: 1}, sent: 1}
}

// add puts an entry into the line to be sent; r.mu is held. What goes to several queues
// goes together.
func (r *remote) add(q *rqueue, p *packet, pend *pending, expires time.Time) {
	if pend != nil {
		pend.left.Add(1)
	}
	q.unsent++
	q.flying++
	if e := r.ring.last(); e != nil && e.p == p && e.number >= r.sent && e.pend == pend {
		e.queues = append(e.queues, q)
		return
	}
	p.retain()
	e := r.entry()
	e.p, e.pend, e.expires = p, pend, expires
	e.one[0] = q
	e.queues = e.one[:]
	r.ring.push(e)
	r.observe()
	r.wake()
	if r.ring.next()-r.sent == enough && r.out != nil {
		r.out.rouse()
	}
}

// maxSpare is how many entries are kept to be used again.
const maxSpare = 4096

// entry is an empty entry; r.mu is held.
func (r *remote) entry() *entry {
	n := len(r.spare) - 1
	if n < 0 {
		return &entry{}
	}
	e := r.spare[n]
	r.spare = r.spare[:n]
	return e
}

// discard lets go of an entry that nobody has any more; r.mu is held.
func (r *remote) discard(e *entry) {
	e.p.release()
	if len(r.spare) < maxSpare {
		*e = entry{}
		r.spare = append(r.spare, e)
	}
}

// wake has the writer look; r.mu is held.
func (r *remote) wake() {
	if r.told || r.out == nil {
		return
	}
	r.told = true
	r.out.wake()
}

// fill appends what is to be sent, up to about a number of bytes; r.mu is held. When
// nothing is left the writer sleeps.
func (r *remote) fill(b []byte, most int) []byte {
	b = r.fillLost(b)
	now := time.Now
	for r.sent < r.ring.next() && len(b) < most {
		e := r.ring.at(r.sent)
		r.sent++
		if len(e.queues) == 0 {
			continue
		}
		ttl := uint64(0)
		if !e.expires.IsZero() {
			ttl = uint64(max(e.expires.Sub(now()), 1))
		}
		b = e.appendTo(b, ttl)
		if e.p.wipe {
			r.out.wipe.Store(true)
		}
		for _, q := range e.queues {
			q.unsent--
		}
	}
	r.told = r.sent < r.ring.next()
	return b
}

// appendTo appends the message and its marks.
func (e *entry) appendTo(b []byte, ttl uint64) []byte {
	var buf [64]byte
	m := appendMarks(buf[:0], e.number, ttl, e.p.wipe, len(e.queues))
	for _, q := range e.queues {
		m = codec.AppendUint(m, q.id)
	}
	return zmtp.AppendFrame(e.p.appendTo(b), m, false)
}

// fillLost appends what queues have dropped; r.mu is held.
func (r *remote) fillLost(b []byte) []byte {
	if !r.lost {
		return b
	}
	r.lost = false
	for id, q := range r.live {
		if q.lost > 0 {
			m := codec.AppendUint(codec.AppendUint(codec.AppendArray(nil, 2), id), q.lost)
			b = zmtp.AppendMessage(b, []byte(wordLost), m)
			q.lost = 0
		}
	}
	return b
}

// acked takes what the subscriber has taken and done. It returns what others are to get.
func (r *remote) acked(a *acks) (again []*entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take(a.taken)
	for _, d := range a.done {
		if q := r.live[d.queue]; q != nil {
			again = append(again, q.finish(d)...)
			r.conclude(q)
		}
	}
	return again
}

// take lets go of what the subscriber has taken, except for what is kept until it is
// done; r.mu is held.
func (r *remote) take(number uint64) {
	number = min(number, r.sent-1)
	if r.ring.base <= number {
		r.stalled = false
	}
	for r.ring.base <= number {
		e, kept := r.ring.pop(), false
		for _, q := range e.queues {
			e.pend.settle(nil)
			kept = q.took(e) || kept
			r.conclude(q)
		}
		if !kept {
			r.discard(e)
		}
	}
}

// attach has a connection be the one by which the peer subscribes; false if the remote is
// over. It reports whether the peer goes on where it was; else all that it knew is
// forgotten, and what was kept waits for its queues. Others are to get what it returns.
func (r *remote) attach(o *outlet, h *hello) (resumed bool, again []*entry, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false, nil, false
	}
	if r.out != nil {
		r.out.close()
	}
	resumed = r.epoch == h.epoch && h.of == r.t.epoch
	if resumed {
		r.take(h.taken)
		r.resume(h)
	} else {
		again = r.expire()
	}
	r.out, r.epoch, r.addr, r.told = o, h.epoch, h.address, false
	for i := range h.queues {
		r.announce(&h.queues[i])
	}
	r.wake()
	return resumed, again, true
}

// resume sends again what has not been taken, and counts what is not done; r.mu is held.
func (r *remote) resume(h *hello) {
	for r.sent > r.ring.base {
		r.sent--
		for _, q := range r.ring.at(r.sent).queues {
			q.unsent++
		}
	}
	ids := map[uint64]bool{}
	for i := range h.queues {
		ids[h.queues[i].id] = true
	}
	for id, q := range r.live {
		if q.id == id && !ids[id] && q.alive {
			r.withdraw(q)
		}
		q.recount(h.outstanding)
		r.conclude(q)
	}
}

// announce makes a queue known, or other figures of one; r.mu is held. One that something
// is kept for is found by its name.
func (r *remote) announce(a *announcement) {
	q := r.live[a.id]
	if q == nil {
		q = r.waiting(a)
	}
	if q == nil {
		q = &rqueue{r: r, announcement: *a}
		r.queues[q] = struct{}{}
		r.live[a.id] = q
		q.alive = true
		r.t.route(q)
		return
	}
	if q.taken.len() == 0 { // or what the process has of it is settled under the old id
		delete(r.live, q.id)
	}
	other := !slices.Equal(q.patterns, a.patterns)
	if other {
		r.t.unroute(q)
	}
	q.announcement = *a
	if other {
		r.t.route(q)
	}
	r.live[a.id] = q
	q.revive()
}

// maxQueues is how many queues a process may have.
const maxQueues = 1 << 16

// announceMore is announce for a queue that is not among those of hello; r.mu is held.
func (r *remote) announceMore(a *announcement) error {
	if len(r.live) >= maxQueues && r.live[a.id] == nil {
		return fmt.Errorf("%w: more than %d queues", transport.ErrDecode, maxQueues)
	}
	r.announce(a)
	return nil
}

// waiting is the queue that waits for one to be announced; nil if none does.
func (r *remote) waiting(a *announcement) *rqueue {
	if a.group == "" && a.name == "" {
		return nil
	}
	for q := range r.queues {
		if !q.alive && !q.gone && q.group == a.group && (a.group != "" || q.name == a.name) {
			return q
		}
	}
	return nil
}

// withdraw says that a queue gets nothing more; r.mu is held. What comes meanwhile for one
// that is known, and keeps, waits for the next one of its name.
func (r *remote) withdraw(q *rqueue) {
	q.alive = false
	if !q.keep || !q.known {
		q.gone = true
		r.t.unroute(q)
	}
	q.changed()
	r.conclude(q)
}

// conclude forgets a queue that gets nothing more, once nothing is on its way there; r.mu
// is held.
func (r *remote) conclude(q *rqueue) {
	if q.alive || q.tracks() && (q.flying > 0 || q.taken.len() > 0) {
		return
	}
	if r.live[q.id] == q {
		delete(r.live, q.id)
	}
	if q.gone {
		delete(r.queues, q)
	}
}

// remove forgets a queue; r.mu is held.
func (r *remote) remove(q *rqueue) {
	q.gone = true
	delete(r.queues, q)
	r.t.unroute(q)
	q.changed()
}

// detach says that a connection is over.
func (r *remote) detach(o *outlet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out != o {
		return
	}
	r.out, r.since = nil, time.Now()
	for i := r.ring.base; i < r.ring.next(); i++ {
		if e := r.ring.at(i); e.kept() {
			e.settle(nil)
		}
	}
}

// settle tells the publisher, once; its remote's mu is held.
func (e *entry) settle(err error) {
	for range e.queues {
		e.pend.settle(err)
	}
	e.pend = nil
}

// kept reports whether all queues of an entry keep it.
func (e *entry) kept() bool {
	return !slices.ContainsFunc(e.queues, func(q *rqueue) bool { return !q.keep })
}

// expire says that the process is no more: queues that keep something wait for its
// successor, the others are over; r.mu is held. It returns what others are to get.
func (r *remote) expire() (again []*entry) {
	if r.epoch == "" {
		return nil
	}
	r.epoch = ""
	unsent := r.sent
	rest := r.ring.drain()
	r.sent = r.ring.base
	clear(r.live)
	for _, e := range rest { // before queues are over that their subscribers have not ended
		if e.saved(unsent) {
			e.settle(nil)
		} else {
			e.settle(transport.ErrNotConnected)
		}
	}
	for q := range r.queues {
		if q.alive || q.flying > 0 || q.taken.len() > 0 {
			again = append(again, q.orphan(rest, unsent)...)
		}
	}
	for _, e := range rest {
		e.p.release()
	}
	return again
}

// saved reports whether nobody misses an entry although its process is no more: it is kept,
// or was not sent, and goes to others, or its subscription has ended before.
func (e *entry) saved(unsent uint64) bool {
	return !slices.ContainsFunc(e.queues, func(q *rqueue) bool {
		return !q.keep && !q.observer && !q.gone && (q.group == "" || e.number < unsent)
	})
}
