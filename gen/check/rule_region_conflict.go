package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// regionConflict: transitions of two regions of one parallel state that take the
// same event and assign the same field.
func regionConflict(p *pass) {
	for i, later := range p.m.Transitions {
		for _, first := range p.m.Transitions[:i] {
			if first.On == nil || later.On == nil || !orthogonal(first.Source, later.Source) || !shareEvent(first, later) {
				continue
			}
			p.sameField(first, later)
		}
	}
}

// orthogonal reports whether a and b are in different regions of a parallel state.
func orthogonal(a, b *model.State) bool {
	if a.Within(b) || b.Within(a) {
		return false
	}
	for s := a.Parent; s != nil; s = s.Parent {
		if b.Within(s) {
			return s.Kind == model.Parallel
		}
	}
	return false
}

func shareEvent(a, b *model.Transition) bool {
	for _, e := range a.On.Events {
		for _, f := range b.On.Events {
			if e == f {
				return true
			}
		}
	}
	return false
}

func (p *pass) sameField(first, later *model.Transition) {
	assigned := map[string]*spec.Entry{}
	for _, e := range assignments(first) {
		assigned[e.Key.Value] = e
	}
	for _, e := range assignments(later) {
		if f := assigned[e.Key.Value]; f != nil {
			p.Add(diag.RegionConflict, e.Key.Pos, "two regions assign %s on one event; this one, the later in document order, wins", e.Key.Value).
				WithRelated(f.Key.Pos, "the other one is here")
		}
	}
}

func assignments(t *model.Transition) []*spec.Entry {
	var out []*spec.Entry
	for _, a := range t.Actions {
		if a.Kind == spec.ActionAssign && a.With != nil {
			out = append(out, a.With.Entries...)
		}
	}
	return out
}
