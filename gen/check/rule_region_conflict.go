package check

import (
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// regionConflict: transitions of two regions of one parallel state that take the
// same event and assign the same field.
func regionConflict(p *pass) {
	parallel := slices.ContainsFunc(p.m.States, func(s *model.State) bool { return s.Kind == model.Parallel })
	assigning := map[*model.Event][]*model.Transition{} // so far
	for _, t := range p.m.Transitions {
		if !parallel || t.On == nil || len(assignments(t)) == 0 {
			continue
		}
		compared := map[*model.Transition]bool{}
		for _, e := range t.On.Events {
			for _, first := range assigning[e] {
				if !compared[first] && orthogonal(first.Source, t.Source) {
					p.sameField(first, t)
				}
				compared[first] = true
			}
			assigning[e] = append(assigning[e], t)
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
