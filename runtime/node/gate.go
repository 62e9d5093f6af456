package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/bus"
)

// gate holds back the events of a machine that is not open. It is shut at first, opened
// once, and shut again before the machine is closed: what still comes then stays where
// it is, and is counted as left.
type gate struct {
	open atomic.Bool

	mu     sync.Mutex
	opened chan struct{} // closed while it is open
	kept   []func()      // of direct inboxes, to be handled when it opens
	ended  bool          // it does not open any more
	late   bool          // what comes now is too late
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

// wait waits until the gate is open, or ctx ends.
func (g *gate) wait(ctx context.Context) error {
	for !g.open.Load() {
		g.mu.Lock()
		opened, late := g.opened, g.late
		g.mu.Unlock()
		if late {
			return bus.Permanent(errNotOpen)
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

var errNotOpen = errors.New("node: the machine is not open")

// keep keeps an event of a direct inbox until the gate opens: to wait for that in the
// publisher's goroutine might be to wait for oneself. It returns false if the gate is open.
func (g *gate) keep(e *bus.AnyEvent, handle func(*bus.AnyEvent)) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.open.Load():
		return false, nil
	case g.ended, e.IsRequest():
		return false, errNotOpen
	case len(g.kept) >= bus.DefaultCapacity:
		return false, fmt.Errorf("%w: %w", errNotOpen, bus.ErrFull)
	}
	e = e.Clone()
	g.kept = append(g.kept, func() { handle(e) })
	return true, nil
}

// let opens the gate, once everything that was kept has been handled.
func (g *gate) let() {
	for {
		g.mu.Lock()
		kept := g.kept
		g.kept = nil
		if len(kept) == 0 {
			g.open.Store(true)
			close(g.opened)
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		for _, handle := range kept {
			handle()
		}
	}
}

// shut shuts the gate for good.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.kept = nil
	if g.open.Swap(false) {
		g.opened = make(chan struct{})
	}
}

// giveUp has what comes from now on, and was not there before, refused.
func (g *gate) giveUp() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.late && g.ended {
		g.late = true
		close(g.opened)
	}
}
