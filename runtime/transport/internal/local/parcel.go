package local

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/poison"
	"github.com/xsgen/xsgen/runtime/internal/pool"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Parcel is a published message, shared by the queues that have it.
type Parcel struct {
	transport.Message
	buf  []byte       // holds the body, and is used again with the parcel
	refs atomic.Int32 // of queues and deliveries; 1 while nobody has it
	wipe bool
	at   time.Time // when it was packed
}

// parcels are those that nobody has any more.
var parcels = sync.Pool{New: func() any {
	p := new(Parcel)
	p.refs.Store(1)
	return p
}}

// Pack copies m, and its body to a buffer that is wiped at the end if that is wanted. The
// caller has one reference, which it gives back by Release.
func Pack(m *transport.Message, wipe bool) *Parcel { return PackAt(time.Now(), m, wipe) }

// PackAt is Pack for a message that came at a time.
func PackAt(now time.Time, m *transport.Message, wipe bool) *Parcel {
	p := Blank(now, wipe)
	p.Envelope = m.Envelope
	p.Headers = maps.Clone(m.Headers)
	p.Fill(m.Body)
	return p
}

// Blank is a parcel for a message that came at a time, without a body. The caller, who has one
// reference, writes all of its envelope.
func Blank(now time.Time, wipe bool) *Parcel {
	p := parcels.Get().(*Parcel)
	p.wipe, p.at = wipe, now
	return p
}

// Fill copies a body to the parcel, which has none.
func (p *Parcel) Fill(body []byte) {
	if n := len(body); n > 0 {
		p.buf = pool.Fill(p.buf, body)
		p.Body = p.buf[:n:n]
	}
}

// Retain adds a reference.
func (p *Parcel) Retain() { p.refs.Add(1) }

// RetainMore adds some references.
func (p *Parcel) RetainMore(n int) {
	if n > 0 {
		p.refs.Add(int32(n))
	}
}

// Release gives a reference back; with the last one the parcel and its buffer may be used
// again.
func (p *Parcel) Release() {
	if p.last() {
		if len(p.Body) > 0 {
			p.buf = pool.Empty(p.buf, p.wipe)
		}
		p.discard()
	}
}

// last gives a reference back, and reports whether it was the last one.
func (p *Parcel) last() bool {
	if p.refs.Load() == 1 {
		return true // nobody else has one, or can get one
	}
	if p.refs.Add(-1) > 0 {
		return false
	}
	p.refs.Store(1)
	return true
}

// discard has a parcel be used again whose buffer is empty.
func (p *Parcel) discard() {
	if !poison.On {
		p.Body, p.Headers = nil, nil
		parcels.Put(p)
	}
}
