package node_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
)

// network is what nodes of a test share: for each name of a transport one in memory.
type network struct {
	mu    sync.Mutex
	wires map[string]*memory.Transport
	ports map[string]*port // by <transport> <node>
}

func newNetwork() *network {
	return &network{wires: map[string]*memory.Transport{}, ports: map[string]*port{}}
}

func (w *network) wire(name string) *memory.Transport {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wires[name] == nil {
		w.wires[name] = memory.New()
	}
	return w.wires[name]
}

// opener opens a node's port to a transport.
func (w *network) opener(name string) transport.Opener {
	return func(_ context.Context, c transport.Config) (transport.Transport, error) {
		p := &port{Transport: w.wire(name), config: c}
		p.status.Set(transport.Ready, nil)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ports[name+" "+c.Node] = p
		return p, nil
	}
}

// port is the latest port of a node to a transport.
func (w *network) port(name, node string) *port {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ports[name+" "+node]
}

// plan is the plan of a node with transports, and what leaves it.
func (w *network) plan(id string, transports []string, out ...node.Outgoing) *node.Plan {
	p := &node.Plan{Topology: "test", Node: id, Outgoing: out, Types: types}
	for _, name := range transports {
		p.Transports = append(p.Transports, node.TransportPlan{Name: name, Open: w.opener(name)})
	}
	return p
}

// close closes what the ports have in common.
func (w *network) close() {
	w.mu.Lock()
	wires := slices.Collect(maps.Values(w.wires))
	w.mu.Unlock()
	for _, t := range wires {
		_ = t.Close(context.Background())
	}
}

// port is one node's end of a transport: closing it closes nobody else's.
type port struct {
	transport.Transport
	config transport.Config
	status transport.Status
	before atomic.Pointer[func(context.Context, *transport.Message) error] // asked by Begin; its error is Begin's

	mu     sync.Mutex
	begun  []transport.Envelope
	subs   []*place
	closed bool
}

// hold has Begin ask f first.
func (p *port) hold(f func(context.Context, *transport.Message) error) { p.before.Store(&f) }

// Begin implements transport.Transport.
func (p *port) Begin(ctx context.Context, m *transport.Message) (transport.Pending, error) {
	if err := p.open(); err != nil {
		return nil, transport.NewPublishError(m, transport.OutcomeNotSent, err)
	}
	if f := p.before.Load(); f != nil {
		if err := (*f)(ctx, m); err != nil {
			return nil, transport.NewPublishError(m, transport.OutcomeNotSent, err)
		}
	}
	p.mu.Lock()
	p.begun = append(p.begun, m.Envelope)
	p.mu.Unlock()
	return p.Transport.Begin(ctx, m)
}

func (p *port) open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return transport.ErrClosed
	}
	return nil
}

// sent are the envelopes that the node has sent.
func (p *port) sent() []transport.Envelope {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.begun)
}

// Request implements transport.Transport.
func (p *port) Request(ctx context.Context, m *transport.Message) (*transport.Message, error) {
	if err := p.open(); err != nil {
		return nil, transport.NewPublishError(m, transport.OutcomeNotSent, err)
	}
	return p.Transport.Request(ctx, m)
}

// Subscribe implements transport.Transport.
func (p *port) Subscribe(ctx context.Context, r transport.SubscribeRequest) (transport.Subscription, error) {
	if err := p.open(); err != nil {
		return nil, err
	}
	s, err := p.Transport.Subscribe(ctx, r)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subs = append(p.subs, &place{Subscription: s})
	return p.subs[len(p.subs)-1], nil
}

// place is a subscription of a port. What it has left is told once.
type place struct {
	transport.Subscription
	closed atomic.Bool
}

// Close implements transport.Subscription.
func (s *place) Close(ctx context.Context) error {
	s.closed.Store(true)
	return s.Subscription.Close(ctx)
}

// stats add up those of the port's subscriptions.
func (p *port) stats() (all transport.Stats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.subs {
		all.Add(s.Stats())
	}
	return all
}

// Status implements transport.Transport.
func (p *port) Status() *transport.Status { return &p.status }

// Close implements transport.Transport.
func (p *port) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	subs := slices.Clone(p.subs)
	p.mu.Unlock()
	var errs []error
	for _, s := range subs {
		if !s.closed.Load() {
			errs = append(errs, s.Close(ctx))
		}
	}
	p.status.Set(transport.Closed, nil)
	return transport.JoinDrained(errs)
}
