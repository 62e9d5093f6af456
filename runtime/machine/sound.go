package machine

import (
	"fmt"
	"slices"
)

// sound reports what no machine can be: states that cannot be active together, or
// are not all that must be, and what belongs to a state that is not active.
func (r *restorer) sound() error {
	if !r.chart.complete(0, r.leaves) {
		return fmt.Errorf("%w: the states %v cannot be active together", ErrSnapshot, r.s.Active)
	}
	for n, i := range r.delays {
		if !r.owned(r.chart.delayOwner(i)) || slices.Contains(r.delays[:n], i) {
			d := r.s.Delays[n]
			return fmt.Errorf("%w: the delay %s of %s cannot have begun", ErrSnapshot, d.Delay, orNone(d.State))
		}
	}
	for n, i := range r.invokes {
		if !r.owned(r.chart.invokeOwner(i)) || slices.Contains(r.invokes[:n], i) {
			v := r.s.Invokes[n]
			return fmt.Errorf("%w: the invocation %s of %s cannot run", ErrSnapshot, v.ID, orNone(v.State))
		}
	}
	return r.soundHistory()
}

// owned reports whether state i, which something runs for, is active.
func (r *restorer) owned(i int32) bool {
	return !r.s.Finished && slices.ContainsFunc(r.leaves, func(leaf int32) bool { return r.chart.within(leaf, i) })
}

// soundHistory reports a history state that has recorded what was never active.
func (r *restorer) soundHistory() error {
	for h, recorded := range r.history {
		if len(recorded) > 0 && !r.chart.recordable(r.chart.Histories[h], recorded) {
			return fmt.Errorf("%w: the history state %s cannot stand for %v", ErrSnapshot, r.chart.path(r.chart.Histories[h]), r.paths(recorded))
		}
		for other := range h {
			if !r.agree(other, h) {
				return fmt.Errorf("%w: the history states %s and %s of one parent stand for different states", ErrSnapshot,
					r.chart.path(r.chart.Histories[other]), r.chart.path(r.chart.Histories[h]))
			}
		}
	}
	return nil
}

// agree reports whether two history states stand for the same if they are of one kind and
// one parent: they record at one time, and a transition may lead to both. One that has
// nothing, since a migration has added it, gets what the other has.
func (r *restorer) agree(g, h int) bool {
	a, b := r.chart.States[r.chart.Histories[g]], r.chart.States[r.chart.Histories[h]]
	if a.Parent != b.Parent || a.Kind != b.Kind {
		return true
	}
	if len(r.history[g]) == 0 {
		r.history[g] = r.history[h]
	}
	if len(r.history[h]) == 0 {
		r.history[h] = r.history[g]
	}
	return slices.Equal(r.history[g], r.history[h])
}

// recordable reports whether history state h can stand for states, which are
// sorted.
func (c *Chart) recordable(h int32, states []int32) bool {
	parent := c.States[h].Parent
	if c.States[h].Kind == DeepHistory {
		return c.complete(parent, states)
	}
	n := 0
	known := c.regions(parent, func(child int32) bool {
		if slices.Contains(states, child) {
			n++
			return true
		}
		return c.States[parent].Kind != Parallel
	})
	return known && n == len(states) && (n == 1 || c.States[parent].Kind == Parallel)
}

// complete reports whether leaves, which are sorted, are exactly the ones that are
// active within state i at one time: one child of a compound state, each region of
// a parallel one.
func (c *Chart) complete(i int32, leaves []int32) bool {
	if c.leaf(i) {
		return len(leaves) == 1 && leaves[0] == i
	}
	active := 0
	whole := c.regions(i, func(child int32) bool {
		var within []int32
		within, leaves = c.split(child, leaves)
		if len(within) == 0 {
			return c.States[i].Kind != Parallel
		}
		active++
		return c.complete(child, within)
	})
	return whole && len(leaves) == 0 && (active == 1 || c.States[i].Kind == Parallel)
}

// split parts sorted states into the first ones, which are within state i, and the
// others.
func (c *Chart) split(i int32, states []int32) (within, others []int32) {
	n := 0
	for n < len(states) && c.within(states[n], i) {
		n++
	}
	return states[:n], states[n:]
}
