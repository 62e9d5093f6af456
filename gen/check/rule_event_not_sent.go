package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// eventNotSent: events that a machine accepts, and that neither a link nor a
// broadcast brings, nor the machine itself sends.
func eventNotSent(p *topologyPass) {
	brought := map[*model.Event]bool{}
	for _, l := range p.t.Links {
		for _, r := range l.Routes {
			brought[r.Target] = true
		}
	}
	told := map[string]bool{}
	for _, x := range p.t.Broadcasts {
		told[x.Event.Name.Value] = true
	}
	for _, m := range p.t.Machines {
		(&pass{m: m.Machine}).eachAction(func(a *model.Action) {
			if a.Self {
				brought[a.Event] = true
			}
		})
		var lost []*model.Event
		for _, e := range m.Machine.Events {
			if !brought[e] && !told[e.Name.Value] {
				lost = append(lost, e)
			}
		}
		if len(lost) > 0 {
			p.Add(diag.EventNotSent, m.ID.Pos, "no link brings what %s accepts: %s", m.ID.Value, listed(lost)).WithRelated(lost[0].Name.Pos, "declared here").
				WithHint("if a node's code sends it, say so: `{from: <node>, sends: %s, to: %s}`", lost[0].Name.Value, m.ID.Value)
		}
	}
}
