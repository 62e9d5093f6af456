package check

import (
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// roleNotPlayed: a machine sends to a role, and no link says who plays it.
func roleNotPlayed(p *topologyPass) {
	for _, m := range p.t.Machines {
		for _, r := range m.Machine.Sends {
			plays := func(l *model.Link) bool {
				return l.FromMachine == m && l.Kind == spec.Sends && slices.ContainsFunc(l.Spec.Names, func(s spec.Scalar) bool { return s.Value == r.Name.Value })
			}
			if !slices.ContainsFunc(p.t.Links, plays) {
				p.Add(diag.RoleNotPlayed, m.ID.Pos, "nobody plays the role %s of %s", r.Name.Value, m.ID.Value).
					WithRelated(r.Name.Pos, "the role").WithHint("add a link: `{from: %s, sends: %s, to: <machine or group>}`", m.ID.Value, r.Name.Value)
			}
		}
	}
}
