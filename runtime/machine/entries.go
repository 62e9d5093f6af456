package machine

import (
	"cmp"
	"slices"
)

// entering is a state that is entered, with the actions of its initial after its
// entry actions, or, in a row of its own, the default of a history within it.
type entering struct {
	state, initial, history int32
	inside                  bool // the state is active already: only the blocks run
}

// compare is document order; a state comes before its histories' defaults.
func (e entering) compare(other entering) int {
	return cmp.Or(int(e.state-other.state), int(e.history-other.history))
}

// domain is the innermost state that stays active when t is taken, None where
// nothing is exited.
func (c *Core) domain(t *Transition) int32 {
	if t.Flags&Dynamic == 0 {
		return t.Domain
	}
	inside, common := true, t.Source
	c.effective(c.chart.Targets[t.FirstTarget:t.LastTarget], func(target int32) {
		inside = inside && c.chart.within(target, t.Source)
	})
	switch {
	case inside && t.Flags&Reenter == 0 && c.chart.States[t.Source].Kind == Atomic:
		return None // a history stands for the source itself
	case inside && t.Flags&Reenter == 0, t.Source == 0:
		return t.Source
	}
	for holds := false; !holds && common != 0; {
		common = c.chart.States[common].Parent
		holds = c.chart.States[common].Kind == Compound
		c.effective(c.chart.Targets[t.FirstTarget:t.LastTarget], func(target int32) {
			holds = holds && target != common && c.chart.within(target, common)
		})
	}
	return common
}

// effective calls f for the states that targets stand for: a history for what it
// has recorded, or for its default.
func (c *Core) effective(targets []int32, f func(int32)) {
	for _, t := range targets {
		if !c.chart.history(t) {
			f(t)
		} else if recorded := c.recorded(t); recorded != nil {
			c.effective(recorded, f)
		} else {
			c.effective(c.defaults(t), f)
		}
	}
}

// recorded is what the history state h stands for, nil if there is no history.
func (c *Core) recorded(h int32) []int32 {
	if c.history == nil {
		return nil
	}
	parent := &c.chart.States[c.chart.States[h].Parent]
	for n := parent.FirstHistory; n < parent.LastHistory; n++ {
		if c.chart.Histories[n] == h && len(c.history[n]) > 0 {
			return c.history[n]
		}
	}
	return nil
}

// defaults are where state i leads to by default.
func (c *Core) defaults(i int32) []int32 {
	s := &c.chart.States[i]
	return c.chart.Targets[s.FirstTarget:s.LastTarget]
}

// computeEntries adds what a dynamic transition enters: SCXML's computeEntrySet,
// with the states that stay active only where blocks of theirs run.
func (c *Core) computeEntries(t *Transition, domain int32) {
	first := len(c.work.entering)
	e := entries{c, first, domain}
	targets := c.chart.Targets[t.FirstTarget:t.LastTarget]
	for _, target := range targets {
		e.descend(target)
	}
	c.effective(targets, func(target int32) {
		if target != domain {
			e.ascend(target, domain)
		}
	})
	if domain != None && c.chart.States[domain].Kind == Parallel {
		e.regions(domain) // all of them are exited
	}
	slices.SortFunc(c.work.entering[first:], entering.compare)
}

// entries adds the states that one transition enters.
type entries struct {
	*Core
	first  int // in work.entering
	domain int32
}

// add adds a state once and returns it.
func (e *entries) add(i int32) *entering {
	list := e.work.entering
	for n := e.first; n < len(list); n++ {
		if list[n].state == i && list[n].history == None {
			return &list[n]
		}
	}
	e.work.entering = append(list, entering{i, None, None, e.stays(i)})
	return &e.work.entering[len(list)]
}

// stays reports whether state i stays active: it is the domain, or holds it.
func (e *entries) stays(i int32) bool {
	return e.domain != None && (i == e.domain || !e.chart.within(i, e.domain))
}

// descend adds i and what is entered below it by default.
func (e *entries) descend(i int32) {
	s := &e.chart.States[i]
	switch s.Kind {
	case ShallowHistory, DeepHistory:
		e.restore(i, s)
	case Compound:
		e.add(i).initial = s.Default
		e.follow(e.defaults(i), i)
	case Parallel:
		e.add(i)
		e.regions(i)
	default:
		e.add(i)
	}
}

// regions adds the regions of a parallel state.
func (e *entries) regions(i int32) {
	e.chart.regions(i, func(child int32) bool {
		e.region(child)
		return true
	})
}

// region adds a region, unless something within it has been added already.
func (e *entries) region(child int32) {
	for _, x := range e.work.entering[e.first:] {
		if x.state != child && e.chart.within(x.state, child) {
			return
		}
	}
	e.descend(child)
}

// restore adds what the history state h stands for.
func (e *entries) restore(h int32, s *State) {
	if recorded := e.recorded(h); recorded != nil {
		e.follow(recorded, s.Parent)
		return
	}
	if s.Default != None {
		e.byDefault(s)
	}
	e.follow(e.defaults(h), s.Parent)
}

// byDefault adds the actions of the default of a history, once for all transitions.
func (e *entries) byDefault(history *State) {
	row := entering{history.Parent, None, history.Default, true}
	if !slices.Contains(e.work.entering, row) {
		e.work.entering = append(e.work.entering, row)
	}
}

// follow adds targets, and what lies between them and a state that holds them.
func (e *entries) follow(targets []int32, holder int32) {
	for _, t := range targets {
		e.descend(t)
	}
	for _, t := range targets {
		e.ascend(t, holder)
	}
}

// ascend adds the ancestors of i below holder, and the regions of those that are
// parallel.
func (e *entries) ascend(i, holder int32) {
	for p := e.chart.States[i].Parent; p != holder && p != None && !e.stays(p); p = e.chart.States[p].Parent {
		e.add(p)
		if e.chart.States[p].Kind == Parallel {
			e.regions(p)
		}
	}
}
