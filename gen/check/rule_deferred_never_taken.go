package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// deferredNeverTaken: a deferred event that no transition takes anywhere.
func deferredNeverTaken(p *pass) {
	taken := map[*model.Event]bool{}
	for _, t := range p.m.Transitions {
		if t.On != nil {
			for _, e := range t.On.Events {
				taken[e] = true
			}
		}
	}
	for _, s := range p.m.States {
		for _, d := range s.Defer {
			for _, e := range d.Events {
				if !taken[e] {
					p.Add(diag.DeferredLost, d.Text.Pos, "the deferred event %s is taken in no state: it would be kept for ever", e.Name.Value)
				}
			}
		}
	}
}
