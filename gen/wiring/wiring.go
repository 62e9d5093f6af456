// Package wiring works out what each node of a topology does with events: what its
// machines and its code hear and by which transports, what leaves its process, and what
// the transports must know. It is pure and knows nothing of Go's spelling; what follows
// from it is written by package golang and done by runtime/node.
//
// # Who maps
//
// What a machine emits, and its state changes, are published as they are, once, and
// mapped where they are received. What it sends to a role is mapped before it is
// published, to the topic of the receiver's event. So is what goes to somebody that a key
// of the receiver chooses, and what becomes a broadcast: the transport must see that key,
// and observers of the broadcast hear it. A direct subscription beside the source, the
// forward, does that.
package wiring

import (
	"slices"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Node is what a node does with events.
type Node struct {
	*model.Node
	Machines      []*Machine
	Subscriptions []*Subscription
	Doors         []*Door // to whom the node's code may send, in document order: its own machines first
	Transports    []*Transport
	Outgoing      []Outgoing
}

// Machine is a machine on a node.
type Machine struct {
	*model.Participant
	Inboxes  []*Inbox
	Forwards []*Forward
}

// Inbox is one queue of events for a machine, or none if it is direct.
type Inbox struct {
	Name    string
	Profile *model.Profile
	Direct  bool
	Group   string // empty if it is in none
	Policy  model.Policy
	Routes  []*Route
}

// Route is what an inbox or a subscription hears, and how.
type Route struct {
	Topic Topic
	Local bool
	Via   []*model.Transport
	// Elsewhere are, for each of Via, the nodes whose events come by another one of them.
	Elsewhere map[*model.Transport][]*model.Node
	Way       *model.Route     // how the event is mapped; nil if it is the machine's own
	Broadcast *model.Broadcast // what it is, if it is one
}

// Forward publishes what a machine of the node has published for a receiver that a key
// chooses, or for everybody.
type Forward struct {
	Name   string
	Link   *model.Link
	Routes []*Route
}

// Subscription is code of the node that hears topics.
type Subscription struct {
	*model.Subscription
	Routes []*Route
	Heard  []Topic // all that it may hear, once for each type of events
}

// Outgoing are events that leave the process by a transport.
type Outgoing struct {
	Topic   Topic
	Via     *model.Transport
	Profile *model.Profile
}

// Wiring is what all nodes do.
type Wiring struct {
	Nodes  []*Node
	Topics []Topic // those whose events may leave a process, each once
}

// Of is what the nodes of a topology without errors do.
func Of(t *model.Topology) *Wiring {
	w := &wirer{t: t}
	out := &Wiring{}
	for _, n := range t.Nodes {
		out.Nodes = append(out.Nodes, w.node(n))
	}
	for _, n := range out.Nodes {
		n.Transports = w.transports(n, out.Nodes)
	}
	out.Topics = w.topics(out.Nodes)
	return out
}

type wirer struct{ t *model.Topology }

func (w *wirer) node(n *model.Node) *Node {
	out := &Node{Node: n, Machines: w.machines(n)}
	for _, s := range n.Subscriptions {
		out.Subscriptions = append(out.Subscriptions, w.subscription(n, s))
	}
	out.Doors = w.doors(n)
	out.Outgoing = w.outgoing(n)
	return out
}

// machines are those of a node, whose inboxes have different names.
func (w *wirer) machines(n *model.Node) []*Machine {
	var out []*Machine
	names := map[string]bool{}
	for _, p := range n.Machines {
		m := w.machine(n, p)
		for _, i := range m.Inboxes {
			for names[i.Name] {
				i.Name += "_" // a profile and a group may be called alike
			}
			names[i.Name] = true
		}
		out = append(out, m)
	}
	return out
}

// taken are the topics on which a route's events are published, before anything is
// forwarded. Patterns of states stay what they are: a state that is added matches, too.
func taken(l *model.Link, r *model.Route) []Topic {
	switch l.Kind {
	case spec.Emits:
		return []Topic{emitted(l.FromMachine, r.Source)}
	case spec.States:
		var out []Topic
		for _, p := range l.Patterns {
			out = append(out, Topic{Kind: Pattern, Pattern: l.FromMachine.Topic(model.TopicState, string(p)), Machine: l.FromMachine})
		}
		return out
	}
	return []Topic{Target(l, r)}
}

// Target is the topic of what a route's event becomes.
func Target(l *model.Link, r *model.Route) Topic {
	switch {
	case l.ToAll != nil:
		return broadcast(l.ToAll)
	case l.ToGroup != nil:
		return grouped(l.ToGroup, r.Target)
	}
	return event(l.ToMachine, r.Target)
}

// leaves reports whether a pair's events leave the process.
func leaves(p *model.Pair) bool { return p.Location > model.SameProcess }

// outgoing is what leaves a node, each once.
func (w *wirer) outgoing(n *model.Node) []Outgoing {
	var out []Outgoing
	add := func(o Outgoing) {
		if !slices.ContainsFunc(out, func(x Outgoing) bool {
			return x.Topic.Pattern == o.Topic.Pattern && x.Via == o.Via && x.Profile == o.Profile
		}) {
			out = append(out, o)
		}
	}
	for _, l := range w.t.Links {
		for _, via := range w.ways(n, l) {
			for _, r := range l.Routes {
				for _, t := range w.sentBy(l, r) {
					add(Outgoing{t, via, w.profileOf(l, r)})
				}
			}
		}
	}
	for _, p := range n.Machines {
		if g := p.Spread; g != nil {
			for _, e := range p.Machine.Events {
				add(Outgoing{event(p, e), g.Transport, w.eventProfile(p, e)})
			}
		}
	}
	for _, x := range w.t.Broadcasts {
		for _, via := range w.broadcastWays(n, x) {
			add(Outgoing{broadcast(x), via, model.BuiltInProfiles[0]})
		}
	}
	for _, o := range w.observed(n) {
		add(o)
	}
	return out
}

// sentBy are the topics of a route that a link has leave the process.
func (w *wirer) sentBy(l *model.Link, r *model.Route) []Topic {
	switch {
	case l.Kind == spec.Requests, l.ToAll != nil:
		return nil // requests have a way of their own, broadcasts are everybody's
	case l.Forwarded():
		return []Topic{Target(l, r)}
	}
	return taken(l, r)
}

// ways are the transports by which a link's events leave a node.
func (w *wirer) ways(n *model.Node, l *model.Link) []*model.Transport {
	if g := l.Group(); g != nil {
		if g.Location > model.SameProcess && slices.ContainsFunc(l.Pairs, func(p *model.Pair) bool { return p.From == n }) {
			return []*model.Transport{g.Transport}
		}
		return nil
	}
	return w.vias(l.Pairs, func(p *model.Pair) bool { return p.From == n })
}

// vias are the transports of pairs that leave the process, in the topology's order.
func (w *wirer) vias(pairs []*model.Pair, among func(*model.Pair) bool) []*model.Transport {
	used := map[*model.Transport]bool{}
	for _, p := range pairs {
		if leaves(p) && among(p) {
			used[p.Transport] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(w.t.Transports), func(t *model.Transport) bool { return !used[t] })
}

// broadcastWays are the transports by which a broadcast leaves a node.
func (w *wirer) broadcastWays(n *model.Node, x *model.Broadcast) []*model.Transport {
	out := w.vias(x.Pairs, func(p *model.Pair) bool { return p.From == n })
	for _, p := range x.Hearers {
		if p.Spread != nil && !slices.Contains(out, p.Spread.Transport) {
			out = append(out, p.Spread.Transport)
		}
	}
	return out
}

// observed is what leaves a node for the code of others.
func (w *wirer) observed(n *model.Node) []Outgoing {
	var out []Outgoing
	for _, s := range w.t.Subscriptions {
		for _, p := range s.Pairs {
			if p.From != n || !leaves(p) {
				continue
			}
			for _, x := range s.Patterns {
				if len(w.heard([]topic.Pattern{x}, func(x *model.Node) bool { return x == n })) > 0 {
					out = append(out, Outgoing{Topic{Kind: Pattern, Pattern: x}, p.Transport, s.Profile})
				}
			}
		}
	}
	return out
}
