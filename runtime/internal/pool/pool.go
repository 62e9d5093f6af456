// Package pool holds buffers for the bodies of messages, which transports use again. It is
// one for the process, and safe for concurrent use.
package pool

import (
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/internal/poison"
)

// largest is the most bytes that a buffer has which is kept.
const largest = 64 << 10

var (
	buffers       sync.Pool
	taken, missed atomic.Uint64
	held          atomic.Int64
)

// Copy is a buffer with the bytes of body. Its length must not be changed.
func Copy(body []byte) *[]byte {
	taken.Add(1)
	held.Add(int64(len(body)))
	b, ok := buffers.Get().(*[]byte)
	if !ok {
		missed.Add(1)
		b = new([]byte)
	}
	*b = append((*b)[:0], body...)
	return b
}

// Release gives a buffer back, overwritten with zeros if wipe says so. With the build tag
// xsgendebug it is overwritten with what is no message, and not used again.
func Release(b *[]byte, wipe bool) {
	held.Add(-int64(len(*b)))
	switch {
	case poison.On:
		poison.Bytes(*b)
		return // a buffer that was used again would look sound
	case wipe:
		clear(*b)
	}
	if cap(*b) <= largest {
		buffers.Put(b)
	}
}

// Usage is how many buffers were taken, how many of them had to be allocated, and the
// bytes that are in use.
func Usage() (all, allocated uint64, bytes int64) { return taken.Load(), missed.Load(), held.Load() }
