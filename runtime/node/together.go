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
// Node.Start. If one of them was shut down before, it is transport.ErrClosed.
func (t *Together) Start(ctx context.Context) error {
	start := func(ctx context.Context) error { return startAll(ctx, t.nodes, t.bus) }
	for _, n := range t.nodes { // whoever shuts one of them down waits for the start of all
		all := start
		start = func(ctx context.Context) error { return n.life.start(ctx, all) }
	}
	return t.life.start(ctx, start)
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

// Shutdown ends all nodes at once, in the same order as Node.Shutdown, and the bus. Some of
// them may have been shut down before, or be about it.
func (t *Together) Shutdown(ctx context.Context) error {
	for _, n := range t.nodes {
		n.ready.Store(false)
	}
	return t.life.shutdown(ctx, t.bus, t.end)
}

// end ends the nodes that do not end by themselves, waits for the others, and ends the bus.
func (t *Together) end(ctx context.Context) error {
	var rest []*Node
	var done []func(error)
	for _, n := range t.nodes {
		if f := n.life.join(&t.life); f != nil {
			rest, done = append(rest, n), append(done, f)
		} else {
			_ = n.life.await(ctx) // its error is told to who has shut it down
		}
	}
	err := shutAll(ctx, rest, t.bus)
	for _, f := range done {
		f(err)
	}
	return err
}
