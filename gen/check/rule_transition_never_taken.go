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
		p.afterUnguarded(s.Always)
		p.afterUnguarded(s.OnDone)
		p.shadowed(s.On)
		for _, d := range s.After {
			p.afterUnguarded(d.Transitions)
		}
		for _, i := range s.Invokes {
			p.afterUnguarded(i.OnDone)
			p.afterUnguarded(i.OnError)
		}
	}
}

// afterUnguarded reports what stands after the first transition without a guard.
func (p *pass) afterUnguarded(list []*model.Transition) {
	var first *model.Transition
	for _, t := range list {
		if first != nil {
			p.neverTaken(t, first)
		} else if t.Guard == nil {
			first = t
		}
	}
}

// shadowed reports every transition all of whose events an earlier one without a
// guard takes. Most have one event, whose first taker is known.
func (p *pass) shadowed(list []*model.Transition) {
	first := map[*model.Event]*model.Transition{}
	var wide []*model.Transition // without a guard, and with several events
	for _, t := range list {
		switch events := t.On.Events; len(events) {
		case 0:
		case 1:
			if by := first[events[0]]; by != nil {
				p.neverTaken(t, by)
			}
		default:
			for _, by := range wide {
				if covers(by, t) {
					p.neverTaken(t, by)
					break
				}
			}
		}
		if t.Guard != nil {
			continue
		}
		if len(t.On.Events) > 1 {
			wide = append(wide, t)
		}
		for _, e := range t.On.Events {
			if first[e] == nil {
				first[e] = t
			}
		}
	}
}

func (p *pass) neverTaken(t, by *model.Transition) {
	p.Add(diag.NeverTaken, t.Pos, "the transition is never taken: an earlier one has no guard").
		WithRelated(by.Pos, "this one is always taken").WithHint("give the earlier one a guard, or put it last")
}

// covers reports whether first matches every event that later does.
func covers(first, later *model.Transition) bool {
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
