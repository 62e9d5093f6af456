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
	buf  *[]byte      // pooled, holds the body; nil for an empty one
	refs atomic.Int32 // of queues and deliveries
	wipe bool
	at   time.Time // when it was packed
}

// parcels are those that nobody has any more.
var parcels = sync.Pool{New: func() any { return new(Parcel) }}

// Pack copies m, and its body to a buffer that is wiped at the end if that is wanted. The
// caller has one reference, which it gives back by Release.
func Pack(m *transport.Message, wipe bool) *Parcel { return PackAt(time.Now(), m, wipe) }

// PackAt is Pack for a message that came at a time.
func PackAt(now time.Time, m *transport.Message, wipe bool) *Parcel {
	p := parcels.Get().(*Parcel)
	p.Message, p.wipe, p.at = *m, wipe, now
	p.refs.Store(1)
	p.Body, p.Profile, p.Mandatory = nil, nil, false
	p.Headers = maps.Clone(m.Headers)
	if len(m.Body) > 0 {
		p.buf = pool.Copy(m.Body)
		p.Body = (*p.buf)[:len(m.Body):len(m.Body)]
	}
	return p
}

// Retain adds a reference.
func (p *Parcel) Retain() { p.refs.Add(1) }

// Release gives a reference back; with the last one the parcel and its buffer may be used
// again.
func (p *Parcel) Release() {
	if p.refs.Add(-1) > 0 {
		return
	}
	if p.buf != nil {
		pool.Release(p.buf, p.wipe)
	}
	p.Message, p.buf = transport.Message{}, nil
	if !poison.On {
		parcels.Put(p)
	}
}
