package golang

import (
	"slices"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// inDocumentOrder sorts transitions by where they are written.
func inDocumentOrder(list []*model.Transition) []*model.Transition {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b *model.Transition) int { return a.Pos.Compare(b.Pos) })
	return out
}

// transitionsOf are all transitions of a state in document order.
func (n *interpreter) transitionsOf(s *model.State) []*model.Transition {
	if known, ok := n.transitions[s]; ok {
		return known
	}
	all := slices.Concat(s.On, s.Always, s.OnDone)
	for _, d := range s.After {
		all = append(all, d.Transitions...)
	}
	n.transitions[s] = inDocumentOrder(all)
	return n.transitions[s]
}

// matches reports whether t waits for e. The machine's own onDone is no transition
// like others: it runs when the machine finishes.
func (e *event) matches(t *model.Transition) bool {
	switch t.Cause {
	case model.OnEvent:
		return matchesDescriptor(t.On, e)
	case model.OnDelay:
		return e.delay == t.Delay
	case model.OnStateDone:
		return !isSCXMLElement(t.Source) && e.name == "done.state."+t.Source.Path
	}
	return false
}

func matchesDescriptor(d *model.Descriptor, e *event) bool {
	return e.delay == nil && slices.ContainsFunc(d.Events, func(x *model.Event) bool { return x.Name.Value == e.name })
}

func (n *interpreter) selectEventlessTransitions() []*model.Transition {
	var enabledTransitions []*model.Transition
	guards := map[*model.Transition]bool{}
	for _, state := range n.configuration.filter(isAtomicState) {
	loop:
		for _, s := range append([]*model.State{state}, getProperAncestors(state, nil)...) {
			for _, t := range n.transitionsOf(s) {
				if t.Cause == model.OnAlways && n.conditionMatch(t, guards) {
					enabledTransitions = addTransition(enabledTransitions, t)
					break loop
				}
			}
		}
	}
	return n.removeConflictingTransitions(enabledTransitions)
}

// selectTransitions also says whether a state defers e. xsgen: deferring ends the way
// up from a leaf, and keeps the state's ancestors from taking the event.
func (n *interpreter) selectTransitions(e *event) (enabled []*model.Transition, deferred bool) {
	var enabledTransitions []*model.Transition
	var deferring states
	guards := map[*model.Transition]bool{}
	for _, state := range n.configuration.filter(isAtomicState) {
	loop:
		for _, s := range append([]*model.State{state}, getProperAncestors(state, nil)...) {
			for _, t := range n.transitionsOf(s) {
				if e.matches(t) && n.conditionMatch(t, guards) {
					enabledTransitions = addTransition(enabledTransitions, t)
					break loop
				}
			}
			if e.external && slices.ContainsFunc(s.Defer, func(d *model.Descriptor) bool { return matchesDescriptor(d, e) }) {
				deferring.add(s)
				break loop
			}
		}
	}
	eligible := slices.DeleteFunc(enabledTransitions, func(t *model.Transition) bool {
		return deferring.some(func(d *model.State) bool { return isDescendant(d, t.Source) })
	})
	return n.removeConflictingTransitions(eligible), len(deferring) > 0
}

func addTransition(list []*model.Transition, t *model.Transition) []*model.Transition {
	if slices.Contains(list, t) {
		return list
	}
	return append(list, t)
}

func (n *interpreter) removeConflictingTransitions(enabledTransitions []*model.Transition) []*model.Transition {
	var filteredTransitions []*model.Transition
	for _, t1 := range enabledTransitions {
		t1Preempted := false
		var transitionsToRemove []*model.Transition
		for _, t2 := range filteredTransitions {
			if !n.computeExitSet(t1).hasIntersection(n.computeExitSet(t2)) {
				continue
			}
			n.count("conflicts")
			if isDescendant(t1.Source, t2.Source) {
				n.count("conflicts won by a descendant")
				transitionsToRemove = append(transitionsToRemove, t2)
			} else {
				t1Preempted = true
				break
			}
		}
		if !t1Preempted {
			filteredTransitions = slices.DeleteFunc(filteredTransitions, func(t *model.Transition) bool {
				return slices.Contains(transitionsToRemove, t)
			})
			filteredTransitions = append(filteredTransitions, t1)
		}
	}
	return filteredTransitions
}

func (n *interpreter) computeExitSet(transitions ...*model.Transition) states {
	var statesToExit states
	for _, t := range transitions {
		if len(t.Targets) == 0 {
			continue
		}
		domain := n.getTransitionDomain(t)
		for _, s := range n.configuration {
			if isDescendant(s, domain) {
				statesToExit.add(s)
			}
		}
	}
	return statesToExit
}

// getTransitionDomain: xsgen: without reenter, a source of any type that all targets
// are within is the domain. An atomic one that targets itself exits and enters nothing.
func (n *interpreter) getTransitionDomain(t *model.Transition) *model.State {
	tstates := n.getEffectiveTargetStates(t)
	within := tstates.every(func(s *model.State) bool { return s.Within(t.Source) })
	if !t.Reenter && within {
		return t.Source
	}
	return n.findLCCA(append(states{t.Source}, tstates...))
}

// findLCCA: the machine itself counts as compound, whatever its type.
func (n *interpreter) findLCCA(stateList states) *model.State {
	for _, anc := range getProperAncestors(stateList[0], nil) {
		if !isCompoundState(anc) && !isSCXMLElement(anc) {
			continue
		}
		if stateList[1:].every(func(s *model.State) bool { return isDescendant(s, anc) }) {
			return anc
		}
	}
	return n.m.Root
}

func (n *interpreter) getEffectiveTargetStates(t *model.Transition) states {
	var targets states
	for _, s := range t.Targets {
		switch {
		case s.Kind != model.History:
			targets.add(s)
		case n.historyValue[s] != nil:
			for _, x := range n.historyValue[s] {
				targets.add(x)
			}
		default:
			for _, x := range n.getEffectiveTargetStates(historyDefault(s)) {
				targets.add(x)
			}
		}
	}
	return targets
}

// historyDefault: xsgen: a parallel state's history needs none; it is all regions.
func historyDefault(s *model.State) *model.Transition {
	if s.Initial != nil {
		return s.Initial
	}
	return &model.Transition{Source: s, Targets: getChildStates(s.Parent)}
}

// conditionMatch evaluates t's guard, at most once in one selection. A guard that
// fails is false and raises error.execution.
func (n *interpreter) conditionMatch(t *model.Transition, known map[*model.Transition]bool) bool {
	if t.Guard == nil {
		return true
	}
	result, ok := known[t]
	if !ok {
		result = n.failing(func() bool { return n.cond(t.Guard) })
		known[t] = result
	}
	return result
}

func (n *interpreter) cond(g *model.Guard) bool {
	switch g.Kind {
	case spec.GuardName:
		return n.callGuard(g.Method.Name.Value)
	case spec.GuardExpr:
		return n.evaluate(g.Expr.Value).(bool)
	case spec.GuardIn:
		return n.configuration.isMember(g.State)
	case spec.GuardNot:
		return !n.cond(g.Args[0])
	case spec.GuardAnd:
		return !slices.ContainsFunc(g.Args, func(a *model.Guard) bool { return !n.cond(a) })
	default:
		return slices.ContainsFunc(g.Args, n.cond)
	}
}
