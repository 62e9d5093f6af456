package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// reenterWithoutEffect: `reenter` on a transition that exits nothing, and on one of
// the machine itself, which nothing exits. Elsewhere it says what happens, also where
// the targets lie outside the source and it would happen anyway.
func reenterWithoutEffect(p *pass) {
	for _, t := range p.m.Transitions {
		switch {
		case !t.Reenter || t.Lost:
		case len(t.Targets) == 0:
			p.reentersNothing(t, "a transition without a target exits and enters nothing")
		case t.Source == p.m.Root:
			p.reentersNothing(t, "the machine itself is entered once, when it starts")
		}
	}
}

func (p *pass) reentersNothing(t *model.Transition, why string) {
	d := p.Add(diag.ReenterNothing, t.Pos, "%s, so `reenter` does nothing", why)
	if t.Source == p.m.Root {
		d.WithHint("remove `reenter`")
		return
	}
	d.WithHint("remove it, or add `target: %s`, with which the state is exited and entered", t.Source.Name.Value)
}
