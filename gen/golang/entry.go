package golang

import (
	"slices"

	"github.com/xsgen/xsgen/gen/model"
)

// transition computes a transition's row.
func (c *chart) transition(t *model.Transition) transitionRow {
	r := transitionRow{domain: none, actions: none, first: len(c.steps), firstTarget: len(c.targets)}
	dynamic := false
	if domain := t.Domain(); domain != nil {
		r.domain = domain.Index
		r.leaf, dynamic = c.enter(t.Targets, domain)
	}
	if dynamic {
		r.leaf = 0
		c.addTargets(t.Targets)
	}
	r.last, r.lastTarget = len(c.steps), len(c.targets)
	r.fused = !dynamic && !c.besideOthers(t.Source) && (r.domain == none || !c.exitActions(t.Source, c.m.States[r.domain]))
	if !r.fused {
		r.actions = c.block(t.Actions, "actions of "+transitionName(t), arrivalOf(t))
	}
	c.flag(t, &r, dynamic)
	return r
}

func (c *chart) addTargets(list []*model.State) {
	for _, s := range list {
		c.targets = append(c.targets, s.Index)
	}
}

// besideOthers reports whether transitions of s can be taken together with those
// of other regions, or chosen by several leaves.
func (c *chart) besideOthers(s *model.State) bool {
	for up := s.Parent; up != nil; up = up.Parent {
		if up.Kind == model.Parallel {
			return true
		}
	}
	return widthOf(s) > 1
}

// flag sets the properties of a row that is complete but for them.
func (c *chart) flag(t *model.Transition, r *transitionRow, dynamic bool) {
	add := func(name string, yes bool) {
		if yes {
			r.flags = append(r.flags, name)
		}
	}
	add("Unguarded", t.Guard == nil)
	add("NoCode", t.Guard == nil && (r.actions == none && len(t.Actions) == 0))
	add("Dynamic", dynamic)
	add("Reenter", dynamic && t.Reenter)
	add("Shared", widthOf(t.Source) > 1)
	quiet := c.width == 1 && r.actions == none && !dynamic
	if quiet && r.domain != none {
		quiet = c.quietExit(t.Source, c.m.States[r.domain]) && c.quietEntry(c.steps[r.first:r.last])
	}
	add("Quiet", quiet)
	add("Swift", quiet && c.rests(t, *r))
}

// startRow is what the machine's start enters.
func (c *chart) startRow() {
	c.start = transitionRow{domain: none, actions: none, first: len(c.steps), firstTarget: len(c.targets)}
	leaf, dynamic := c.enter([]*model.State{c.m.Root}, nil)
	c.start.leaf = leaf
	if dynamic {
		c.start.leaf, c.start.flags = 0, []string{"Dynamic"}
		c.targets = append(c.targets, c.m.Root.Index)
	}
	c.start.last, c.start.lastTarget = len(c.steps), len(c.targets)
}

// rests reports whether no eventless transition can follow.
func (c *chart) rests(t *model.Transition, r transitionRow) bool {
	within := t.Source // without a target, anything within the source may be active
	if r.domain != none {
		within = c.m.States[r.leaf]
	}
	for s := within; s != nil; s = s.Parent {
		if len(s.Always) > 0 {
			return false
		}
	}
	return !c.anyWithin(within, func(s *model.State) bool { return len(s.Always) > 0 })
}

// anyWithin reports whether f holds for s or a descendant of it; in document order
// those follow it.
func (c *chart) anyWithin(s *model.State, f func(*model.State) bool) bool {
	for _, x := range c.m.States[s.Index:] {
		if !x.Within(s) {
			return false
		}
		if f(x) {
			return true
		}
	}
	return false
}

// enter adds the steps from domain, which stays active, to the targets and what
// is entered with them. It returns the leaf that is active then, if it is one,
// and whether a history is on the way. Without a domain the machine is entered.
func (c *chart) enter(targets []*model.State, domain *model.State) (leaf int, dynamic bool) {
	e := &entrySet{domain: domain}
	for _, t := range targets {
		e.descend(t)
	}
	for _, t := range targets {
		if t != domain {
			e.ascend(t, domain)
		}
	}
	if domain != nil && domain.Kind == model.Parallel {
		e.regions(domain) // all of them are exited
	}
	if e.history {
		return 0, true
	}
	slices.SortFunc(e.list, func(a, b *model.State) int { return a.Index - b.Index })
	for _, s := range e.list {
		step := stepRow{state: s.Index, initial: none, inside: s == domain}
		if slices.Contains(e.byDefault, s) {
			step.initial = c.states[s.Index].initial
		}
		c.steps = append(c.steps, step)
		if s.Leaf() {
			leaf = s.Index
		}
	}
	return leaf, false
}

// entrySet collects what a transition enters, as SCXML's computeEntrySet does.
type entrySet struct {
	domain    *model.State
	list      []*model.State
	byDefault []*model.State // those whose initial is followed
	history   bool
}

func (e *entrySet) add(s *model.State) {
	if !slices.Contains(e.list, s) {
		e.list = append(e.list, s)
	}
}

func (e *entrySet) descend(s *model.State) {
	switch s.Kind {
	case model.History:
		e.history = true
	case model.Compound:
		e.add(s)
		e.byDefault = append(e.byDefault, s)
		for _, t := range s.Defaults() {
			e.descend(t)
		}
		for _, t := range s.Defaults() {
			e.ascend(t, s)
		}
	case model.Parallel:
		e.add(s)
		e.regions(s)
	default:
		e.add(s)
	}
}

// regions enters those regions of s in which nothing is entered yet.
func (e *entrySet) regions(s *model.State) {
	for _, child := range s.Children {
		entered := func(x *model.State) bool { return x != child && x.Within(child) }
		if child.Kind != model.History && !slices.ContainsFunc(e.list, entered) {
			e.descend(child)
		}
	}
}

// ascend enters what lies between s and a state that holds it.
func (e *entrySet) ascend(s, holder *model.State) {
	for up := s.Parent; up != nil && up != holder; up = up.Parent {
		e.add(up)
		if up.Kind == model.Parallel {
			e.regions(up)
		}
	}
}

// exited reports whether f holds for any state that may be exited from source up
// to domain: whatever is below source may be active.
func (c *chart) exited(source, domain *model.State, f func(*model.State) bool) bool {
	inner := source
	if !source.Within(domain) {
		inner = domain
	}
	for s := inner; s != domain; s = s.Parent {
		if f(s) {
			return true
		}
	}
	return c.anyWithin(inner, func(s *model.State) bool { return s != domain && f(s) })
}

func (c *chart) exitActions(source, domain *model.State) bool {
	return c.exited(source, domain, func(s *model.State) bool { return len(s.Exit) > 0 })
}

// quietExit reports whether nothing happens when states are exited, and nothing is to be
// recorded for a history.
func (c *chart) quietExit(source, domain *model.State) bool {
	return !c.exited(source, domain, func(s *model.State) bool {
		return len(s.Exit)+len(s.After)+len(s.Invokes) > 0 || slices.ContainsFunc(s.Children, isHistory)
	})
}

func isHistory(s *model.State) bool { return s.Kind == model.History }

// quietEntry reports whether nothing happens when states are entered.
func (c *chart) quietEntry(steps []stepRow) bool {
	for _, st := range steps {
		s := c.m.States[st.state]
		if st.initial != none || s.Kind == model.Final || !st.inside && len(s.Entry)+len(s.After)+len(s.Invokes) > 0 {
			return false
		}
	}
	return true
}
