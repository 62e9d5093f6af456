package check

import (
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// eventNotHeard: events that a machine emits, and that neither a link takes nor a
// subscription hears. What is sent to a parent is the parent's.
func eventNotHeard(p *topologyPass) {
	taken := map[*model.Event]bool{}
	for _, l := range p.t.Links {
		for _, r := range l.Routes {
			taken[r.Source] = true
		}
	}
	for _, m := range p.t.Machines {
		var lost []*model.Event
		for _, e := range m.Machine.Emits {
			if !taken[e] && !slices.Contains(m.Machine.ToParent, e) && !p.heard(m.Topic(model.TopicEmit, e.Name.Value)) {
				lost = append(lost, e)
			}
		}
		if len(lost) > 0 {
			p.Add(diag.EventNotHeard, m.ID.Pos, "nobody hears what %s emits: %s", m.ID.Value, listed(lost)).WithRelated(lost[0].Name.Pos, "declared here").
				WithHint("add a link: `{from: %s, emits: %s, to: <machine or group>}`, or a subscription", m.ID.Value, lost[0].Name.Value)
		}
	}
}
