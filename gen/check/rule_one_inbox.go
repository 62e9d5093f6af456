package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// oneInbox: what several links bring on one topic has one queue, whoever has sent it: it
// is delivered by one profile, and within the sender's step or not.
func oneInbox(p *topologyPass) {
	type place struct {
		group *model.Group
		event *model.Event
	}
	profiled, inline := map[place]*model.Link{}, map[place]*model.Link{}
	for _, l := range p.t.Links {
		if l.ToMachine == nil || !l.ByTopic() {
			continue
		}
		for _, r := range l.Routes {
			at := place{l.ToGroup, r.Target}
			if before := inline[at]; before != nil && before.Inline != l.Inline {
				p.Add(diag.BadLink, placeOf(l), "another link brings %s to %s, and only one of the two is inline", r.Target.Name.Value, l.To.Value).
					WithRelated(placeOf(before), "the other link").WithHint("an event is handled in one way, whoever sends it")
				break
			}
			inline[at] = l
			if !l.ProfileName.IsSet() {
				continue
			}
			if before := profiled[at]; before != nil && before.Profile != l.Profile {
				p.Add(diag.BadLink, l.ProfileName.Pos, "another link brings %s to %s by the profile %s", r.Target.Name.Value, l.To.Value, before.ProfileName.Value).
					WithRelated(before.ProfileName.Pos, "the other profile").WithHint("events of one kind wait in one queue, whoever sends them")
				break
			}
			profiled[at] = l
		}
	}
}
