package machine

import (
	"context"
	"slices"
)

// transit exits, acts and enters for the chosen transitions.
func (c *Core) transit(ctx context.Context) {
	c.leave(ctx)
	for _, e := range c.work.enabled {
		if t := c.transition(e.transition); t.Actions != None {
			if len(c.work.exiting) > 0 {
				c.step.at = c.work.exiting[0] // for errors: where the machine was
			}
			c.block(ctx, t.Actions)
		}
	}
	c.step.at = None
	c.arrive(ctx)
}

// leave exits what the chosen transitions exit: descendants first, and later
// regions before earlier ones.
func (c *Core) leave(ctx context.Context) {
	w := c.work
	c.findExits()
	if len(w.exiting) == 0 {
		return
	}
	c.step.entered = true
	c.remember()
	for _, i := range w.exiting {
		c.exitState(ctx, i)
	}
	c.step.at = None
	c.leaves = slices.DeleteFunc(c.leaves, func(leaf int32) bool { return w.exits(c.chart, leaf) })
}

// findExits lists what the chosen transitions exit.
func (c *Core) findExits() {
	w := c.work
	w.exiting = w.exiting[:0]
	for n := len(c.leaves) - 1; n >= 0; n-- {
		earlier := int32(None)
		if n > 0 {
			earlier = c.leaves[n-1]
		}
		// What holds an earlier leaf is exited with that one.
		for i := c.leaves[n]; i > earlier && w.exits(c.chart, i); i = c.chart.States[i].Parent {
			w.exiting = append(w.exiting, i)
		}
	}
}

// exits reports whether a chosen transition exits state i, which is active.
func (w *work) exits(chart *Chart, i int32) bool {
	for _, e := range w.enabled {
		if e.domain != None && i != e.domain && chart.within(i, e.domain) {
			return true
		}
	}
	return false
}

// remember records what the history states within the states that are exited
// stand for, before anything is exited.
func (c *Core) remember() {
	for _, i := range c.work.exiting {
		s := &c.chart.States[i]
		for h := s.FirstHistory; h < s.LastHistory; h++ {
			if c.history == nil {
				c.history = make([][]int32, len(c.chart.Histories))
			}
			deep := c.chart.States[c.chart.Histories[h]].Kind == DeepHistory
			c.history[h] = c.activeWithin(i, deep, c.history[h][:0])
		}
	}
}

// activeWithin appends the active leaves within state i, or else its active
// children.
func (c *Core) activeWithin(i int32, leaves bool, to []int32) []int32 {
	for _, leaf := range c.leaves {
		if !c.chart.within(leaf, i) {
			continue
		}
		for !leaves && c.chart.States[leaf].Parent != i {
			leaf = c.chart.States[leaf].Parent
		}
		if len(to) == 0 || to[len(to)-1] != leaf {
			to = append(to, leaf)
		}
	}
	return to
}

func (c *Core) exitState(ctx context.Context, i int32) {
	s := &c.chart.States[i]
	c.step.at = i
	if c.observer != nil && !c.step.left {
		c.observer.Exited(c.self, s.Path)
	}
	for d := s.FirstDelay; d < s.LastDelay; d++ {
		c.delays[d].disarm()
	}
	if s.Exit != None {
		c.block(ctx, s.Exit)
	}
	for n := s.FirstInvoke; n < s.LastInvoke; n++ {
		c.revoke(ctx, n)
	}
	if c.chart.leaf(i) {
		w := c.work
		if n := slices.Index(w.fresh, i); n >= 0 {
			w.fresh = slices.Delete(w.fresh, n, n+1)
		} else if !slices.Contains(w.left, i) {
			w.left = append(w.left, i)
		}
	}
}

// arrive enters what the chosen transitions enter, in document order.
func (c *Core) arrive(ctx context.Context) {
	w := c.work
	w.entering = w.entering[:0]
	for _, e := range w.enabled {
		t := c.transition(e.transition)
		if t.Flags&Dynamic != 0 {
			if e.domain == None && e.transition != starting {
				e.domain = t.Source // which stays: only a history's default actions run
			}
			c.computeEntries(t, e.domain)
			continue
		}
		for _, s := range c.chart.Steps[t.First:t.Last] {
			w.entering = append(w.entering, entering{state: s.State, initial: s.Default, history: None, inside: s.Inside})
		}
	}
	if len(w.enabled) > 1 {
		slices.SortFunc(w.entering, entering.compare)
	}
	done := false
	for _, e := range w.entering {
		done = c.enterState(ctx, e) || done
	}
	c.step.at = None
	if c.row = c.chart.Idle; c.chart.Width <= 1 && len(c.leaves) > 0 {
		c.row = c.chart.States[c.one[0]].Row
	}
	if done {
		c.end(ctx)
	}
}

// enterState enters one state and reports whether the machine is done by that.
func (c *Core) enterState(ctx context.Context, e entering) (done bool) {
	s := &c.chart.States[e.state]
	c.step.at = e.state
	if !e.inside {
		c.step.entered = true
		if c.observer != nil {
			c.observer.Entered(c.self, s.Path)
		}
		if c.chart.leaf(e.state) {
			c.addLeaf(e.state)
		}
		if s.Entry != None {
			c.block(ctx, s.Entry)
		}
		for d := s.FirstDelay; d < s.LastDelay; d++ {
			c.arm(d)
		}
		for n := s.FirstInvoke; n < s.LastInvoke; n++ {
			c.intend(n)
		}
	}
	if e.initial != None {
		c.block(ctx, e.initial)
	}
	if e.history != None {
		c.block(ctx, e.history)
	}
	return s.Kind == Final && c.finalEntered(s)
}

func (c *Core) addLeaf(i int32) {
	at, _ := slices.BinarySearch(c.leaves, i)
	c.leaves = slices.Insert(c.leaves, at, i)
	c.work.fresh = append(c.work.fresh, i)
}

// finalEntered raises that the parent of the final state s is done, and every
// parallel state whose regions are all done by that. It reports whether the
// machine is.
func (c *Core) finalEntered(s *State) bool {
	parent := s.Parent
	if parent == 0 {
		return true
	}
	c.raiseDone(parent)
	for p := c.chart.States[parent].Parent; p != None && c.done(p); p = c.chart.States[p].Parent {
		if p == 0 {
			return true
		}
		c.raiseDone(p)
	}
	return false
}

func (c *Core) raiseDone(i int32) {
	if ev := c.chart.States[i].Done; ev != None {
		c.step.internal = append(c.step.internal, raised{event: ev})
	}
}

// done reports whether the parallel state i is: all of its regions must be.
func (c *Core) done(i int32) bool {
	return c.chart.States[i].Kind == Parallel && c.chart.regions(i, c.regionDone)
}

// regionDone reports whether a child of state i that is final is active, or
// whether i is parallel and done.
func (c *Core) regionDone(i int32) bool {
	if c.chart.States[i].Kind == Parallel {
		return c.done(i)
	}
	return slices.ContainsFunc(c.leaves, func(leaf int32) bool {
		s := &c.chart.States[leaf]
		return s.Parent == i && s.Kind == Final
	})
}

// end ends a machine that is done: its own onDone runs, everything is exited, and
// its output is made. The leaves stay, for others to see.
func (c *Core) end(ctx context.Context) {
	if ev := c.chart.States[0].Done; ev != None {
		c.step.event, c.step.payload = ev, nil
	}
	for _, i := range c.chart.Finish {
		if t := &c.chart.Transitions[i]; c.passes(ctx, i, t) {
			if c.observer != nil {
				c.tell(i)
			}
			if t.Actions != None {
				c.block(ctx, t.Actions)
			}
			break
		}
	}
	c.exitForEver(ctx)
	c.makeOutput(ctx)
}

// makeOutput makes what a machine returns that has finished. It is made of the
// context alone, so that it can be made again when the machine is restored.
func (c *Core) makeOutput(ctx context.Context) {
	for _, leaf := range c.leaves {
		if block := c.chart.States[leaf].Output; block != None {
			c.step.at = leaf
			c.block(ctx, block)
		}
	}
	c.step.at = None
}

// exitForEver exits all states of a machine that has finished with that.
func (c *Core) exitForEver(ctx context.Context) {
	c.finished, c.step.left = true, false
	c.settlePlain()
	last := slices.Clone(c.leaves)
	w := c.work
	fresh, left := slices.Clone(w.fresh), slices.Clone(w.left)
	c.exitAll(ctx)
	c.leaves = append(c.leaves[:0], last...)
	w.fresh, w.left = fresh, left
	c.dropPending()
}

// exitAll exits every active state, the machine itself last.
func (c *Core) exitAll(ctx context.Context) {
	for n := len(c.leaves) - 1; n >= 0; n-- {
		earlier := int32(None)
		if n > 0 {
			earlier = c.leaves[n-1]
		}
		for i := c.leaves[n]; i > earlier; i = c.chart.States[i].Parent {
			c.exitState(ctx, i)
		}
	}
	c.step.at = None
}
