package machine

// creating says which events may create an instance: those that the initial
// configuration has a transition for.
func (c *Chart) creating() []bool {
	out := make([]bool, len(c.Events))
	for _, leaf := range c.firstLeaves() {
		for id := range out {
			out[id] = out[id] || id > 0 && c.hasTransition(leaf, int32(id))
		}
	}
	return out
}

// hasTransition reports whether a leaf, or a state around it, has a transition for
// an event, whatever its guard.
func (c *Chart) hasTransition(leaf, event int32) bool {
	found := false
	c.eachCandidate(leaf, event, func(int32) { found = true })
	return found
}

// eachCandidate calls f for the transitions that are tried for an event where a
// leaf is active.
func (c *Chart) eachCandidate(leaf, event int32, f func(transition int32)) {
	v := c.Index[c.States[leaf].Row+event]
	if v > 0 {
		f(v - 1)
	}
	if v >= 0 {
		return
	}
	for list := c.Candidates[-v-1:]; list[0] != None; list = list[1:] {
		if list[0] >= 0 {
			f(list[0])
		}
	}
}

// firstLeaves are the leaves that may be active when a machine has started: those
// that it enters, and those that eventless transitions lead to from there.
func (c *Chart) firstLeaves() []int32 {
	var leaves []int32
	known := map[int32]bool{}
	add := func(leaf int32) {
		if !known[leaf] {
			known[leaf] = true
			leaves = append(leaves, leaf)
		}
	}
	c.eachEntered(&c.Start, add)
	for n := 0; n < len(leaves); n++ {
		c.eachCandidate(leaves[n], 0, func(t int32) { c.eachEntered(&c.Transitions[t], add) })
	}
	return leaves
}

// eachEntered calls f for the leaves that a transition enters if there is no
// history.
func (c *Chart) eachEntered(t *Transition, f func(leaf int32)) {
	if t.Flags&Dynamic != 0 {
		for _, target := range c.Targets[t.FirstTarget:t.LastTarget] {
			c.initialLeaves(target, f)
		}
		return
	}
	for _, s := range c.Steps[t.First:t.Last] {
		if c.leaf(s.State) {
			f(s.State)
		}
	}
}

// initialLeaves calls f for the leaves that are entered with state i by default.
func (c *Chart) initialLeaves(i int32, f func(int32)) {
	s := &c.States[i]
	switch s.Kind {
	case Parallel:
		c.regions(i, func(child int32) bool {
			c.initialLeaves(child, f)
			return true
		})
	case Atomic, Final:
		f(i)
	default:
		for _, t := range c.Targets[s.FirstTarget:s.LastTarget] {
			c.initialLeaves(t, f)
		}
	}
}
