package check

import "github.com/xsgen/xsgen/gen/diag"

// severalProcesses: a plain link to a machine without keys has one receiver, and
// there are several.
func severalProcesses(p *topologyPass) {
	for _, l := range p.t.Links {
		to := l.ToMachine
		if to == nil || l.ToGroup != nil || to.Machine == nil || to.Keyed() || to.Processes() < 2 {
			continue
		}
		d := p.Add(diag.SeveralProcesses, placeOf(l), "%s runs in %d processes, and nothing says which of them is meant", to.ID.Value, to.Processes())
		for i, n := range to.Nodes {
			if i < 3 {
				d.WithRelated(n.Name.Pos, "it runs here")
			}
		}
		d.WithHint("declare a group of it and link to that, or broadcast to all of them")
	}
}
