package local

import (
	"time"

	"github.com/xsgen/xsgen/runtime/internal/poison"
)

// small is the most bytes that a buffer has which is kept for the next messages of a line.
const small = 4 << 10

// let gives a reference back, and keeps the parcel for what comes next if it was the last one;
// l.mu is held.
func (l *Line) let(p *Parcel) {
	if !l.brought || poison.On {
		p.Release()
		return
	}
	if !p.last() {
		return
	}
	if len(p.Body) > 0 {
		p.buf = l.tally.Empty(p.buf, p.wipe)
	}
	if len(l.idle) >= stocked || cap(p.buf) > small {
		p.discard()
		return
	}
	p.Body, p.Headers = nil, nil
	l.idle = append(l.idle, p)
}

// stocked is how many parcels a line keeps, and a batch at least where the line has them.
const stocked = 128

// Blank is a parcel without a message, for one that came at a time; its buffer is wiped at
// the end if that is wanted. The caller has one reference.
func (b *Batch) Blank(now time.Time, wipe bool) *Parcel {
	var p *Parcel
	if n := len(b.stock) - 1; n >= 0 {
		p, b.stock = b.stock[n], b.stock[:n]
	} else {
		p = parcels.Get().(*Parcel)
	}
	p.wipe, p.at = wipe, now
	return p
}

// Fill copies a body to a parcel of Blank.
func (b *Batch) Fill(p *Parcel, body []byte) {
	if p.Body = nil; len(body) > 0 {
		p.buf = b.tally.Fill(p.buf, body)
		p.Body = p.buf[:len(body):len(body)]
	}
}

// restock takes the parcels that a line has let go of; l.mu is held.
func (b *Batch) restock(l *Line) {
	if len(b.stock) < stocked/2 {
		b.stock = append(b.stock, l.idle...)
		clear(l.idle)
		l.idle = l.idle[:0]
	}
}
