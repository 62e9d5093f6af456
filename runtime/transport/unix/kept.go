//go:build linux || darwin

package unix

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// entry is a message that is kept until it is settled.
type entry struct {
	p       *local.Parcel
	x       extra
	expires time.Time // zero is never
	secret  bool      // buffers with it are to be wiped
	sent    bool      // by the connection that there is
	acked   bool
	stored  *receipt // nil if nobody waits for it
}

// receipt tells those who wait whether a message is stored where it outlives this process.
type receipt struct {
	once sync.Once
	done chan struct{}
	err  error
}

func newReceipt() *receipt { return &receipt{done: make(chan struct{})} }

func (r *receipt) settle(err error) {
	if r != nil {
		r.once.Do(func() { r.err = err; close(r.done) })
	}
}

// keeping are the messages that are kept for a queue, in order. The number of the first one
// is first; none that is settled is at the beginning.
type keeping struct {
	first   uint64
	entries []*entry
	waiting int // that are not settled
	bytes   uint64
}

// judgeKept is judge for a queue for which messages are kept.
func (r *remote) judgeKept(size uint64) (verdict, error) {
	k, c := &r.kept, r.conn()
	crowded := c != nil && r.overflow == transport.Block && c.pending() > r.peer.t.outbox
	if uint64(k.waiting) < r.capacity && (r.bytes == 0 || k.bytes+size <= r.bytes) && !crowded {
		return goes, nil
	}
	reason := transport.ErrBlocked
	if c == nil {
		reason = transport.ErrNotConnected
	}
	switch r.overflow {
	case transport.Block:
		return waits, reason
	case transport.Reject:
		return refused, transport.ErrFull
	case transport.DropOldest:
		if c != nil || r.dropUnsent() {
			return goes, nil
		}
	}
	r.drop(1)
	return dropped, nil
}

// dropUnsent drops the oldest message that was not sent; false if there is none.
func (r *remote) dropUnsent() bool {
	for _, e := range r.kept.entries {
		if !e.sent && !e.acked {
			r.drop(1)
			r.free(e)
			r.trim()
			return true
		}
	}
	return false
}

// keep keeps a message, and sends it if there is a connection; p.mu is held. The reference
// to the parcel is the queue's.
func (r *remote) keep(e *entry) {
	k := &r.kept
	if len(k.entries) == 0 {
		k.first = r.sent + 1
	}
	r.sent++
	k.entries = append(k.entries, e)
	k.waiting++
	k.bytes += uint64(len(e.p.Body))
	if c := r.conn(); c != nil {
		r.send(c, r.sent, e)
	}
}

func (r *remote) send(c *conn, n uint64, e *entry) {
	number := uint64(0)
	if !e.expires.IsZero() {
		e.x.ttl = max(time.Until(e.expires), 1)
	}
	c.buf, number = c.heads.of(c.buf, &e.p.Envelope)
	b, at := begin(c.buf, frameKept)
	b = binary.AppendUvarint(b, r.id)
	b = binary.AppendUvarint(b, n)
	c.buf = end(appendMessage(b, number, &e.p.Message, e.x), at)
	c.secret = c.secret || e.secret || r.is(offerSecret)
	e.sent = true
}

// acks takes note of what has come, and of what is settled; p.mu is held.
func (r *remote) acks(received uint64, settled []uint64) {
	k := &r.kept
	for _, n := range settled {
		if n >= k.first && n-k.first < uint64(len(k.entries)) {
			r.free(k.entries[n-k.first])
		}
	}
	for i := max(r.received+1, k.first); i <= received && i-k.first < uint64(len(k.entries)); i++ {
		k.entries[i-k.first].stored.settle(nil)
	}
	r.received = max(r.received, min(received, r.sent))
	r.reports++
	r.trim()
}

// free lets go of a message.
func (r *remote) free(e *entry) {
	if e.acked {
		return
	}
	e.acked = true
	r.kept.waiting--
	r.kept.bytes -= uint64(len(e.p.Body))
	e.stored.settle(nil)
	e.p.Release()
}

// trim forgets what is settled at the beginning.
func (r *remote) trim() {
	k := &r.kept
	n := 0
	for n < len(k.entries) && k.entries[n].acked {
		k.entries[n] = nil
		n++
	}
	k.first += uint64(n)
	if k.entries = k.entries[n:]; len(k.entries) == 0 {
		k.entries = nil
	}
}

// resumeKept sends again what the peer does not have; p.mu is held.
func (r *remote) resumeKept(o *offer, c *conn) {
	var settled []uint64
	for i, e := range r.kept.entries {
		n := r.kept.first + uint64(i)
		if _, open := slices.BinarySearch(o.open, n); n <= o.received && !open && !e.acked {
			settled = append(settled, n)
		}
	}
	r.acks(o.received, settled)
	for i, e := range r.kept.entries {
		if n := r.kept.first + uint64(i); n > o.received && !e.acked {
			r.send(c, n, e)
		}
	}
}

// take removes all that is kept, in order; p.mu is held.
func (r *remote) take() (out []*entry) {
	for _, e := range r.kept.entries {
		if !e.acked {
			e.sent = false
			out = append(out, e)
		}
	}
	r.kept = keeping{}
	return out
}
