package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// statefulGroup: several processes of a machine with states or a context, of which
// each event reaches any, and no key that would say which events belong together.
func statefulGroup(p *topologyPass) {
	for _, g := range p.t.Groups {
		if g.Machine == nil || g.Machine.Machine == nil || g.Machine.Processes() < 2 || !stateful(g.Machine.Machine) {
			continue
		}
		for _, l := range g.Links {
			if !givesKey(l) && g.Policy != model.Sticky {
				p.Add(diag.StatefulGroup, placeOf(l), "each of the %d processes of %s has a state of its own, and events reach any of them", g.Machine.Processes(), g.Machine.ID.Value).
					WithRelated(g.Name.Pos, "the group").WithHint("give the link a `key:`, or the group `policy: sticky` and its links a key")
			}
		}
	}
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
