package local

import (
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Whoever reads what comes from elsewhere may call a receiver itself, if that has nothing to
// do: that saves waking the member's goroutine, which takes longer than most receivers, and
// having two processors work on each message. While a receiver is called nobody reads, until
// somebody else takes over. So only receivers are called that have returned at once several
// times in a row; one that has not must prove it more often.

const (
	// brisk is the time within which a receiver returns that proves something: from one
	// message, or from several that have come together.
	brisk = 50 * time.Microsecond
	// several is how many messages are looked at together, many how many if that takes a small
	// part of the time, and most how many a receiver is called with in the place of the
	// member's goroutine.
	several, many, most = 8, 64, 256
	// stall is the time that others must not wait for a receiver.
	stall = time.Millisecond
	// fewProofs and mostProofs are how often in a row a receiver must have been brisk.
	fewProofs, mostProofs = 4, 1 << 14
)

// pace is how brisk a receiver has been.
type pace struct {
	proofs int // in a row
	wanted int

	begun time.Time // of the messages at hand
	n     int       // that it has returned from
	upto  int       // as many are looked at together
}

// begin begins to look, at a number of messages first.
func (p *pace) begin(upto int) { p.begun, p.n, p.upto = time.Now(), 0, upto }

// returned is told that the receiver has returned.
func (p *pace) returned() {
	if p.n++; p.n >= p.upto {
		p.end()
	}
}

// end notes how long the messages at hand took, and begins anew.
func (p *pace) end() {
	now := time.Now()
	if took := now.Sub(p.begun); p.n > 0 {
		if p.note(took); took < brisk/4 && p.n >= several {
			p.begin(min(2*p.n, many))
			return
		}
	}
	p.begun, p.n, p.upto = now, 0, several
}

// trusted reports whether others may wait for the receiver.
func (p *pace) trusted() bool { return p.proofs >= max(p.wanted, fewProofs) }

// note notes how long the receiver took for a message, or for several.
func (p *pace) note(took time.Duration) {
	p.wanted = max(p.wanted, fewProofs)
	switch {
	case took <= brisk:
		if p.proofs++; p.proofs >= 16*p.wanted && p.wanted > fewProofs {
			p.wanted /= 2
			p.proofs = p.wanted
		}
		return
	case took >= stall && p.trusted():
		p.wanted = min(2*p.wanted, mostProofs)
	}
	p.proofs = 0
}

// Claim flushes the batch, and returns the member whose receiver has what came, if it is for
// one that may be called; then the caller must call Call, from the goroutine that has called
// Claim. A member whose goroutine is awake is asked to leave it to the caller: who does not
// claim again at once must call Rest.
func (b *Batch) Claim() *Member {
	if len(b.lines) == 0 {
		return nil
	}
	if len(b.lines) > 1 {
		b.Waive()
		b.Flush()
		return nil
	}
	l := b.lines[0].line
	if b.asked != nil && b.asked.l != l {
		b.Waive()
	}
	l.mu.Lock()
	b.restock(l)
	m, now := l.claim()
	switch {
	case now:
		b.asked = nil
	case m != nil:
		m.asked, b.asked, m = true, m, nil
	case b.asked != nil:
		b.asked.asked = false
		b.asked.leave()
		b.asked = nil
	}
	l.mu.Unlock()
	b.Flush()
	return m
}

// Rest is Claim for who has nothing more for a while: of the member that was asked, if it has
// left something.
func (b *Batch) Rest() *Member {
	m := b.asked
	if m == nil {
		return nil
	}
	b.asked = nil
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	if m.asked = false; m.idle && m.inbox.Len() > 0 {
		if x, now := m.l.claim(); x == m && now {
			return m
		}
	}
	m.leave()
	return nil
}

// Waive leaves a member that was asked to its goroutine.
func (b *Batch) Waive() {
	m := b.asked
	if m == nil {
		return
	}
	b.asked = nil
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	m.asked = false
	m.leave()
}

// claim is the line's only member, if its receiver may be called, and whether that may be done
// now: its goroutine sleeps, and leaves all to the caller until unclaim. l.mu is held.
func (l *Line) claim() (m *Member, now bool) {
	l.brought = true
	if len(l.members) != 1 {
		return nil, false
	}
	if m = l.members[0]; m.claimed || m.ended || !m.pace.trusted() {
		return nil, false
	}
	if m.idle {
		m.claimed, m.asked = true, false
		l.attended.Store(m.request.Group == "")
	}
	return m, m.claimed
}

// unclaim leaves the member to its goroutine again; l.mu is held.
func (m *Member) unclaim() {
	m.claimed = false
	m.leave()
}

// leave has the member's goroutine see to what there is, if it sleeps; l.mu is held.
func (m *Member) leave() {
	if m.idle && m.neglect() {
		m.wake.Signal()
	}
}

// Call calls the receiver with what has come, as long as it is brisk. A receiver may end the
// goroutine.
func (m *Member) Call() {
	c := caller{m: m}
	defer c.leave()
	for c.next() {
		transport.HandOver(m.ctx, m.request.Receive, &c.d.Delivery)
	}
}

// caller calls a member's receiver in the place of its goroutine.
type caller struct {
	m *Member
	d *delivery // that the receiver has
	n int       // that it has had
}

// next is called when the receiver has returned, and reports whether it is to be called with
// one more.
func (c *caller) next() bool {
	m := c.m
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	if c.d == nil {
		m.pace.begin(several)
	} else if c.returned(); m.pace.n == 0 && !m.pace.trusted() || c.n >= most {
		return false
	}
	c.d = m.pop()
	return c.d != nil
}

// returned says that the receiver has returned, or has ended the goroutine; the line's mutex
// is held.
func (c *caller) returned() {
	c.m.returned(c.d)
	c.m.pace.returned()
	c.d = nil
	c.n++
}

// leave leaves the member to its goroutine.
func (c *caller) leave() {
	m := c.m
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	if c.d != nil {
		c.returned()
	}
	m.pace.end()
	m.unclaim()
}
