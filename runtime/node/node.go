package node

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Node is one process of a topology. New makes one, or, where all nodes are in one
// process, Together.New.
type Node struct {
	plan     *Plan
	config   Config
	replica  int
	bus      *bus.Bus
	together *Together // nil if the node is a process of its own
	types    *types
	life     life

	machines []*machine
	added    []Subscription

	inboxes       []*ear
	subscriptions []*ear
	links         []*link
	out           *bus.Subscription // what leaves the node; nil if nothing does

	ready   atomic.Bool  // it has started, and does not end yet
	closed  atomic.Bool  // nothing is sent any more
	sending atomic.Int64 // calls of Send
}

// machine is a machine of the node and what holds its events back.
type machine struct {
	Machine
	gate   *gate
	opened bool // Open was called
}

// New returns the node of a plan, which must not be changed any more. Nothing is opened
// before Start.
func New(p *Plan, c Config) *Node {
	c = c.withDefaults()
	return newNode(p, c, c.Replica, bus.New(c.BusOptions...), nil)
}

func newNode(p *Plan, c Config, replica int, b *bus.Bus, t *Together) *Node {
	return &Node{plan: p, config: c, replica: replica, bus: b, together: t, types: newTypes(p.Types)}
}

// Bus is the process's bus.
func (n *Node) Bus() *bus.Bus { return n.bus }

// Replica is which of the node's processes this is, from 0.
func (n *Node) Replica() int { return n.replica }

// AddMachine adds a machine. It must not be called after Start.
func (n *Node) AddMachine(m Machine) {
	n.machines = append(n.machines, &machine{Machine: m, gate: newGate()})
}

// AddSubscription adds code that hears topics. It must not be called after Start.
func (n *Node) AddSubscription(s Subscription) { n.added = append(n.added, s) }

// Start opens the node's transports, has everybody hear what is for them, waits until the
// transports are connected, to each of the other processes that runs already, and opens the
// machines, in the order in which they were added: what they say first is heard there. ctx
// bounds that. What is missing of the
// environment and of the configuration, it says all at once: *VariableError and
// *MissingError, joined. If something fails, everything is closed again, and the node cannot
// be started any more. After Shutdown it is transport.ErrClosed. A node of a Together is
// started by that.
func (n *Node) Start(ctx context.Context) error {
	if n.together != nil {
		return errors.New("node: Together.Start starts the nodes that are in one process")
	}
	return n.life.start(ctx, func(ctx context.Context) error { return startAll(ctx, []*Node{n}, n.bus) })
}

// startAll starts nodes that share a bus: whatever one of them sends when it opens, all
// others hear.
func startAll(ctx context.Context, nodes []*Node, b *bus.Bus) error {
	err := each(nodes, func(n *Node) error { return n.wire(ctx) })
	if err == nil {
		err = each(nodes, func(n *Node) error { return n.connect() })
	}
	if err == nil {
		err = each(nodes, func(n *Node) error { return n.meet(ctx) })
	}
	if err == nil {
		err = each(nodes, func(n *Node) error { return n.open(ctx) })
	}
	if err != nil {
		abort(nodes, b)
		return err
	}
	for _, n := range nodes {
		n.ready.Store(true)
	}
	return nil
}

// each calls f for nodes until one fails.
func each(nodes []*Node, f func(*Node) error) error {
	for _, n := range nodes {
		if err := f(n); err != nil {
			return err
		}
	}
	return nil
}

// wire opens the transports and subscribes.
func (n *Node) wire(ctx context.Context) error {
	if err := n.openTransports(ctx); err != nil {
		return err
	}
	if err := n.makeEars(); err != nil {
		return err
	}
	for _, x := range n.ears() {
		if err := x.listen(); err != nil {
			return fmt.Errorf("node: %s: %w", x.name, err)
		}
	}
	for _, x := range n.ears() {
		if err := x.connect(ctx); err != nil {
			return err
		}
	}
	if n.together != nil {
		return nil
	}
	return n.listenLast()
}

// makeEars makes what hears for the machines and the node's code.
func (n *Node) makeEars() error {
	for _, m := range n.machines {
		for i := range m.Inboxes {
			n.inboxes = append(n.inboxes, n.inbox(&m.Inboxes[i], m.gate))
		}
	}
	for i := range n.added {
		n.subscriptions = append(n.subscriptions, n.subscription(&n.added[i]))
	}
	names := map[string]bool{}
	for _, x := range n.ears() {
		if names[x.name] {
			return fmt.Errorf("node: %s has two inboxes or subscriptions called %q", n.plan.Node, x.name)
		}
		names[x.name] = true
	}
	return nil
}

func (n *Node) ears() []*ear {
	return append(n.inboxes[:len(n.inboxes):len(n.inboxes)], n.subscriptions...)
}

// openTransports opens the transports, if nothing is missing for any of them.
func (n *Node) openTransports(ctx context.Context) error {
	if n.together != nil {
		return nil
	}
	var missing []error
	var openers []transport.Opener
	var configs []transport.Config
	for i := range n.plan.Transports {
		t := &n.plan.Transports[i]
		open, err := n.opener(t)
		c, errs := n.transportConfig(t)
		if err != nil {
			errs = append(errs, err)
		}
		missing = append(missing, errs...)
		openers = append(openers, open)
		configs = append(configs, c)
	}
	if len(missing) > 0 {
		return errors.Join(missing...)
	}
	for i, open := range openers {
		name := n.plan.Transports[i].Name
		t, err := open(ctx, configs[i])
		if err == nil && t != nil && n.config.Around != nil {
			t = n.config.Around(name, t)
		}
		if err == nil && t == nil {
			err = errors.New("its opener has returned none")
		}
		if err != nil {
			return fmt.Errorf("node: the transport %s: %w", name, err)
		}
		l := &link{name: name, t: t}
		l.unwatch = t.Status().Watch(func(c transport.Change) {
			if c.Err != nil {
				n.fail(fmt.Errorf("node: the transport %s is %v: %w", name, c.State, c.Err))
			}
		})
		n.links = append(n.links, l)
	}
	return nil
}

// connect has the machines make their publishers.
func (n *Node) connect() error {
	for _, m := range n.machines {
		if m.Connect == nil {
			continue
		}
		if err := m.Connect(n.bus); err != nil {
			return fmt.Errorf("node: the machine %s: %w", m.ID, err)
		}
	}
	return nil
}

// meet waits until each transport has tried to connect, and is connected to whoever is there.
// One that has lost a connection again is not waited for.
func (n *Node) meet(ctx context.Context) error {
	for _, l := range n.links {
		err := l.t.Status().Await(ctx, transport.Ready, transport.Blocked, transport.Reconnecting, transport.Draining, transport.Closed)
		if err != nil {
			return fmt.Errorf("node: the transport %s does not come to be connected: %w", l.name, errors.Join(transport.TimeoutError(err), l.t.Status().Get().Err))
		}
	}
	return nil
}

// open opens the machines, and lets in what has waited for them.
func (n *Node) open(ctx context.Context) error {
	for _, m := range n.machines {
		m.opened = true
		if m.Open != nil {
			if err := m.Open(ctx); err != nil {
				return fmt.Errorf("node: the machine %s: %w", m.ID, err)
			}
		}
		m.gate.let()
		n.gated(m)
	}
	return nil
}

// gated has the inboxes of a machine follow its gate, which has been opened or shut.
func (n *Node) gated(m *machine) {
	for _, x := range n.inboxes {
		if x.gate == m.gate && x.sub != nil {
			x.sub.Rechoose()
		}
	}
}

// Ready reports whether the node has started, does not end yet, and all its transports
// take messages.
func (n *Node) Ready() bool {
	if !n.ready.Load() {
		return false
	}
	for _, l := range n.links {
		if l.t.Status().Get().State != transport.Ready {
			return false
		}
	}
	return true
}

// Send calls what publishes an event for the node's own code, unless the node is being shut
// down: then it returns transport.ErrClosed. Shutdown waits for the calls that are running.
// Generated senders are within it.
func (n *Node) Send(publish func() error) error {
	n.sending.Add(1)
	defer n.sending.Add(-1)
	if n.closed.Load() {
		return transport.ErrClosed
	}
	return publish()
}

// fail tells of something that nobody else can be told of.
func (n *Node) fail(err error) { n.config.OnError(err) }
