package check

import (
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
)

// missingListen: nodes on two hosts that a transport without a server joins reach each
// other at an address.
func missingListen(p *topologyPass) {
	told := map[*model.Node]bool{}
	tell := func(n *model.Node, t *model.Transport, at source.Pos) {
		if !told[n] {
			told[n] = true
			p.listens(n, t, at)
		}
	}
	look := func(pairs []*model.Pair, at source.Pos) {
		for _, x := range pairs {
			if x.Location != model.Remote || x.Transport == nil || !x.Transport.Kind.Listens {
				continue
			}
			tell(x.From, x.Transport, at)
			tell(x.To, x.Transport, at)
		}
	}
	for _, l := range p.t.Links {
		look(l.Pairs, l.Pos)
	}
	for _, x := range p.t.Broadcasts {
		look(x.Pairs, x.Event.Name.Pos)
	}
	for _, s := range p.t.Subscriptions {
		look(s.Pairs, s.Name.Pos)
	}
	for _, m := range p.t.Machines {
		for _, n := range p.overTheNetwork(m) {
			tell(n, m.Spread.Transport, m.ID.Pos)
		}
	}
}

// overTheNetwork are the nodes that share a keyed machine with one of another host by a
// transport without a server, or pass a broadcast to it.
func (p *topologyPass) overTheNetwork(m *model.Participant) []*model.Node {
	if m.Spread == nil || m.Spread.Location != model.Remote || m.Spread.Transport == nil || !m.Spread.Transport.Kind.Listens {
		return nil
	}
	all := m.Nodes
	if slices.ContainsFunc(p.t.Broadcasts, func(x *model.Broadcast) bool { return slices.Contains(x.Hearers, m) }) {
		all = p.t.Nodes
	}
	return slices.DeleteFunc(slices.Clone(all), func(n *model.Node) bool {
		joined := m.Nodes
		if slices.Contains(m.Nodes, n) {
			joined = all
		}
		return !slices.ContainsFunc(joined, func(o *model.Node) bool { return o.Host != n.Host })
	})
}

func (p *topologyPass) listens(n *model.Node, t *model.Transport, at source.Pos) {
	name := n.Name.Value
	switch {
	case n.Listen == nil:
		p.Add(diag.MissingListen, n.Name.Pos, "%s joins %s to another host, and the node does not say where it listens", t.Kind.Name, name).
			WithRelated(at, "for this").WithHint("add `listen: tcp://<host>:<port>`")
	case n.Replicas > 1:
		p.Add(diag.MissingListen, n.Name.Pos, "the %d processes of %s cannot all listen at one address", n.Replicas, name).
			WithRelated(at, "%s joins them to another host for this", t.Kind.Name).WithHint("declare a node for each, or use a transport with a server between the hosts")
	case n.Host != nil && n.Host.Address == nil && everywhere(n.Listen):
		p.Add(diag.MissingListen, n.Name.Pos, "%s listens at every address, and its host says none at which others reach it", name).
			WithRelated(n.Host.Name.Pos, "the host").WithHint("give the host an `address:`")
	}
}

// everywhere reports whether an address names no host in particular.
func everywhere(s *model.Setting) bool {
	text, fixed := s.Fixed()
	host := strings.TrimPrefix(text, "tcp://")
	return fixed && (strings.HasPrefix(host, "*:") || strings.HasPrefix(host, "0.0.0.0:") || strings.HasPrefix(host, "[::]:"))
}
