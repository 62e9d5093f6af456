package machine

import (
	"context"
	"sync"
)

// gate is a lock whose waiters give up when their ctx ends.
type gate struct {
	mu   sync.Mutex
	held bool
	free chan struct{} // closed when the gate is given back; nil if nobody waits
}

func (g *gate) lock(ctx context.Context) error {
	for {
		free := g.try()
		if free == nil {
			return nil
		}
		select {
		case <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// try takes the gate and returns nil, or returns what is closed once it is free.
func (g *gate) try() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.held {
		g.held = true
		return nil
	}
	if g.free == nil {
		g.free = make(chan struct{})
	}
	return g.free
}

// tryLock takes the gate if nobody has it.
func (g *gate) tryLock() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held {
		return false
	}
	g.held = true
	return true
}

func (g *gate) unlock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	if g.free != nil {
		close(g.free)
		g.free = nil
	}
}
