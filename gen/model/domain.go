package model

import "slices"

// Domain is the innermost state that stays active when t is taken, nil where
// nothing is exited or entered. It is SCXML's, except that a transition to its own
// source or below leaves the source active unless it says reenter. What a history
// stands for is known at run time only; its parent stands for it here.
func (t *Transition) Domain() *State {
	if len(t.Targets) == 0 {
		return nil
	}
	inside := func(s *State) bool {
		return !slices.ContainsFunc(t.Targets, func(target *State) bool { return !target.Within(s) })
	}
	if !t.Reenter && inside(t.Source) {
		if t.Source.Kind == Atomic {
			return nil
		}
		return t.Source
	}
	for s := t.Source.Parent; s != nil; s = s.Parent {
		if s.Parent == nil || s.Kind == Compound && inside(s) && !slices.Contains(t.Targets, s) {
			return s
		}
	}
	return t.Source // the machine itself is never left
}

// Defaults are the states that s, a compound state or a history, stands for if
// there is no history: of a parallel state without more ado all regions.
func (s *State) Defaults() []*State {
	if s.Initial != nil {
		return s.Initial.Targets
	}
	var out []*State
	if s.Kind == History && s.Parent.Kind == Parallel {
		for _, child := range s.Parent.Children {
			if child.Kind != History {
				out = append(out, child)
			}
		}
	}
	return out
}
