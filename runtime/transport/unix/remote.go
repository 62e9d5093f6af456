//go:build linux || darwin

package unix

import (
	"encoding/binary"
	"errors"

	"github.com/xsgen/xsgen/runtime/transport"
)

// remote is a queue of a peer, and what this process has sent there. It is guarded by the
// peer's mutex.
type remote struct {
	peer *peer
	offer
	seen    *conn // by which the peer has told of the queue the last time
	ended   bool
	heir    *remote // that gets what would have come here, once it has ended
	before  *remote // that stands in for it, until it is routed to
	sent    uint64  // messages, those included that were lost with a connection
	bytesIn uint64  // of those
	asked   bool    // the peer tells of the next message that is settled
	reports uint64  // that have come
	dropped uint64  // by the policy, and not told
	kept    keeping
	awaited []awaited // what is to be confirmed, where messages are not kept
}

// awaited is a message that is to be confirmed.
type awaited struct {
	number  uint64
	receipt *receipt
}

// confirm is the receipt of the message that was sent last; p.mu is held.
func (r *remote) confirm(c *conn) *receipt {
	x := newReceipt()
	r.awaited = append(r.awaited, awaited{r.sent, x})
	c.frame(frameAsk, r.id)
	return x
}

// confirmed settles the receipts of what has come; p.mu is held.
func (r *remote) confirmed(received uint64) {
	n := 0
	for n < len(r.awaited) && r.awaited[n].number <= received {
		r.awaited[n].receipt.settle(nil)
		n++
	}
	r.awaited = r.awaited[n:]
}

// stale says that what was sent may be lost; p.mu is held.
func (r *remote) stale() {
	r.asked = false
	for _, e := range r.kept.entries {
		e.sent = false
	}
	for _, a := range r.awaited {
		a.receipt.settle(transport.ErrNotConnected)
	}
	r.awaited = nil
}

// verdict is what can become of a message.
type verdict int

const (
	goes    verdict = iota
	dropped         // and counted
	waits           // for room, or a connection
	refused
	missed // nobody is there who would want it
)

// errAsk is the reason of a message that is refused unless the peer, when it is asked, says
// that there is room.
var errAsk = errors.New("unix: the peer must be asked")

// conn is the connection by which messages can go, nil if there is none: the peer may not
// have told yet, by the one that there is, how far it has come.
func (r *remote) conn() *conn {
	if c := r.peer.conn; c != nil && r.seen == c {
		return c
	}
	return nil
}

// judge says what is to become of a message of a size, and why if it does not go; p.mu is
// held.
func (r *remote) judge(size uint64) (verdict, error) {
	c := r.conn()
	switch {
	case r.ended || r.peer.gone && !r.is(offerKeeps): // what is kept until it has ended finds its way
		return missed, nil
	case r.bytes > 0 && size > r.bytes || size > uint64(r.peer.limit):
		return refused, transport.ErrTooLarge
	case r.is(offerKeeps):
		return r.judgeKept(size)
	case c == nil:
		return r.byPolicy(transport.ErrNotConnected)
	case c.pending() > r.peer.t.outbox && !r.makeRoom(c):
		return r.byPolicy(transport.ErrBlocked)
	case r.full(r.sent-r.settled, r.bytesIn-r.freed+size):
		return r.byPolicy(errAsk)
	}
	return goes, nil
}

// full reports whether the queue has no room for another message, as far as is known here.
// Where it drops, that is the peer's affair.
func (r *remote) full(messages, bytes uint64) bool {
	if r.overflow == transport.DropOldest || r.overflow == transport.DropNewest {
		return false
	}
	return messages >= r.capacity || r.bytes > 0 && bytes > r.bytes
}

// byPolicy is what becomes of a message for which there is no room.
func (r *remote) byPolicy(reason error) (verdict, error) {
	switch r.overflow {
	case transport.Block:
		return waits, reason
	case transport.Reject:
		return refused, reason
	}
	if r.conn() == nil {
		r.sent++ // it will be a gap
		return missed, nil
	}
	r.drop(1)
	return dropped, nil
}

// drop counts messages that were dropped for want of room; p.mu is held.
func (r *remote) drop(n uint64) {
	if r.dropped == 0 {
		r.peer.losses = append(r.peer.losses, r)
	}
	r.dropped += n
}

// ask has the peer tell of the next message that is settled, and at once of what is
// settled; p.mu is held.
func (r *remote) ask() {
	if c := r.conn(); c != nil && !r.asked {
		r.asked = true
		c.frame(frameAsk, r.id)
		c.stir()
	}
}

// note counts a message that goes; p.mu is held.
func (r *remote) note(size uint64) {
	r.sent++
	r.bytesIn += size
}

// makeRoom drops the oldest messages that wait to be written for this queue, if its policy
// says so; false if there are none.
func (r *remote) makeRoom(c *conn) bool {
	if r.overflow != transport.DropOldest {
		return false
	}
	free, out, from, n := len(c.buf)/4, c.buf[:0], 0, 0
	for ; n < len(c.marks) && free > 0; n++ {
		m := c.marks[n]
		out = append(out, c.buf[from:m.start]...)
		from = m.end
		free -= m.end - m.start
		m.r.drop(1)
		m.r.sent-- // the peer never knows its number
	}
	if n == 0 {
		return false
	}
	shift := from - len(out)
	c.buf = append(out, c.buf[from:]...)
	c.marks = append(c.marks[:0], c.marks[n:]...)
	for i := range c.marks {
		c.marks[i].start -= shift
		c.marks[i].end -= shift
	}
	return true
}

// progressed takes note of what the peer says of a queue that is not kept for; p.mu is held.
func (r *remote) progressed(received, settled, freed uint64) {
	if settled > r.sent || settled < r.settled || freed > r.bytesIn || freed < r.freed || received > r.sent {
		return // it is about a connection that has been lost, or nonsense
	}
	if settled != r.settled {
		r.asked = false
	}
	r.received, r.settled, r.freed = received, settled, freed
	r.confirmed(received)
	r.reports++
}

// resume continues after a connection was lost, with what the peer has told; p.mu is held.
func (r *remote) resume(o *offer, c *conn) {
	r.members = o.members
	if r.seen == c {
		return
	}
	r.seen, r.asked = c, false
	if r.is(offerKeeps) {
		r.resumeKept(o, c)
	} else if lost := r.sent - o.received; o.received <= r.sent {
		r.received, r.settled, r.freed = r.sent, o.settled+lost, o.freed
		r.bytesIn = o.freed + o.openBytes
		if lost > 0 {
			c.frame(frameGap, r.id, o.received+1, r.sent)
		}
	}
}

// appendFrame appends a message for some of a peer's queues; p.mu is held.
func (c *conn) appendFrame(rs []*remote, m *transport.Message, x extra) {
	number := uint64(0)
	c.buf, number = c.heads.of(c.buf, &m.Envelope)
	b, at := begin(c.buf, frameMessage)
	b = binary.AppendUvarint(b, uint64(len(rs)))
	for _, r := range rs {
		b = binary.AppendUvarint(b, r.id)
		r.note(uint64(len(m.Body)))
		c.secret = c.secret || r.is(offerSecret)
	}
	c.secret = c.secret || secret(m)
	c.buf = end(appendMessage(b, number, m, x), at)
	if len(rs) == 1 && rs[0].overflow == transport.DropOldest {
		c.marks = append(c.marks, mark{at, len(c.buf), rs[0]})
	}
}

// secret reports whether the publisher wants buffers with a message to be wiped.
func secret(m *transport.Message) bool { return m.Profile != nil && m.Profile.Sensitive }
