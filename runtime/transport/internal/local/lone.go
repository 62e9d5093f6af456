package local

import (
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Whoever reads what comes from elsewhere may call a receiver itself, if there is one message
// only and the receiver has nothing to do: that saves waking the member's goroutine, which
// takes longer than most receivers. While a receiver is called nobody reads, until somebody
// else takes over. So only receivers are called that have returned at once several times in
// a row; one that has not must prove it more often.

const (
	// brisk is the time within which a receiver returns that proves something.
	brisk = 50 * time.Microsecond
	// stall is the time that others must not wait for a receiver.
	stall = time.Millisecond
	// fewProofs and mostProofs are how often in a row a receiver must have been brisk.
	fewProofs, mostProofs = 4, 1 << 14
)

// record is how brisk a receiver has been.
type record struct {
	proofs int // in a row
	wanted int
}

// trusted reports whether others may wait for the receiver.
func (r *record) trusted() bool { return r.proofs >= max(r.wanted, fewProofs) }

// note notes how long the receiver took for a message that had come alone.
func (r *record) note(took time.Duration) {
	r.wanted = max(r.wanted, fewProofs)
	switch {
	case took <= brisk:
		if r.proofs++; r.proofs >= 16*r.wanted && r.wanted > fewProofs {
			r.wanted /= 2
			r.proofs = r.wanted
		}
		return
	case took >= stall && r.trusted():
		r.wanted = min(2*r.wanted, mostProofs)
	}
	r.proofs = 0
}

// Lone puts the only message of a batch into its queue, and returns the member whose receiver
// has it; then the caller must call Call, from the goroutine that has called Lone. Otherwise
// the batch is flushed, and it returns nil.
func (b *Batch) Lone() *Member {
	if b.n != 1 {
		b.Flush()
		return nil
	}
	l := b.lines[0].line
	l.mu.Lock()
	m := l.claim()
	l.mu.Unlock()
	b.Flush()
	if m == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if m.inbox.Len() == 0 {
		m.unclaim()
		return nil
	}
	return m
}

// claim is the line's only member, if it sleeps: until unclaim its goroutine leaves all to
// the caller. l.mu is held.
func (l *Line) claim() *Member {
	if len(l.members) != 1 {
		return nil
	}
	m := l.members[0]
	if !m.idle || m.claimed || m.ended || m.inbox.Len() > 0 || !m.record.trusted() {
		return nil
	}
	m.claimed = true
	return m
}

// unclaim leaves the member to its goroutine again; l.mu is held.
func (m *Member) unclaim() {
	m.claimed = false
	if m.ended || m.inbox.Len() > 0 {
		m.wake.Signal()
	}
}

// Call calls the receiver with what has come. A receiver may end the goroutine.
func (m *Member) Call() {
	l := m.l
	l.mu.Lock()
	d := m.pop()
	l.mu.Unlock()
	begun := time.Now()
	defer func() {
		took := time.Since(begun)
		l.mu.Lock()
		defer l.mu.Unlock()
		m.record.note(took)
		m.returned(d)
		m.unclaim()
	}()
	if d != nil {
		transport.HandOver(m.ctx, m.request.Receive, &d.Delivery)
	}
}
