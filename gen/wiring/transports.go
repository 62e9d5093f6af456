package wiring

import (
	"fmt"
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Transport is a transport that a node opens.
type Transport struct {
	*model.Transport
	Listen *model.Setting // nil if nobody reaches the node by an address
	Peers  []Peer
	Queues []Queue
}

// Peer is a node that the transport joins: another one, or another process of the same.
type Peer struct {
	Node    *model.Node
	Address *model.Setting // nil if it is on the same host, or the transport needs none
}

// Queue is an inbox, or a group of them, that a node sends to.
type Queue struct {
	Node     *model.Node // nil for a group
	Name     string      // as the transport gets it
	Group    string
	Policy   model.Policy
	Profile  *model.Profile
	Patterns []topic.Pattern
}

// transports are those that a node opens between processes.
func (w *wirer) transports(n *Node, all []*Node) []*Transport {
	var out []*Transport
	for _, t := range n.Node.Transports {
		if !t.Kind.CanServe(model.SameMachine) && !t.Kind.CanServe(model.Remote) {
			continue
		}
		x := &Transport{Transport: t, Queues: w.queues(n, t, all)}
		for _, m := range w.t.Nodes {
			if !w.joined(n.Node, m, t) {
				continue
			}
			p := Peer{Node: m}
			if t.Kind.Listens && m.Host != n.Host {
				p.Address, x.Listen = address(m), n.Listen
			}
			x.Peers = append(x.Peers, p)
		}
		out = append(out, x)
	}
	return out
}

// joined reports whether a transport joins processes of two nodes.
func (w *wirer) joined(n, m *model.Node, t *model.Transport) bool {
	joins := func(p *model.Pair) bool {
		return leaves(p) && p.Transport == t && (p.From == n && p.To == m || p.From == m && p.To == n)
	}
	for _, l := range w.t.Links {
		if slices.ContainsFunc(l.Pairs, joins) {
			return true
		}
	}
	for _, x := range w.t.Broadcasts {
		if slices.ContainsFunc(x.Pairs, joins) {
			return true
		}
	}
	for _, s := range w.t.Subscriptions {
		if slices.ContainsFunc(s.Pairs, joins) {
			return true
		}
	}
	return slices.ContainsFunc(w.t.Machines, func(p *model.Participant) bool {
		return p.Spread != nil && p.Spread.Transport == t && w.spreads(p, n, m)
	})
}

// spreads reports whether processes of two nodes share, or send to, a keyed machine.
func (w *wirer) spreads(p *model.Participant, n, m *model.Node) bool {
	if n == m && n.Replicas == 1 {
		return false
	}
	on, other := slices.Contains(p.Nodes, n), slices.Contains(p.Nodes, m)
	return on && other || (on || other) && slices.ContainsFunc(w.t.Broadcasts, func(x *model.Broadcast) bool { return slices.Contains(x.Hearers, p) })
}

// address is where a node is reached from other hosts: what it listens at, with its
// host's address if it listens at all of them.
func address(n *model.Node) *model.Setting {
	const all = "tcp://*"
	if n.Listen == nil || len(n.Listen.Parts) == 0 || n.Host.Address == nil || !strings.HasPrefix(n.Listen.Parts[0].Text, all) {
		return n.Listen
	}
	out := &model.Setting{Key: "address", Parts: []model.Part{{Text: "tcp://"}}}
	out.Parts = append(out.Parts, n.Host.Address.Parts...)
	out.Parts = append(out.Parts, model.Part{Text: strings.TrimPrefix(n.Listen.Parts[0].Text, all)})
	out.Parts = append(out.Parts, n.Listen.Parts[1:]...)
	return out
}

// queues are the inboxes of other processes to which a node sends by a transport.
func (w *wirer) queues(n *Node, t *model.Transport, all []*Node) []Queue {
	var out []Queue
	sent := func(r *Route) bool {
		return slices.Contains(r.Via, t) && slices.ContainsFunc(n.Outgoing, func(o Outgoing) bool { return o.Via == t && o.Topic.Pattern.Overlaps(r.Topic.Pattern) })
	}
	for _, m := range all {
		for _, x := range m.Machines {
			for _, i := range x.Inboxes {
				if !slices.ContainsFunc(i.Routes, sent) {
					continue
				}
				for _, q := range queuesOf(m, n, i, t) {
					if i.Group == "" || !slices.ContainsFunc(out, func(o Queue) bool { return o.Group == i.Group }) {
						out = append(out, q)
					}
				}
			}
		}
	}
	return out
}

// queuesOf are those of an inbox on a node: one of a group, or one for each process.
func queuesOf(m, sender *Node, i *Inbox, t *model.Transport) []Queue {
	q := Queue{Name: m.Name.Value + "." + i.Name, Group: i.Group, Policy: i.Policy, Profile: i.Profile}
	for _, r := range i.Routes {
		if slices.Contains(r.Via, t) && !slices.Contains(q.Patterns, r.Topic.Pattern) {
			q.Patterns = append(q.Patterns, r.Topic.Pattern)
		}
	}
	if i.Group != "" {
		return []Queue{q}
	}
	q.Node = m.Node
	out := []Queue{q}
	for replica := 1; replica < m.Replicas; replica++ {
		q.Name = fmt.Sprintf("%s.%d.%s", m.Name.Value, replica, i.Name)
		out = append(out, q)
	}
	return out
}
