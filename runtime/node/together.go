package node

import (
	"context"

	"github.com/xsgen/xsgen/runtime/bus"
)

// Together is all nodes of a topology in one process, on one bus: nothing is encoded, and
// no transport is opened. What would outlive a process does not.
type Together struct {
	config Config
	bus    *bus.Bus
	life   life
	nodes  []*Node
}

// NewTogether returns one without nodes. Of the configuration, what concerns transports and
// the environment is not used, nor is Replica.
func NewTogether(c Config) *Together {
	c = c.withDefaults()
	return &Together{config: c, bus: bus.New(c.BusOptions...)}
}

// Bus is the bus of all nodes.
func (t *Together) Bus() *bus.Bus { return t.bus }

// New adds a process of a node: of one with replicas there may be several, which are told
// apart by their numbers, from 0. It must not be called after Start.
func (t *Together) New(p *Plan, replica int) *Node {
	n := newNode(p, t.config, replica, t.bus, t)
	t.nodes = append(t.nodes, n)
	return n
}

// Start starts all nodes: all of them hear before the first machine opens. Otherwise it is
// Node.Start.
func (t *Together) Start(ctx context.Context) error {
	return t.life.start(ctx, func(ctx context.Context) error { return startAll(ctx, t.nodes, t.bus) })
}

// Ready reports whether all nodes are.
func (t *Together) Ready() bool {
	for _, n := range t.nodes {
		if !n.Ready() {
			return false
		}
	}
	return true
}

// Shutdown ends all nodes at once, in the same order as Node.Shutdown, and the bus. One of
// them may have been shut down before.
func (t *Together) Shutdown(ctx context.Context) error {
	for _, n := range t.nodes {
		n.ready.Store(false)
	}
	return t.life.shutdown(ctx, func(ctx context.Context) error { return shutAll(ctx, t.nodes, t.bus) })
}
