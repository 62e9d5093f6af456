package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// finalWithTransitions: a final state that something could leave, or that does
// something while it is active.
func finalWithTransitions(p *pass) {
	for _, s := range p.m.States {
		if s.Kind != model.Final {
			continue
		}
		for _, t := range leaving(s) {
			p.Add(diag.FinalHasWork, t.Pos, "the final state %s has a transition, which nothing would ever take", s.Path).
				WithHint("remove it, or `type: final`")
		}
		for _, i := range s.Invokes {
			p.Add(diag.FinalHasWork, i.Pos, "the final state %s invokes something, and is left at once", s.Path)
		}
		for _, d := range s.Defer {
			p.Add(diag.FinalHasWork, d.Text.Pos, "the final state %s defers an event, which nothing would ever take", s.Path)
		}
	}
}
