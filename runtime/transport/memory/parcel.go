package memory

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/internal/poison"
	"github.com/xsgen/xsgen/runtime/transport"
)

// parcel is a published message, shared by the queues that have it.
type parcel struct {
	transport.Message
	buf  *[]byte      // pooled, holds the body; nil for an empty one
	refs atomic.Int32 // of queues and deliveries
	wipe bool
}

// buffers are for bodies. Large ones are not kept.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxPooled = 64 << 10

// pack copies m for the lines that want it. The caller has one reference.
func (t *Transport) pack(m *transport.Message, lines []*line) *parcel {
	p := &parcel{Message: *m, wipe: m.Profile != nil && m.Profile.Sensitive}
	p.refs.Store(1)
	p.Body, p.Profile, p.Mandatory = nil, nil, false
	if len(lines) == 0 {
		return p
	}
	if p.ID == "" {
		p.ID = t.newID()
	}
	p.Headers = maps.Clone(m.Headers)
	for _, l := range lines {
		p.wipe = p.wipe || l.request.Profile.Sensitive
	}
	if len(m.Body) > 0 {
		p.buf = buffers.Get().(*[]byte)
		*p.buf = append((*p.buf)[:0], m.Body...)
		p.Body = (*p.buf)[:len(m.Body):len(m.Body)]
	}
	return p
}

func (p *parcel) retain() { p.refs.Add(1) }

// release gives a reference back; with the last one the buffer may be used again.
func (p *parcel) release() {
	if p.refs.Add(-1) > 0 || p.buf == nil {
		return
	}
	if poison.On {
		poison.Bytes(*p.buf)
		return // a buffer that was used again would look sound
	}
	if p.wipe {
		clear(*p.buf)
	}
	if cap(*p.buf) <= maxPooled {
		buffers.Put(p.buf)
	}
}
