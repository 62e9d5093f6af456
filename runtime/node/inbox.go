package node

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// ear is an inbox or a subscription, with what it hears by: one subscription on the bus,
// and one on each transport.
type ear struct {
	n        *Node
	name     string
	profile  transport.Profile
	direct   bool
	group    string
	policy   transport.GroupPolicy
	observer bool // it is code of the node, which gets copies
	gate     *gate

	local  *router
	remote map[string]*router

	sub  *bus.Subscription        // nil without local routes
	subs []transport.Subscription // what is open
}

func (n *Node) inbox(i *Inbox, g *gate) *ear {
	x := &ear{
		n: n, name: i.Name, profile: i.Profile, direct: i.Direct, group: i.Group, policy: i.Policy, gate: g,
	}
	x.route(i.Routes)
	return x
}

func (n *Node) subscription(s *Subscription) *ear {
	x := &ear{n: n, name: s.Name, profile: s.Profile, observer: true, gate: newGate()}
	x.gate.let()
	if s.Shared {
		x.group = n.plan.Node + "." + s.Name
	}
	x.route(s.Routes)
	return x
}

// route sorts routes by the way that their events come. Where all nodes are in one
// process, they come by the bus.
func (x *ear) route(routes []Route) {
	x.local, x.remote = &router{}, map[string]*router{}
	for i := range routes {
		r := &routes[i]
		if r.Local || x.n.together != nil {
			x.local.routes = append(x.local.routes, r)
		}
		if x.n.together != nil {
			continue
		}
		for _, via := range r.Via {
			if x.remote[via] == nil {
				x.remote[via] = &router{via: via}
			}
			x.remote[via].routes = append(x.remote[via].routes, r)
		}
	}
}

// listen subscribes on the bus.
func (x *ear) listen() error {
	if len(x.local.routes) == 0 {
		return nil
	}
	patterns := x.local.patterns()
	opts := []bus.SubscribeOption{bus.Also(patterns[1:]...)}
	if x.direct {
		opts = append(opts, bus.Direct())
	} else {
		opts = append(opts, bus.WithProfile(x.n.inProcess(x.profile)))
	}
	if x.local.conditional() {
		opts = append(opts, bus.WhereAny(x.local.wants))
	}
	if x.group != "" {
		opts = append(opts, bus.Group(x.group, x.policy))
	}
	if !x.observer {
		opts = append(opts, bus.Responder())
	}
	var err error
	x.sub, err = bus.SubscribeEach(x.n.bus, patterns[0], x.choose, opts...)
	return err
}

// choose is the handler for the bus's events of a topic. While the gate is open there is
// nothing between the bus and the route.
func (x *ear) choose(template topic.Pattern) bus.AnyHandler {
	take := x.local.handler(template)
	switch {
	case x.gate.open.Load():
		return take
	case x.direct:
		return x.takeDirect(take)
	}
	return x.takeQueued(take)
}

// inProcess is a profile for the bus. Where all nodes are in one process, what a topology
// wants to outlive a process cannot do that.
func (n *Node) inProcess(p transport.Profile) transport.Profile {
	if n.together != nil && p.Durable == transport.DurableRequired {
		p.Durable = transport.Durable
	}
	return p
}

// takeQueued handles events of the bus, once the gate is open.
func (x *ear) takeQueued(take bus.AnyHandler) bus.AnyHandler {
	gate := x.gate
	return func(ctx context.Context, e *bus.AnyEvent) error {
		if !gate.open.Load() {
			if err := gate.wait(ctx); err != nil {
				return err
			}
		}
		return take(ctx, e)
	}
}

// takeDirect handles events of the bus in the publisher's goroutine.
func (x *ear) takeDirect(take bus.AnyHandler) bus.AnyHandler {
	gate := x.gate
	later := func(e *bus.AnyEvent) {
		if err := take(context.Background(), e); err != nil {
			x.n.fail(fmt.Errorf("node: %s: event %s on %s, published before the machine was open: %w", x.name, e.ID(), e.Topic(), err))
		}
	}
	return func(ctx context.Context, e *bus.AnyEvent) error {
		if !gate.open.Load() {
			if kept, err := gate.keep(e, later); kept || err != nil {
				return err
			}
		}
		return take(ctx, e)
	}
}

// connect subscribes on the transports, in the order in which the node has opened them.
func (x *ear) connect(ctx context.Context) error {
	if x.direct && len(x.remote) > 0 {
		return fmt.Errorf("node: the inbox %s is direct, and has routes by transports", x.name)
	}
	found := 0
	for _, c := range x.n.links {
		r := x.remote[c.name]
		if r == nil {
			continue
		}
		found++
		sub, err := c.t.Subscribe(ctx, x.request(c.name, r))
		if err != nil {
			return fmt.Errorf("node: %s on %s: %w", x.name, c.name, err)
		}
		x.subs = append(x.subs, sub)
	}
	if found < len(x.remote) {
		return fmt.Errorf("node: %s has routes by transports that the node does not open", x.name)
	}
	return nil
}

func (x *ear) request(via string, r *router) transport.SubscribeRequest {
	own := x.n.bus.Epoch()
	q := transport.SubscribeRequest{
		Name: x.queue(), Patterns: r.patterns(), Group: x.group, Policy: x.policy,
		Observer: x.observer && x.group == "", Profile: x.profile,
		Receive: transport.Serve(x.profile.Concurrency, func(ctx context.Context, d *transport.Delivery) error {
			return x.receive(ctx, r, d)
		}),
		Reuse: true,
		OnGap: func(g transport.Gap) { x.n.fail(&GapError{x.name, via, g}) },
	}
	switch {
	case x.group == "": // what comes back was heard on the bus
		q.Where = func(m *transport.Message) bool { return m.Epoch != own }
	case x.observer: // a member of a group counts as one who answers requests
		q.Where = func(m *transport.Message) bool { return m.ReplyTo == "" }
	}
	return q
}

// queue is the ear's name on transports.
func (x *ear) queue() string {
	name := x.n.plan.Node + "."
	if x.n.replica > 0 {
		name += strconv.Itoa(x.n.replica) + "."
	}
	return name + x.name
}

// GapError says that messages of another process were lost on their way to an inbox or a
// subscription.
type GapError struct {
	Name, Transport string
	transport.Gap
}

func (e *GapError) Error() string {
	if e.Source == "" {
		return fmt.Sprintf("node: %s on %s: messages may have been lost", e.Name, e.Transport)
	}
	return fmt.Sprintf("node: %s on %s: messages %d to %d of %s were lost, before one on %s", e.Name, e.Transport, e.First, e.Last, e.Source, e.Topic)
}

// hush ends the subscriptions on transports: what they have is handled first.
func (x *ear) hush(ctx context.Context) error {
	var errs []error
	for _, s := range x.subs {
		errs = append(errs, s.Close(ctx))
	}
	return transport.JoinDrained(errs)
}

// end ends the subscription on the bus. What a gate holds back is left; what comes in
// the same moment is refused.
func (x *ear) end(ctx context.Context) error {
	if x.sub == nil {
		return nil
	}
	if !x.observer && x.waiting() > 0 {
		defer x.gate.giveUp()
		return x.sub.Close(over)
	}
	x.gate.giveUp()
	return x.sub.Close(ctx)
}

// over is a ctx that has ended.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// waiting is how many events the bus has for the ear.
func (x *ear) waiting() int {
	if x.sub == nil {
		return 0
	}
	s := x.sub.Stats()
	return s.Waiting + s.InFlight
}

// hearsErrors reports whether the ear hears what becomes of others' events.
func (x *ear) hearsErrors() bool {
	return slices.ContainsFunc(x.local.routes, func(r *Route) bool {
		return strings.HasPrefix(string(r.Pattern), "error.")
	})
}
