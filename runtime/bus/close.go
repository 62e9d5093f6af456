package bus

import (
	"context"
	"runtime"
	"strings"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Close ends the subscription: what was queued is handled, publishes that are
// under way are waited for, and once Close has returned the handler is not
// called any more. If ctx ends before, what is left is dropped and counted in a
// *transport.DrainError. Close may be called again. Within a handler it does not
// wait: it returns at once, and what is left is handled after the handler has
// returned.
func (s *Subscription) Close(ctx context.Context) error {
	inside := insideHandler()
	if s.closed.CompareAndSwap(false, true) {
		s.bus.mu.Lock()
		nodes := s.bus.disconnect(s)
		s.bus.mu.Unlock()
		go s.end(nodes)
	}
	if inside {
		return nil
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
	}
	if s.queue != nil {
		return &transport.DrainError{Left: s.queue.abandon()}
	}
	return ErrDrainTimeout
}

// end waits for publishes that are under way, then for the queue.
func (s *Subscription) end(nodes []anyNode) {
	defer close(s.ended)
	for _, n := range nodes {
		n.settle()
	}
	if s.queue != nil {
		s.queue.end()
	}
}

// insideHandler reports whether a handler of some bus is among the callers: to
// wait for its end would be to wait for oneself.
func insideHandler() bool {
	pcs := make([]uintptr, 256)
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		if n == 0 {
			return false
		}
		frames := runtime.CallersFrames(pcs[:n])
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			if strings.HasPrefix(f.Function, packagePath) && strings.Contains(f.Function, ".deliver") {
				return true
			}
		}
	}
}

// packagePath begins the names of this package's functions.
const packagePath = "github.com/xsgen/xsgen/runtime/bus."
