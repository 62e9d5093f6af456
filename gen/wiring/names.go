package wiring

import (
	"slices"
	"strconv"
	"strings"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// Name is a name that a transport keeps outside of the processes: of a queue, as
// docs/wire.md lists them, without the transport's prefix. A queue has others beside it,
// of which this is the longest.
type Name struct {
	Text string
	Of   spec.Scalar // the node, the subscription, the group or the machine that it is for
}

// Names are those of all queues from which the nodes of a topology without errors take by
// a transport.
func Names(t *model.Topology, via *model.Transport) []Name {
	w := &wirer{t: t}
	var out []Name
	for _, n := range t.Nodes {
		for _, m := range w.machines(n) {
			for _, i := range m.Inboxes {
				if takes(i.Routes, via) {
					out = append(out, w.inboxName(n, m, i))
				}
			}
		}
		for _, s := range n.Subscriptions {
			if slices.Contains(w.vias(s.Pairs, func(p *model.Pair) bool { return p.To == n }), via) {
				out = append(out, subscriptionName(n, s))
			}
		}
	}
	return out
}

func takes(routes []*Route, via *model.Transport) bool {
	return slices.ContainsFunc(routes, func(r *Route) bool { return slices.Contains(r.Via, via) })
}

func (w *wirer) inboxName(n *model.Node, m *Machine, i *Inbox) Name {
	if i.Group == "" {
		return Name{process(n) + i.Name + longest(i.Profile, 1), n.Name}
	}
	members := m.Processes()
	if i.Policy == model.Sticky {
		members = 1 // one alone tries an event
	}
	of := m.ID
	for _, g := range w.t.Groups {
		if name := g.Name.Value; i.Group == name || strings.HasPrefix(i.Group, name+".") {
			of = g.Name
		}
	}
	return Name{".group." + i.Group + longest(i.Profile, members), of}
}

func subscriptionName(n *model.Node, s *model.Subscription) Name {
	if s.Shared {
		return Name{".group." + n.Name.Value + "." + s.Name.Value + longest(s.Profile, n.Replicas), s.Name}
	}
	return Name{process(n) + s.Name.Value + longest(s.Profile, 1), s.Name}
}

// process is what the names of a node's queues begin with, in the process that has the
// longest.
func process(n *model.Node) string {
	if n.Replicas > 1 {
		return "." + n.Name.Value + "/" + strconv.Itoa(n.Replicas-1) + "."
	}
	return "." + n.Name.Value + "."
}

// longest is the longest of what the names of the queues beside one end with: of what
// waits until it is tried again, by one of some members, or of what was dropped. Those of
// partitions end with a number, and are shorter.
func longest(p *model.Profile, members int) string {
	again := max(p.Retry.Attempts, members) - 1
	if again > 0 && p.Retry.Initial > 0 && p.Order != model.OrderKey {
		return ".retry." + strconv.Itoa(again)
	}
	return ".dead"
}
