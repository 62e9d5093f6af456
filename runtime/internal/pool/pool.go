// Package pool counts the buffers that the bodies of messages are copied to, and says which
// of them may be used again. Who has a buffer keeps it. It is one for the process, and safe
// for concurrent use.
package pool

import (
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/internal/poison"
)

// largest is the most bytes that a buffer has which is kept.
const largest = 64 << 10

// Those who fill buffers write one cache line, and those who empty them another one: they
// are goroutines of different processors, which would wait for each other.
var (
	_             [64]byte
	taken, missed atomic.Uint64
	filled        atomic.Int64 // bytes
	_             [64]byte
	emptied       atomic.Int64
	_             [64]byte
)

// Fill copies a body to a buffer, or to a new one if it is too small. Its length must not be
// changed until it is emptied.
func Fill(b, body []byte) []byte {
	taken.Add(1)
	filled.Add(int64(len(body)))
	if cap(b) < len(body) {
		missed.Add(1)
	}
	return append(b[:0], body...)
}

// Tally counts for one who fills or empties many buffers, and tells of them together. It is
// for one goroutine at a time; its zero value is empty.
type Tally struct {
	taken, missed   uint64
	filled, emptied int64
}

// Fill is like the function of that name.
func (t *Tally) Fill(b, body []byte) []byte {
	t.taken++
	t.filled += int64(len(body))
	if cap(b) < len(body) {
		t.missed++
	}
	return append(b[:0], body...)
}

// Empty is like the function of that name.
func (t *Tally) Empty(b []byte, wipe bool) []byte {
	t.emptied += int64(len(b))
	return left(b, wipe)
}

// Tell tells of what was counted.
func (t *Tally) Tell() {
	if t.taken > 0 {
		taken.Add(t.taken)
		missed.Add(t.missed)
		filled.Add(t.filled)
	}
	if t.emptied > 0 {
		emptied.Add(t.emptied)
	}
	*t = Tally{}
}

// Empty is what is left of a buffer when nobody needs the body any more: overwritten with
// zeros if wipe says so, and nil if it must not be kept. With the build tag xsgendebug it is
// overwritten with what is no message, and never kept.
func Empty(b []byte, wipe bool) []byte {
	emptied.Add(int64(len(b)))
	return left(b, wipe)
}

func left(b []byte, wipe bool) []byte {
	switch {
	case poison.On:
		poison.Bytes(b)
		return nil // a buffer that was used again would look sound
	case wipe:
		clear(b)
	}
	if cap(b) > largest {
		return nil
	}
	return b[:0]
}

// Usage is how many buffers were filled, how many of them had to be allocated, and the
// bytes that are in use.
func Usage() (all, allocated uint64, bytes int64) {
	out := emptied.Load() // first, or it could be more than what was filled
	return taken.Load(), missed.Load(), filled.Load() - out
}
