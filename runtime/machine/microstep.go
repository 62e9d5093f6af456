package machine

import (
	"context"
	"slices"
	"sync"
)

// work is the scratch memory of steps.
type work struct {
	enabled   []chosen // the transitions of the microstep, in document order
	tried     []tried
	deferring []int32 // states that defer the event
	exiting   []int32 // innermost first, later regions before earlier ones
	entering  []entering
	fresh     []int32 // leaves that the macrostep entered and that are active
	left      []int32 // leaves of before that the macrostep exited
}

// chosen is a transition that is taken, and its domain.
type chosen struct{ transition, domain int32 }

// starting stands for the chart's Start among the chosen transitions.
const starting = None

// tried is a transition whose guard has been evaluated in this microstep.
type tried struct {
	transition int32
	passed     bool
}

func (c *Core) scratch() *work {
	if c.work == nil {
		c.work = spare.Get().(*work)
	}
	return c.work
}

// spare is the scratch memory that instances of keyed hosts give back after their
// steps: there may be a million of them.
var spare = sync.Pool{New: func() any { return &work{} }}

// rest gives back, before its turn ends, what an instance of a keyed host needs
// for steps only. The sender's ctx would be kept, too.
func (c *Core) rest() {
	if c.life == nil {
		return
	}
	if w := c.work; w != nil {
		// Another instance must not find anything of this one's steps.
		*w = work{w.enabled[:0], w.tried[:0], w.deferring[:0], w.exiting[:0], w.entering[:0], w.fresh[:0], w.left[:0]}
		spare.Put(w)
		c.work = nil
	}
	c.cache, c.step.out, c.step.internal, c.inbox = nil, nil, nil, ring{}
}

func (c *Core) transition(i int32) *Transition {
	if i == starting {
		return &c.chart.Start
	}
	return &c.chart.Transitions[i]
}

// micro is one microstep: the transitions on event that are enabled and do not
// conflict. It reports whether there are any.
func (c *Core) micro(ctx context.Context, event int32, payload any) bool {
	c.step.event, c.step.payload = event, payload
	if len(c.leaves) != 1 {
		return c.inRegions(ctx, event)
	}
	v := c.chart.Index[c.chart.States[c.leaves[0]].Row+event]
	if v > 0 {
		return c.try(ctx, v-1)
	}
	if v == 0 {
		return false
	}
	for list := c.chart.Candidates[-v-1:]; list[0] != None; list = list[1:] {
		if list[0] < None {
			if c.step.outside {
				c.step.deferred = true
				return false
			}
		} else if c.try(ctx, list[0]) {
			return true
		}
	}
	return false
}

// try takes transition i if its guard passes.
func (c *Core) try(ctx context.Context, i int32) bool {
	t := &c.chart.Transitions[i]
	if !c.passes(ctx, i, t) {
		return false
	}
	c.step.micro++
	if c.observer != nil {
		c.tell(i)
	}
	if t.Flags&Quiet != 0 && c.observer == nil {
		c.follow(t)
		return true
	}
	w := c.scratch()
	w.enabled = append(w.enabled[:0], chosen{i, c.domain(t)})
	c.transit(ctx)
	return true
}

// follow goes to the leaf of a quiet transition.
func (c *Core) follow(t *Transition) {
	if t.Domain != None {
		c.one[0], c.row, c.step.entered = t.Leaf, t.Row, true
	}
}

// passes evaluates the guard of transition i; where Take does both, its actions
// run too.
func (c *Core) passes(ctx context.Context, i int32, t *Transition) bool {
	s := &c.step
	s.acting, s.chosen, s.told, s.left = false, i, false, false
	if t.Flags&NoCode != 0 || t.Flags&Unguarded != 0 && t.Actions != None {
		return true
	}
	if t.Flags&Unguarded != 0 {
		c.Passed() // what fails now are its actions
	}
	ok, err := c.run(ctx, i)
	if err != nil {
		ok = s.acting
	}
	if c.observer != nil {
		c.evaluated(i, t, ok, err)
	}
	if err != nil {
		c.raiseError(err)
	}
	return ok
}

// evaluated tells the observer of a guard, and of actions that ran with it.
func (c *Core) evaluated(i int32, t *Transition, ok bool, err error) {
	if !ok && t.Flags&Unguarded == 0 {
		c.observer.Guarded(c.self, c.ref(i), false)
	}
	if ok && t.Actions == None && c.step.acting {
		c.acted(i, err)
	}
}

// Passed says that the guard of the transition that Take is evaluating has
// passed: what fails from now on are its actions.
func (c *Core) Passed() {
	c.step.acting = true
	if c.observer != nil {
		c.tellPassed()
	}
}

func (c *Core) tellPassed() {
	c.tell(c.step.chosen)
	c.tellExits(c.step.chosen)
}

// tellExits tells the observer of the states that transition i exits, before its
// actions run: none of them has exit actions, so that Take runs the transition's
// own with the guard.
func (c *Core) tellExits(i int32) {
	t, w := &c.chart.Transitions[i], c.scratch()
	if t.Domain == None || t.Actions != None {
		return
	}
	c.step.left = true
	w.enabled = append(w.enabled[:0], chosen{i, t.Domain})
	c.findExits()
	for _, i := range w.exiting {
		c.observer.Exited(c.self, c.chart.path(i))
	}
}

// tell tells the observer once that transition i has been chosen.
func (c *Core) tell(i int32) {
	if c.step.told {
		return
	}
	c.step.told = true
	if c.chart.Transitions[i].Flags&Unguarded == 0 {
		c.observer.Guarded(c.self, c.ref(i), true)
	}
	c.observer.Took(c.self, c.ref(i), c.chart.Events[c.step.event])
}

// inRegions is micro where several leaves are active: SCXML's selectTransitions
// and removeConflictingTransitions.
func (c *Core) inRegions(ctx context.Context, event int32) bool {
	w := c.scratch()
	w.enabled, w.tried, w.deferring = w.enabled[:0], w.tried[:0], w.deferring[:0]
	for _, leaf := range c.leaves {
		if i := c.choose(ctx, leaf, event); i != None {
			w.add(i, c.domain(&c.chart.Transitions[i]))
		}
	}
	candidates := c.candidates()
	c.withhold()
	if len(w.enabled) > 1 {
		c.resolve()
	}
	c.tellPreempted(candidates)
	if len(w.enabled) == 0 {
		c.step.deferred = len(w.deferring) > 0
		return false
	}
	if len(w.enabled) > 1 {
		slices.SortFunc(w.enabled, func(a, b chosen) int { return int(a.transition - b.transition) })
	}
	c.step.micro++
	c.step.left = false
	if c.observer != nil {
		for _, e := range w.enabled {
			c.observer.Took(c.self, c.ref(e.transition), c.chart.Events[event])
		}
	}
	c.transit(ctx)
	return true
}

// candidates are the transitions that have been selected so far, for an observer.
func (c *Core) candidates() []chosen {
	if c.observer == nil {
		return nil
	}
	return slices.Clone(c.work.enabled)
}

// tellPreempted tells the observer of the candidates that have been dropped since.
func (c *Core) tellPreempted(candidates []chosen) {
	if c.observer == nil {
		return
	}
	c.preempted(slices.DeleteFunc(candidates, func(e chosen) bool { return slices.Contains(c.work.enabled, e) }))
}

// add adds a transition once.
func (w *work) add(i, domain int32) {
	if e := (chosen{i, domain}); !slices.Contains(w.enabled, e) {
		w.enabled = append(w.enabled, e)
	}
}

// choose is the first transition on event that is enabled, from leaf upwards, or
// None; a state that defers the event ends the walk.
func (c *Core) choose(ctx context.Context, leaf, event int32) int32 {
	v := c.chart.Index[c.chart.States[leaf].Row+event]
	if v > 0 {
		if c.enabled(ctx, v-1) {
			return v - 1
		}
		return None
	}
	if v == 0 {
		return None
	}
	for list := c.chart.Candidates[-v-1:]; list[0] != None; list = list[1:] {
		if i := list[0]; i < None {
			if c.step.outside {
				c.work.deferring = append(c.work.deferring, Deferring(i))
				return None
			}
		} else if c.enabled(ctx, i) {
			return i
		}
	}
	return None
}

// enabled evaluates a guard, once for all leaves that share the transition.
func (c *Core) enabled(ctx context.Context, i int32) bool {
	t, w := &c.chart.Transitions[i], c.work
	if t.Flags&Shared != 0 && t.Flags&Unguarded == 0 {
		for _, old := range w.tried {
			if old.transition == i {
				return old.passed
			}
		}
	}
	passed := c.guardOf(ctx, i, t)
	if t.Flags&Shared != 0 {
		w.tried = append(w.tried, tried{i, passed})
	}
	return passed
}

// guardOf evaluates the guard of a transition that may be taken together with
// others: its actions are a block of their own.
func (c *Core) guardOf(ctx context.Context, i int32, t *Transition) bool {
	if t.Flags&Unguarded != 0 {
		return true
	}
	c.step.acting, c.step.chosen = false, i
	ok, err := c.run(ctx, i)
	ok = ok && err == nil
	if c.observer != nil {
		c.observer.Guarded(c.self, c.ref(i), ok)
	}
	if err != nil {
		c.raiseError(err)
	}
	return ok
}

// withhold drops the transitions of the ancestors of states that defer the event.
func (c *Core) withhold() {
	w := c.work
	if len(w.deferring) == 0 {
		return
	}
	w.enabled = slices.DeleteFunc(w.enabled, func(e chosen) bool {
		source := c.chart.Transitions[e.transition].Source
		return slices.ContainsFunc(w.deferring, func(s int32) bool { return s != source && c.chart.within(s, source) })
	})
}

// resolve removes conflicting transitions: of two that would exit a common state,
// the one whose source is within the other's stays, and else the one that was
// selected first.
func (c *Core) resolve() {
	w := c.work
	kept := w.enabled[:0]
	for _, e := range w.enabled {
		kept = c.admit(kept, e)
	}
	w.enabled = kept
}

// admit adds e to the transitions that do not conflict with it, unless one of
// them goes before it.
func (c *Core) admit(kept []chosen, e chosen) []chosen {
	source := c.chart.Transitions[e.transition].Source
	for _, k := range kept {
		other := c.chart.Transitions[k.transition].Source
		if c.conflict(e, k) && (source == other || !c.chart.within(source, other)) {
			return kept
		}
	}
	kept = slices.DeleteFunc(kept, func(k chosen) bool { return c.conflict(e, k) })
	return append(kept, e)
}

// conflict reports whether two transitions exit a common state: what is active
// within the inner domain, if one is within the other.
func (c *Core) conflict(a, b chosen) bool {
	return a.domain != None && b.domain != None && (c.chart.within(a.domain, b.domain) || c.chart.within(b.domain, a.domain))
}
