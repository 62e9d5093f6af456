//go:build linux || darwin

package unix

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// flow is what comes from one publishing process for one line of this one. It outlives
// connections.
type flow struct {
	p     *peer
	line  *local.Line
	id    uint64
	keeps bool // the publisher keeps what is not settled
	wipes bool // bodies are wiped
	sized bool // bytes count
	every uint64

	received      atomic.Uint64
	receivedBytes atomic.Uint64

	_ [64]byte // who reads and who settles would wait for each other's cache line

	settled, freed  atomic.Uint64
	asked, reporter atomic.Bool   // the publisher waits to hear of it; it is to be reported
	delayed         atomic.Bool   // it is to be reported soon
	told            atomic.Uint64 // what was settled when it was reported

	mu   sync.Mutex // of a flow that keeps
	open map[uint64]struct{}
	acks []uint64 // settled, and not reported
}

func newFlow(p *peer, id uint64, l *local.Line) *flow {
	profile := &l.Request().Profile
	f := &flow{p: p, line: l, id: id, keeps: profile.ManualAck == transport.On, wipes: profile.Sensitive, sized: profile.CapacityBytes > 0, every: uint64(min(max(profile.Room()/4, 1), 4096))}
	if f.keeps {
		f.open = map[uint64]struct{}{}
	}
	return f
}

// fresh reports whether a message of a number, of a flow that is kept for, has not come
// before. Numbers that are left out were given up by the publisher.
func (f *flow) fresh(n uint64) bool {
	if n <= f.received.Load() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[n] = struct{}{}
	f.received.Store(n)
	return true
}

// accept takes the message of a number, and a reference to it.
func (f *flow) accept(b *local.Batch, n uint64, p *local.Parcel, ttl time.Duration) {
	size := int64(len(p.Body))
	if f.sized {
		f.receivedBytes.Add(uint64(size))
	}
	if !f.line.Wants(&p.Message) {
		f.Done(n, size, false)
		p.Release()
		return
	}
	b.Add(f.line, p, ttl, f, n)
}

// Done implements local.Origin.
func (f *flow) Done(n uint64, size int64, left bool) {
	if f.keeps {
		if left {
			return // the publisher has it, and may send it to another process
		}
		f.mu.Lock()
		delete(f.open, n)
		f.acks = append(f.acks, n)
		f.mu.Unlock()
	}
	if f.sized {
		f.freed.Add(uint64(size))
	}
	settled := f.settled.Add(1)
	switch {
	case f.keeps || settled-f.told.Load() >= f.every:
		f.due()
	case f.asked.Load() && f.delayed.CompareAndSwap(false, true):
		// A publisher waits, and would be told of each message by itself.
		time.AfterFunc(delay, func() {
			f.delayed.Store(false)
			f.due()
		})
	}
}

// delay is how long a publisher that waits for room may wait to hear that there is some.
const delay = 200 * time.Microsecond

// due has the flow reported by the next write.
func (f *flow) due() {
	if f.reporter.Swap(true) {
		return
	}
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	f.p.dirty = append(f.p.dirty, f)
	if c := f.p.conn; c != nil && !c.held {
		c.stir()
	}
}

// report appends what is to be told of all flows that are due; p.mu is held.
func (p *peer) report(c *conn) {
	if len(p.dirty) == 0 && len(p.losses) == 0 {
		return
	}
	for _, f := range p.dirty {
		f.reporter.Store(false)
		f.report(c)
	}
	p.dirty = p.dirty[:0]
	for _, r := range p.losses {
		c.frame(frameDropped, r.id, r.dropped)
		r.dropped = 0
	}
	p.losses = p.losses[:0]
}

func (f *flow) report(c *conn) {
	if settled := f.settled.Load(); f.told.Swap(settled) != settled {
		f.asked.Store(false) // what the publisher waits for has come
	}
	if !f.keeps {
		c.frame(frameSettled, f.id, f.received.Load(), f.told.Load(), f.freed.Load())
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c.frame(frameAcks, append([]uint64{f.id, f.received.Load(), uint64(len(f.acks))}, f.acks...)...)
	f.acks = f.acks[:0]
}

// progress is how far the flow has come, for a publisher that has connected again.
func (f *flow) progress() progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := progress{received: f.received.Load(), settled: f.settled.Load(), freed: f.freed.Load()}
	x.openBytes = f.receivedBytes.Load() - x.freed
	for n := range f.open {
		x.open = append(x.open, n)
	}
	slices.Sort(x.open)
	return x
}

// missed is told of messages that were lost with a connection.
func (f *flow) missed(first, last uint64) {
	n := last - first + 1
	f.received.Store(last)
	f.settled.Add(n)
	f.line.Missed(transport.Gap{Source: f.p.name, Epoch: f.p.epoch, First: first, Last: last}, n)
}
