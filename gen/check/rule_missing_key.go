package check

import "github.com/xsgen/xsgen/gen/diag"

// missingTargetKey: an event for a keyed machine says for which instance it is.
func missingTargetKey(p *topologyPass) {
	for _, l := range p.t.Links {
		if l.ToMachine != nil && l.ToMachine.Keyed() && l.FromMachine != nil && l.FromMachine.Machine != nil && !givesKey(l) {
			p.Add(diag.MissingTargetKey, placeOf(l), "%s is keyed, and %s has no key to pass on", l.ToMachine.ID.Value, l.From.Value).
				WithRelated(l.ToMachine.Machine.ID.Pos, "its spec").WithHint("say which instance is meant: `key: <expression over the event's fields>`")
		}
	}
}
