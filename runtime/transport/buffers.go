package transport

import "github.com/xsgen/xsgen/runtime/internal/pool"

// BufferStats count the uses of buffers for bodies.
type BufferStats struct {
	Taken  uint64 // since the process began
	Missed uint64 // of those, that had to be allocated
	Held   int64  // bytes of bodies that are in use
}

// Buffers are the figures of the buffers that the transports of the process share: those
// whose queues are within it.
func Buffers() BufferStats {
	taken, missed, held := pool.Usage()
	return BufferStats{taken, missed, held}
}
