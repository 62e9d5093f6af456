package golang

import (
	"go/ast"
	"slices"

	"github.com/xsgen/xsgen/gen/model"
)

// interpreter runs a machine by appendix D of SCXML, as it is written there and with
// its names; what xsgen does otherwise is marked by "xsgen:". It is slow and meant to
// be read: the runtime, which has tables, must do the same.
type interpreter struct {
	m             *model.Machine
	transitions   map[*model.State][]*model.Transition
	expressions   map[string]ast.Expr
	configuration states
	historyValue  map[*model.State]states
	internalQueue []*event
	externalQueue []func() error // xsgen: each is one macrostep
	kept          []*event       // deferred events, oldest first
	running       bool
	finished      bool

	context  map[string]any
	event    *event // that is being processed
	errs     []string
	taken    bool   // a transition has taken the external event
	deferred bool   // or it is deferred
	moved    bool   // states were exited or entered in this macrostep
	entered  states // in this macrostep
	micro    int
	reply    map[string]any
	outbox   []string
	counters map[string]int
	world
}

// event is an event of any kind.
type event struct {
	name     string
	external bool
	delay    *model.Delay // of a delay that has passed
	data     map[string]any
	failure  string // of error.execution and error.communication: the error's text
	settle   func(err error)
}

// states is a set of states in document order.
type states []*model.State

func (s states) isMember(x *model.State) bool { return slices.Contains(s, x) }

func (s *states) add(x *model.State) {
	if !s.isMember(x) {
		*s = append(*s, x)
		slices.SortFunc(*s, func(a, b *model.State) int { return a.Index - b.Index })
	}
}

func (s *states) delete(x *model.State) {
	*s = slices.DeleteFunc(slices.Clone(*s), func(y *model.State) bool { return y == x })
}

func (s states) some(f func(*model.State) bool) bool { return slices.ContainsFunc(s, f) }

func (s states) every(f func(*model.State) bool) bool {
	return !s.some(func(x *model.State) bool { return !f(x) })
}

func (s states) filter(f func(*model.State) bool) states {
	return slices.DeleteFunc(slices.Clone(s), func(x *model.State) bool { return !f(x) })
}

func (s states) hasIntersection(t states) bool { return s.some(t.isMember) }

// isDescendant: a state is no descendant of itself.
func isDescendant(s, of *model.State) bool { return s != of && s.Within(of) }

func isCompoundState(s *model.State) bool { return s.Kind == model.Compound }

func isParallelState(s *model.State) bool { return s != nil && s.Kind == model.Parallel }

func isAtomicState(s *model.State) bool { return s.Kind == model.Atomic || s.Kind == model.Final }

func isSCXMLElement(s *model.State) bool { return s.Parent == nil }

// getChildStates leaves out history states, which are never active.
func getChildStates(s *model.State) states {
	return states(s.Children).filter(func(c *model.State) bool { return c.Kind != model.History })
}

// getProperAncestors are those below upTo, innermost first; all if upTo is nil.
func getProperAncestors(s, upTo *model.State) []*model.State {
	var out []*model.State
	for a := s.Parent; a != nil && a != upTo; a = a.Parent {
		out = append(out, a)
	}
	return out
}

// interpret begins: the machine itself is a state that is entered.
func (n *interpreter) interpret() error {
	n.running = true
	n.beginMacrostep()
	n.event = &event{}
	n.micro = 1
	var toEnter, forDefaultEntry states
	defaultHistoryContent := map[*model.State]*model.Transition{}
	n.addDescendantStatesToEnter(n.m.Root, &toEnter, &forDefaultEntry, defaultHistoryContent)
	n.enter(toEnter, forDefaultEntry, defaultHistoryContent)
	n.macrostep()
	return n.endMacrostep()
}

func (n *interpreter) beginMacrostep() {
	n.moved, n.entered, n.micro, n.reply = false, nil, 0, nil
}

// macrostep goes on until there is nothing left to do. xsgen: eventless transitions
// are not asked again after a failure that nothing took, which may have been theirs.
func (n *interpreter) macrostep() {
	ask := true
	for n.running {
		var enabledTransitions []*model.Transition
		if ask {
			n.event = &event{}
			enabledTransitions = n.selectEventlessTransitions()
		}
		if len(enabledTransitions) == 0 {
			if len(n.internalQueue) == 0 {
				break
			}
			n.event = n.internalQueue[0]
			n.internalQueue = n.internalQueue[1:]
			enabledTransitions, _ = n.selectTransitions(n.event)
		}
		ask = true
		if len(enabledTransitions) == 0 {
			ask = n.event.name != "error.execution"
			n.untaken(n.event)
		} else if n.microstep(enabledTransitions); n.tooLong() {
			break
		}
	}
	if !n.running && !n.finished {
		n.exitInterpreter()
	}
	n.internalQueue = nil
}

// tooLong: xsgen: a chain is cut.
func (n *interpreter) tooLong() bool {
	if n.micro < 1000 {
		return false
	}
	n.count("chains cut")
	n.errs = append(n.errs, "machine "+n.self()+": cut after 1000 microsteps without rest: ?")
	n.publish("error." + n.m.ID.Value + ".loop")
	n.internalQueue = nil
	return true
}

// untaken deals with an internal event that nothing takes: xsgen: an error is
// returned to the sender.
func (n *interpreter) untaken(e *event) {
	if e.failure != "" {
		n.errs = append(n.errs, e.failure)
	}
	if e.name == "error.execution" {
		n.publish("error." + n.m.ID.Value + ".action")
	}
}

// exitInterpreter: xsgen: what waits is dropped, the machine's own onDone runs, and
// everything is exited. The leaves are still told as the active ones.
func (n *interpreter) exitInterpreter() {
	n.count("machines finished")
	waiting := n.internalQueue
	n.internalQueue = nil
	n.event = &event{name: "done.state."}
	for _, t := range inDocumentOrder(n.m.Root.OnDone) {
		if n.conditionMatch(t, map[*model.Transition]bool{}) {
			n.executeContent(t.Actions)
			break
		}
	}
	leaves, entered := n.configuration.filter(isAtomicState), n.entered
	for _, s := range slices.Backward(n.configuration) {
		n.exitState(s)
	}
	n.configuration, n.entered, n.finished = leaves, entered, true
	for _, e := range append(waiting, n.internalQueue...) {
		n.untaken(e)
	}
	n.cancelTimers()
}

// external is the macrostep of an event from outside. A delay that has passed is one
// that is neither deferred nor told as unhandled.
func (n *interpreter) external(e *event) error {
	if n.keeps(e) && len(n.kept) < maxDeferred {
		n.count("events deferred")
		n.kept = append(n.kept, e)
		return n.endMacrostep()
	} else if n.deferred {
		n.errs = append(n.errs, "machine: the inbox is full")
	}
	err := n.endMacrostep()
	e.settled(err)
	return err
}

const maxDeferred = 1000

// keeps processes e, and reports whether it is to be kept.
func (n *interpreter) keeps(e *event) bool {
	n.beginMacrostep()
	n.event = e
	n.deferred, n.taken = false, false
	if n.running {
		enabledTransitions, deferred := n.selectTransitions(e)
		n.taken = len(enabledTransitions) > 0
		n.deferred = deferred && !n.taken
		if n.taken {
			n.microstep(enabledTransitions)
		}
		n.macrostep()
	}
	if !n.taken && !n.deferred && e.delay == nil {
		n.unhandled(e)
	}
	return n.deferred
}

// settled tells who has asked that the event has been processed.
func (e *event) settled(err error) {
	if e.settle != nil {
		e.settle(err)
	}
}

func (n *interpreter) unhandled(e *event) {
	n.count("events unhandled")
	n.observe("unhandled %s", e.name)
	if n.m.Strict {
		n.errs = append(n.errs, "machine "+n.self()+": no transition takes "+e.name+" in state ?")
		n.publish("error." + n.m.ID.Value + ".unhandled")
	}
}

// retryDeferred: xsgen: after a macrostep that changed states, kept events are tried
// again, the oldest first; after each one that changes states, from the oldest.
func (n *interpreter) retryDeferred() {
	for i := 0; i < len(n.kept); {
		e := n.kept[i]
		if n.keeps(e) {
			_ = n.endMacrostep()
			i++
		} else {
			if n.taken {
				n.count("deferred events taken")
			}
			n.kept = slices.Delete(n.kept, i, i+1)
			e.settled(n.endMacrostep())
		}
		if n.moved {
			i = 0
		}
	}
}
