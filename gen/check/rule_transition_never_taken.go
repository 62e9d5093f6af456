package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// transitionNeverTaken: within one state, a transition that stands after an
// unguarded one on all of its events; or a timed transition of a state that an
// unguarded eventless one leaves at once.
func transitionNeverTaken(p *pass) {
	for _, s := range p.m.States {
		p.shadowed(s.Always, func(a, b *model.Transition) bool { return true })
		p.shadowed(s.OnDone, func(a, b *model.Transition) bool { return true })
		p.shadowed(s.On, covers)
		for _, d := range s.After {
			p.shadowed(d.Transitions, func(a, b *model.Transition) bool { return true })
		}
		for _, i := range s.Invokes {
			p.shadowed(i.OnDone, func(a, b *model.Transition) bool { return true })
			p.shadowed(i.OnError, func(a, b *model.Transition) bool { return true })
		}
	}
}

// shadowed reports every transition of list that stands after an unguarded one
// which covers it.
func (p *pass) shadowed(list []*model.Transition, covers func(first, later *model.Transition) bool) {
	for i, later := range list {
		for _, first := range list[:i] {
			if first.Guard == nil && covers(first, later) {
				p.Add(diag.NeverTaken, later.Pos, "the transition is never taken: an earlier one has no guard").
					WithRelated(first.Pos, "this one is always taken").WithHint("give the earlier one a guard, or put it last")
				break
			}
		}
	}
}

// covers reports whether first matches every event that later does.
func covers(first, later *model.Transition) bool {
	if len(later.On.Events) == 0 {
		return false
	}
	matched := map[*model.Event]bool{}
	for _, e := range first.On.Events {
		matched[e] = true
	}
	for _, e := range later.On.Events {
		if !matched[e] {
			return false
		}
	}
	return true
}
