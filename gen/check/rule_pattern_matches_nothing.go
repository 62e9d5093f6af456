package check

import (
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

// patternMatchesNothing: an event descriptor with a wildcard that stands for no
// declared event.
func patternMatchesNothing(p *pass) {
	for _, t := range p.m.Transitions {
		if t.On != nil && len(t.On.Events) == 0 && strings.HasSuffix(t.On.Text.Value, "*") {
			p.matchesNothing(t.On.Text)
		}
	}
	for _, s := range p.m.States {
		for _, d := range s.Defer {
			if len(d.Events) == 0 && strings.HasSuffix(d.Text.Value, "*") {
				p.matchesNothing(d.Text)
			}
		}
	}
}

func (p *pass) matchesNothing(text spec.Scalar) {
	p.Add(diag.UnknownFamily, text.Pos, "%q matches no declared event", text.Value)
}
