package model

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

// orthogonalInitial checks the initial of s, or its default if it is a history.
// Those of all states have been resolved.
func (b *builder) orthogonalInitial(s *State) {
	in := s.Spec.Initial
	if s.Kind == History {
		in = s.Spec.Target
	}
	if s.Initial != nil {
		b.orthogonal(s.Initial, in.Targets)
	}
}

// orthogonal reports targets that cannot be active together.
func (b *builder) orthogonal(t *Transition, texts []spec.Scalar) {
	for i, x := range t.Targets {
		for _, y := range t.Targets[:i] {
			if together(x, y) {
				continue
			}
			d := b.diags.Add(diag.BadTargets, texts[min(i, len(texts)-1)].Pos, "the targets `%s` and `%s` cannot be active together", y.Path, x.Path)
			if a := CommonAncestor(x, y); a.Kind == Parallel && (x.isHistoryOf(a) || y.isHistoryOf(a)) {
				d.WithHint("the history of a parallel state stands for a state in each of its regions")
			} else {
				d.WithHint("several targets must lie in different regions of one parallel state")
			}
			return
		}
	}
}

// together reports whether two targets can be active together, whatever has been
// recorded. What a history of a parallel state stands for lies in all of the regions:
// beside it there is only room for another one that records the same, and if their
// defaults go together.
func together(x, y *State) bool {
	switch a := CommonAncestor(x, y); {
	case a == x || a == y || a.Kind != Parallel:
		return false
	case x.isHistoryOf(a) && y.isHistoryOf(a):
		return x.Deep == y.Deep && defaultsTogether(x, y)
	default:
		return !x.isHistoryOf(a) && !y.isHistoryOf(a)
	}
}

func (s *State) isHistoryOf(parent *State) bool { return s.Kind == History && s.Parent == parent }

func defaultsTogether(h, other *State) bool {
	for _, x := range h.byDefault() {
		for _, y := range other.byDefault() {
			if x != y && !together(x, y) {
				return false
			}
		}
	}
	return true
}

// byDefault are the states that the history s stands for while nothing is recorded;
// that of a parallel state stands for all regions.
func (s *State) byDefault() []*State {
	if s.Initial != nil {
		return s.Initial.Targets
	}
	var regions []*State
	for _, c := range s.Parent.Children {
		if c.Kind != History {
			regions = append(regions, c)
		}
	}
	return regions
}

// CommonAncestor is the innermost state that holds both, or is one of them.
func CommonAncestor(s, t *State) *State {
	for !t.Within(s) {
		s = s.Parent
	}
	return s
}
