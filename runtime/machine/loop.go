package machine

import "context"

// tooLong cuts a chain of microsteps that does not come to rest.
func (c *Core) tooLong(ctx context.Context) bool {
	s := &c.step
	if s.micro > MaxMicrosteps/2 {
		s.path = append(s.path, c.where())
	}
	if s.micro < MaxMicrosteps {
		return false
	}
	err := &LoopError{Machine: c.self.Machine, Key: c.self.Key, Steps: s.micro, Cycle: c.cycle()}
	s.errs = append(s.errs, err)
	if c.observer != nil {
		c.observer.Failed(c.self, err)
	}
	c.failure(ctx, FailedLoop, err)
	return true
}

// where is the state that tells one microstep of a cycle from another: the active
// leaf, or the source of what was taken, where there are several.
func (c *Core) where() int32 {
	if len(c.leaves) == 1 {
		return c.leaves[0]
	}
	if w := c.work; w != nil && len(w.enabled) > 0 && w.enabled[0].transition != starting {
		return c.chart.Transitions[w.enabled[0].transition].Source
	}
	return 0
}

// cycle is the shortest sequence of states that the end of the path repeats.
func (c *Core) cycle() []string {
	p := c.step.path
	n := 1
	for ; n < len(p)/2; n++ {
		if repeats(p, n) {
			break
		}
	}
	var names []string
	for _, leaf := range p[len(p)-n:] {
		names = append(names, orNone(c.chart.path(leaf)))
	}
	return append(names, names[0])
}

func repeats(p []int32, n int) bool {
	for i := len(p) - 1; i >= len(p)/2; i-- {
		if i-n >= 0 && p[i] != p[i-n] {
			return false
		}
	}
	return true
}
