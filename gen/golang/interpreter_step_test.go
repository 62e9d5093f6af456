package golang

import (
	"slices"

	"github.com/xsgen/xsgen/gen/model"
)

func (n *interpreter) microstep(enabledTransitions []*model.Transition) {
	n.micro++
	n.count("microsteps")
	n.countKinds(enabledTransitions)
	domains := n.domains(enabledTransitions)
	n.exitStates(enabledTransitions)
	n.executeTransitionContent(enabledTransitions)
	n.enterStates(enabledTransitions, domains)
	if !n.configuration.every(n.legal) {
		n.count(illegal)
	}
}

const illegal = "configurations that are not legal"

// legal reports whether what must be active of the children of s is (section 3.11).
func (n *interpreter) legal(s *model.State) bool {
	active := len(getChildStates(s).filter(n.configuration.isMember))
	switch {
	case isParallelState(s):
		return active == len(getChildStates(s))
	case isCompoundState(s):
		return active == 1
	}
	return true
}

// domains: xsgen: they are those by which transitions were selected. By the letter of
// appendix D one that exits nothing, as a history stands for its own source, would have
// another domain once that history has been recorded, by a transition beside it that
// exits both; and it would enter what nobody has exited.
func (n *interpreter) domains(enabledTransitions []*model.Transition) map[*model.Transition]*model.State {
	domains := map[*model.Transition]*model.State{}
	for _, t := range enabledTransitions {
		domains[t] = n.getTransitionDomain(t)
	}
	return domains
}

func (n *interpreter) countKinds(enabledTransitions []*model.Transition) {
	if len(enabledTransitions) > 1 {
		n.count("microsteps of several transitions")
	}
	for _, t := range enabledTransitions {
		switch {
		case len(t.Targets) == 0:
			n.count("transitions without a target")
		case n.getTransitionDomain(t) == t.Source && isAtomicState(t.Source):
			n.count("atomic states that target themselves")
		case n.getTransitionDomain(t) == t.Source:
			n.count("internal transitions")
		case t.Reenter:
			n.count("reentering transitions")
		}
		if len(t.Targets) > 1 {
			n.count("transitions to several targets")
		}
		switch t.Cause {
		case model.OnAlways:
			n.count("eventless transitions")
		case model.OnDelay:
			n.count("delayed transitions")
		case model.OnStateDone:
			n.count("done transitions")
		}
	}
}

// exitStates records every history before any exit action runs.
func (n *interpreter) exitStates(enabledTransitions []*model.Transition) {
	statesToExit := n.computeExitSet(enabledTransitions...)
	for _, s := range statesToExit {
		for _, h := range s.Children {
			if h.Kind != model.History {
				continue
			}
			n.historyValue[h] = n.configuration.filter(func(s0 *model.State) bool {
				if h.Deep {
					return isAtomicState(s0) && isDescendant(s0, s)
				}
				return s0.Parent == s
			})
		}
	}
	for _, s := range slices.Backward(statesToExit) {
		n.exitState(s)
		n.configuration.delete(s)
		n.moved = true
	}
}

func (n *interpreter) exitState(s *model.State) {
	n.observe("exit %s", pathOf(s))
	n.cancelDelays(s)
	n.executeContent(s.Exit)
	n.entered.delete(s)
}

// executeTransitionContent: xsgen follows section 3.13: in document order.
func (n *interpreter) executeTransitionContent(enabledTransitions []*model.Transition) {
	for _, t := range inDocumentOrder(enabledTransitions) {
		n.executeContent(t.Actions)
	}
}

// enterStates enters all states of all transitions in document order. xsgen: so run
// the initial's actions of a domain that was the target, and those of a history whose
// parent stays active.
func (n *interpreter) enterStates(enabledTransitions []*model.Transition, domains map[*model.Transition]*model.State) {
	var statesToEnter, statesForDefaultEntry states
	defaultHistoryContent := map[*model.State]*model.Transition{}
	n.computeEntrySet(enabledTransitions, domains, &statesToEnter, &statesForDefaultEntry, defaultHistoryContent)
	n.enter(statesToEnter, statesForDefaultEntry, defaultHistoryContent)
}

func (n *interpreter) enter(statesToEnter, statesForDefaultEntry states, defaultHistoryContent map[*model.State]*model.Transition) {
	for _, s := range n.m.States {
		if statesToEnter.isMember(s) {
			n.enterState(s)
		} else if !n.configuration.isMember(s) {
			continue
		}
		n.defaultContent(s, statesForDefaultEntry, defaultHistoryContent)
		if s.Kind == model.Final && statesToEnter.isMember(s) {
			n.finalEntered(s)
		}
	}
}

func (n *interpreter) enterState(s *model.State) {
	n.configuration.add(s)
	n.entered.add(s)
	n.moved = true
	n.observe("enter %s", pathOf(s))
	n.executeContent(s.Entry)
	n.beginDelays(s)
}

func (n *interpreter) defaultContent(s *model.State, statesForDefaultEntry states, defaultHistoryContent map[*model.State]*model.Transition) {
	if statesForDefaultEntry.isMember(s) {
		n.executeContent(s.Initial.Actions)
	}
	defaults := 0
	for _, h := range s.Children { // in document order
		if t := defaultHistoryContent[h]; t != nil {
			n.executeContent(t.Actions)
			defaults++
		}
	}
	if defaults > 1 {
		n.count("several history defaults of one parent")
	}
}

// finalEntered: xsgen: done at every level.
func (n *interpreter) finalEntered(s *model.State) {
	if isSCXMLElement(s.Parent) {
		n.running = false
		return
	}
	n.raiseDone(s.Parent)
	for p := s.Parent.Parent; isParallelState(p) && getChildStates(p).every(n.isInFinalState); p = p.Parent {
		if isSCXMLElement(p) {
			n.running = false
			return
		}
		n.raiseDone(p)
	}
}

// raiseDone: xsgen: nothing is raised that nothing waits for. Eventless guards would
// only be asked once more.
func (n *interpreter) raiseDone(s *model.State) {
	done := &event{name: "done.state." + s.Path}
	if slices.ContainsFunc(n.m.Transitions, done.matches) {
		n.raise(done)
	}
}

func (n *interpreter) isInFinalState(s *model.State) bool {
	switch s.Kind {
	case model.Compound:
		return getChildStates(s).some(func(c *model.State) bool { return c.Kind == model.Final && n.configuration.isMember(c) })
	case model.Parallel:
		return getChildStates(s).every(n.isInFinalState)
	}
	return false
}

// computeEntrySet: xsgen: a transition enters nothing beyond its domain. By the letter
// of appendix D a history whose parent stays active would have its ancestors, and
// their other regions, entered again.
func (n *interpreter) computeEntrySet(transitions []*model.Transition, domains map[*model.Transition]*model.State, statesToEnter, statesForDefaultEntry *states, defaultHistoryContent map[*model.State]*model.Transition) {
	for _, t := range transitions {
		if len(t.Targets) == 0 {
			continue
		}
		var toEnter, forDefaultEntry states
		for _, s := range t.Targets {
			n.addDescendantStatesToEnter(s, &toEnter, &forDefaultEntry, defaultHistoryContent)
		}
		ancestor := domains[t]
		for _, s := range n.getEffectiveTargetStates(t) {
			n.addAncestorStatesToEnter(s, ancestor, &toEnter, &forDefaultEntry, defaultHistoryContent)
		}
		if isParallelState(ancestor) { // xsgen: its regions were exited, so they are entered again
			n.addRegionsToEnter(ancestor, &toEnter, &forDefaultEntry, defaultHistoryContent)
		}
		for _, s := range toEnter {
			if isDescendant(s, ancestor) {
				statesToEnter.add(s)
			}
		}
		for _, s := range forDefaultEntry {
			if s.Within(ancestor) {
				statesForDefaultEntry.add(s)
			}
		}
	}
}

func (n *interpreter) addDescendantStatesToEnter(state *model.State, statesToEnter, statesForDefaultEntry *states, defaultHistoryContent map[*model.State]*model.Transition) {
	switch {
	case state.Kind == model.History:
		targets := n.historyValue[state]
		if targets == nil {
			n.count("history defaults")
			// xsgen: by the letter, of several histories of one parent only the last one's
			// would run.
			defaultHistoryContent[state] = historyDefault(state)
			targets = historyDefault(state).Targets
		} else {
			n.count("histories restored")
		}
		for _, s := range targets {
			n.addDescendantStatesToEnter(s, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
		}
		for _, s := range targets {
			n.addAncestorStatesToEnter(s, state.Parent, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
		}
		return
	case isCompoundState(state):
		statesToEnter.add(state)
		statesForDefaultEntry.add(state)
		for _, s := range state.Initial.Targets {
			n.addDescendantStatesToEnter(s, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
		}
		for _, s := range state.Initial.Targets {
			n.addAncestorStatesToEnter(s, state, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
		}
	case isParallelState(state):
		statesToEnter.add(state)
		n.addRegionsToEnter(state, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
	default:
		statesToEnter.add(state)
	}
}

func (n *interpreter) addAncestorStatesToEnter(state, ancestor *model.State, statesToEnter, statesForDefaultEntry *states, defaultHistoryContent map[*model.State]*model.Transition) {
	if state == ancestor {
		return
	}
	for _, anc := range getProperAncestors(state, ancestor) {
		if slices.Contains(n.configuration, anc) {
			return // xsgen: it stays active, and so do its regions: nothing is entered there
		}
		statesToEnter.add(anc)
		if isParallelState(anc) {
			n.addRegionsToEnter(anc, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
		}
	}
}

// addRegionsToEnter adds the regions of a parallel state that have nothing to enter yet.
func (n *interpreter) addRegionsToEnter(parallel *model.State, statesToEnter, statesForDefaultEntry *states, defaultHistoryContent map[*model.State]*model.Transition) {
	for _, child := range getChildStates(parallel) {
		if !statesToEnter.some(func(s *model.State) bool { return isDescendant(s, child) }) {
			n.addDescendantStatesToEnter(child, statesToEnter, statesForDefaultEntry, defaultHistoryContent)
		}
	}
}
