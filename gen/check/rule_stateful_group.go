package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// statefulGroup: several processes of a machine with states or a context, of which
// each event reaches any, and no key that says which events belong together.
func statefulGroup(p *topologyPass) {
	for _, g := range p.t.Groups {
		if g.Machine == nil || g.Machine.Machine == nil || g.Machine.Processes() < 2 || !stateful(g.Machine.Machine) {
			continue
		}
		for _, l := range g.Links {
			if !belongs(g, l) {
				p.Add(diag.StatefulGroup, placeOf(l), "each of the %d processes of %s has a state of its own, and events reach any of them", g.Machine.Processes(), g.Machine.ID.Value).
					WithRelated(g.Name.Pos, "the group").WithHint("give the group `policy: sticky`, and its links from machines a `key:`")
			}
		}
	}
}

// belongs reports whether something says to what a link's events belong: a key that chooses
// the member or the instance, or that the source has itself. One that the link gives
// chooses nobody where neither the group is sticky nor its machine keyed.
func belongs(g *model.Group, l *model.Link) bool {
	return g.Policy == model.Sticky || l.FromMachine != nil && l.FromMachine.Keyed() || g.Machine.Keyed() && givesKey(l)
}

// stateful reports whether a machine remembers anything.
func stateful(m *model.Machine) bool {
	leaves := 0
	for _, s := range m.States {
		if s.Leaf() {
			leaves++
		}
	}
	return leaves > 1 || len(m.Context) > 0
}

// givesKey reports whether what a link brings has a key: one of its own, or the
// source's, or one that the node's code must give.
func givesKey(l *model.Link) bool {
	switch {
	case l.Spec.Key != nil:
		return true
	case l.FromMachine != nil:
		return l.FromMachine.Keyed()
	}
	return l.ToMachine != nil && l.ToMachine.Keyed()
}
