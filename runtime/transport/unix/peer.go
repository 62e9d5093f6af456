//go:build linux || darwin

package unix

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// peer is another process, from its first connection to its end; a process that has
// started anew is another peer. It outlives connections.
type peer struct {
	t     *Transport
	name  string // <node>-<replica>, by which its socket is found
	epoch string
	limit int // of bodies that it takes

	before *peer // whose process this one has taken the place of, until that has ended
	ending sync.Once
	flows  atomic.Pointer[map[uint64]*flow] // by this side's lines; changed with mu held

	mu        sync.Mutex
	conn      *conn              // nil while there is none
	lost      time.Time          // when it was lost
	gone      bool               // there will be no other one
	remotes   map[uint64]*remote // by the peer's ids
	named     map[string]*remote // the same of a stand-in, by their names; nil of a process
	last      uint64             // of a stand-in: its newest queue's id
	dirty     []*flow            // to be reported
	losses    []*remote          // whose dropped messages are to be told
	changed   chan struct{}      // closed when something has, nil if nobody waits
	unacked   map[uint64]bool    // lines of this side that it has not confirmed; true if it has refused
	withdrawn map[uint64]bool    // lines of this side whose end it has not confirmed
	asked     map[string]bool    // correlations of requests that only it has
}

func newPeer(t *Transport, h *hello) *peer {
	p := &peer{
		t: t, name: h.name(), epoch: h.epoch, limit: h.maxBody, remotes: map[uint64]*remote{}, unacked: map[uint64]bool{},
		lost: time.Now(), asked: map[string]bool{}, withdrawn: map[uint64]bool{},
	}
	p.flows.Store(&map[uint64]*flow{})
	return p
}

// tell wakes those who wait for something; p.mu is held.
func (p *peer) tell() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// change is closed when something has changed; p.mu is held.
func (p *peer) change() <-chan struct{} {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}

// flow is that of a line, nil if the peer was never told of it.
func (p *peer) flow(id uint64) *flow { return (*p.flows.Load())[id] }

// setFlow changes the flow of a line, nil for none; p.mu is held.
func (p *peer) setFlow(id uint64, f *flow) {
	m := maps.Clone(*p.flows.Load())
	if m[id] = f; f == nil {
		delete(m, id)
	}
	p.flows.Store(&m)
}

// announce tells the peer of a line, now or when it is connected again; p.mu is held.
func (p *peer) announce(a *announcement) {
	if p.gone {
		return
	}
	f := p.flow(a.id)
	if f == nil {
		f = newFlow(p, a.id, a.line)
		p.setFlow(a.id, f)
	}
	p.unacked[a.id] = false
	if p.conn != nil {
		o := a.offer()
		o.progress = f.progress()
		p.conn.buf = o.append(p.conn.buf)
		p.conn.stir()
	}
}

// withdraw tells the peer that a line gets nothing more; p.mu is held.
func (p *peer) withdraw(id uint64) {
	if p.flow(id) == nil || p.gone {
		return
	}
	delete(p.unacked, id)
	if p.conn == nil {
		p.setFlow(id, nil)
		return
	}
	p.withdrawn[id] = true
	p.conn.frame(frameUnsub, id)
	p.conn.stir()
}

// drop ends a connection's part of the peer, and reports whether it was the peer's.
func (p *peer) drop(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.close()
	if p.conn != c {
		return false
	}
	p.conn, p.lost = nil, time.Now()
	for id := range p.withdrawn {
		p.setFlow(id, nil) // the peer does not confirm that any more
	}
	clear(p.withdrawn)
	for _, r := range p.remotes {
		r.stale()
	}
	p.tell()
	return true
}

// end says that there will be no other connection: what is kept for the peer goes elsewhere.
// Whoever calls it finds that done when it returns.
func (p *peer) end() { p.ending.Do(p.finish) }

// succeed ends the peer whose process this one has taken the place of: what is kept there
// is for this one.
func (p *peer) succeed() {
	p.mu.Lock()
	before := p.before
	p.mu.Unlock()
	if before == nil {
		return
	}
	before.end()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = nil
}

func (p *peer) finish() {
	p.succeed() // it may not have come to a connection
	p.t.moves.begin()
	defer p.t.moves.end()
	p.mu.Lock()
	p.gone = true
	if p.conn != nil {
		p.conn.close()
		p.conn = nil
	}
	remotes, asked := p.remotes, p.asked
	p.remotes, p.asked = map[uint64]*remote{}, map[string]bool{}
	clear(p.unacked)
	p.tell()
	p.mu.Unlock()
	for _, r := range remotes {
		p.t.remember(r)
	}
	for correlation := range asked {
		reply := transport.ErrorReply(nil)
		reply.Correlation = correlation
		p.t.requests.Deliver(reply)
	}
	p.t.changed.tell()
}

// connected reports whether there is a connection.
func (p *peer) connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn != nil
}

// unconfirmed reports whether the peer has yet to confirm a line, and whether it has
// refused it.
func (p *peer) unconfirmed(id uint64) (waits, refused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	refused, there := p.unacked[id]
	return there && !refused && !p.gone, refused
}
