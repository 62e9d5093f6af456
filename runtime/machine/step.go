package machine

import (
	"context"
	"errors"
	"runtime/debug"
)

// step is the state of the macrostep that runs.
type step struct {
	event    int32 // what is being processed, internal events included
	chosen   int32 // the transition whose guard is being evaluated
	payload  any
	trigger  int32 // the external event that began it
	internal []raised
	out      []output
	errs     []error
	reply    any
	acting   bool // the guard has passed
	entered  bool // the active leaf was entered in this macrostep
	told     bool // the observer knows of the transition
	micro    int
	path     []int32 // the leaves of the last microsteps of a long chain
}

// raised is an internal event.
type raised struct {
	event   int32
	payload any
}

// output is an event for the outbox.
type output struct {
	kind  int32
	event any
}

// external runs the macrostep of one external event.
func (c *Core) external(ctx context.Context, id int32, event any) error {
	ctx = c.stepCtx(ctx)
	if v := c.chart.Index[c.row+id]; v > 0 && c.plain {
		if t := &c.chart.Transitions[v-1]; t.Flags&Swift != 0 {
			return c.swift(ctx, v-1, t, id, event)
		}
	}
	from := c.leaf
	c.begin(id)
	handled := !c.finished && c.take(ctx, id, event)
	if !handled {
		c.unhandled(ctx, id)
	}
	return c.finish(ctx, from)
}

// swift is external for the only candidate of an event, if it is a transition
// that has nothing but a guard and actions, and leads to rest: most steps of most
// machines. It leaves out what such a step cannot need.
func (c *Core) swift(ctx context.Context, i int32, t *Transition, id int32, event any) error {
	s := &c.step
	s.trigger, s.event, s.payload = id, id, event
	s.micro, s.entered, s.reply, s.acting = 0, false, nil, t.Flags&Unguarded != 0
	ok, err := true, error(nil)
	if t.Flags&NoCode == 0 {
		ok, err = c.run(ctx, i)
	}
	return c.swiftEnd(ctx, t, id, ok, err)
}

// swiftEnd is what follows on the guard and the actions of a swift step.
func (c *Core) swiftEnd(ctx context.Context, t *Transition, id int32, ok bool, err error) error {
	s := &c.step
	from := c.leaf
	if err != nil {
		c.raiseError(err)
		ok = s.acting
	}
	if ok {
		s.micro = 1
		if t.Domain != None {
			c.leaf, c.row, s.entered = t.Leaf, t.Row, true
		}
	}
	if len(s.internal) > 0 {
		c.settle(ctx)
	}
	if !ok {
		c.unhandled(ctx, id)
	}
	if len(s.errs) > 0 || c.bound && (s.entered || len(s.out) > 0) {
		return c.finish(ctx, from)
	}
	s.payload = nil
	return nil
}

// macrostep processes an entry.
func (c *Core) macrostep(ctx context.Context, e *entry) error {
	switch e.kind {
	case externalEntry:
		err := c.external(ctx, e.event, e.payload)
		return c.outcome(e, err)
	case startEntry:
		return c.start(c.stepCtx(ctx))
	case delayEntry:
		return c.delayPassed(c.stepCtx(ctx), e.delay)
	case delayedEntry:
		return c.sendNow(ctx, e.delayed)
	}
	return nil
}

// outcome is the error of a request: no reply is one.
func (c *Core) outcome(e *entry, err error) error {
	if e.wait == nil || !e.wait.request || err != nil || c.step.reply != nil {
		return err
	}
	if c.step.micro == 0 {
		return &UnhandledError{c.self.Machine, c.self.Key, c.leafName(), c.chart.Events[e.event]}
	}
	return ErrNoReply
}

func (c *Core) start(ctx context.Context) error {
	c.begin(0)
	c.step.micro = 1
	c.enter(ctx, &c.chart.Start)
	c.settle(ctx)
	return c.finish(ctx, None)
}

// begin clears what the macrostep before left.
func (c *Core) begin(trigger int32) {
	s := &c.step
	s.trigger, s.event = trigger, trigger
	s.micro, s.entered, s.reply, s.path = 0, false, nil, s.path[:0]
	if c.observer != nil && trigger != 0 {
		c.observer.Received(c.self, c.chart.Events[trigger])
	}
}

// take processes an external event and what follows from it; it reports
// whether a transition took it.
func (c *Core) take(ctx context.Context, id int32, event any) bool {
	if !c.micro(ctx, id, event) {
		if len(c.step.internal) > 0 { // a guard failed
			c.settle(ctx)
		}
		return false
	}
	c.settle(ctx)
	return true
}

// settle takes eventless transitions, then internal events, until there are
// none left.
func (c *Core) settle(ctx context.Context) {
	s := &c.step
	next, moved := 0, true // eventless guards are asked again only after a microstep
	for !c.finished {
		if moved && c.chart.Index[c.row] != 0 && c.micro(ctx, 0, nil) {
			if c.tooLong(ctx) {
				break
			}
			continue
		}
		if next == len(s.internal) {
			break
		}
		r := s.internal[next]
		next++
		if moved = c.micro(ctx, r.event, r.payload); !moved {
			c.ignored(ctx, r)
		} else if c.tooLong(ctx) {
			break
		}
	}
	if c.finished {
		for _, r := range s.internal[next:] {
			c.ignored(ctx, r)
		}
	}
	clear(s.internal)
	s.internal = s.internal[:0]
}

// ignored deals with an internal event that no transition takes.
func (c *Core) ignored(ctx context.Context, r raised) {
	err, failed := r.payload.(error)
	if !failed || r.event != c.chart.Execution && r.event != c.chart.Comm {
		return
	}
	c.step.errs = append(c.step.errs, err)
	if r.event == c.chart.Execution {
		c.failure(ctx, FailedAction, err)
	}
}

// micro is one microstep: the first transition on event that is enabled.
func (c *Core) micro(ctx context.Context, event int32, payload any) bool {
	c.step.event, c.step.payload = event, payload
	v := c.chart.Index[c.row+event]
	if v > 0 {
		return c.try(ctx, v-1)
	}
	if v == 0 {
		return false
	}
	for list := c.chart.Candidates[-v-1:]; list[0] != None; list = list[1:] {
		if c.try(ctx, list[0]) {
			return true
		}
	}
	return false
}

// try takes transition i if its guard passes.
func (c *Core) try(ctx context.Context, i int32) bool {
	s, t := &c.step, &c.chart.Transitions[i]
	s.acting, s.chosen, s.told = false, i, false
	if t.Flags&NoCode == 0 && (t.Flags&Unguarded == 0 || t.Actions == None) {
		if t.Flags&Unguarded != 0 {
			c.Passed() // what fails now are its actions
		}
		ok, err := c.run(ctx, i)
		if err != nil {
			c.raiseError(err)
			ok = s.acting
		}
		if !ok {
			return false
		}
	}
	c.follow(ctx, i, t)
	return true
}

// follow exits, acts and enters for transition t, which has been chosen.
func (c *Core) follow(ctx context.Context, i int32, t *Transition) {
	c.step.micro++
	if c.observer != nil {
		c.tell(i)
	}
	if t.Flags&Quiet != 0 && c.observer == nil {
		if t.Domain != None {
			c.leaf, c.row, c.step.entered = t.Leaf, t.Row, true
		}
		return
	}
	if t.Domain != None {
		c.exit(ctx, t.Domain)
	}
	if t.Actions != None {
		c.block(ctx, t.Actions)
	}
	if t.Domain != None {
		c.enter(ctx, t)
	}
}

// exit leaves the active states below domain, innermost first.
func (c *Core) exit(ctx context.Context, domain int32) {
	for i := c.leaf; i != domain && i != None; i = c.chart.States[i].Parent {
		s := &c.chart.States[i]
		if c.observer != nil {
			c.observer.Exited(c.self, s.Path)
		}
		for d := s.FirstDelay; d < s.LastDelay; d++ {
			c.delays[d].disarm()
		}
		if s.Exit != None {
			c.block(ctx, s.Exit)
		}
	}
}

// enter goes the way of t, outermost state first. While it does, the active leaf
// is the innermost state entered so far.
func (c *Core) enter(ctx context.Context, t *Transition) {
	for _, step := range c.chart.Steps[t.First:t.Last] {
		s := &c.chart.States[step.State]
		if !step.Inside {
			c.enterState(ctx, step.State, s)
		}
		if step.Initial != None {
			c.block(ctx, step.Initial)
		}
	}
	c.leaf, c.row, c.step.entered = t.Leaf, t.Row, true
	if c.chart.States[t.Leaf].Kind == Final {
		c.done(ctx)
	}
}

func (c *Core) enterState(ctx context.Context, i int32, s *State) {
	c.leaf = i
	if c.observer != nil {
		c.observer.Entered(c.self, s.Path)
	}
	if s.Entry != None {
		c.block(ctx, s.Entry)
	}
	for d := s.FirstDelay; d < s.LastDelay; d++ {
		c.arm(d)
	}
}

// done raises that the parent of the active final state is done, or finishes
// the machine, whose exit actions then run.
func (c *Core) done(ctx context.Context) {
	parent := c.chart.States[c.leaf].Parent
	if parent != 0 {
		if ev := c.chart.States[parent].Done; ev != None {
			c.step.internal = append(c.step.internal, raised{event: ev})
		}
		return
	}
	c.finished, c.plain = true, false
	leaf := c.leaf
	c.exit(ctx, None)
	c.leaf = leaf
	c.dropPending()
}

// block runs a block of actions; a failure ends the block.
func (c *Core) block(ctx context.Context, id int32) {
	c.step.acting = true
	if _, err := c.run(ctx, id); err != nil {
		c.raiseError(err)
	}
}

// run calls Take and turns a panic into an error.
func (c *Core) run(ctx context.Context, id int32) (ok bool, err error) {
	returned := false
	defer func() {
		if !returned {
			err = c.caught(recover())
		}
	}()
	ok, err = c.prog.Take(ctx, id)
	returned = true
	return ok, err
}

// caught is the error for a panic. Without one, the goroutine is ending, by
// runtime.Goexit: the machine stops, rather than stay locked for ever.
func (c *Core) caught(r any) error {
	if r == nil {
		c.mu.Lock()
		c.stopped = true
		c.word.Or(halted)
		if e := c.current; e != nil {
			c.refuse(e)
		}
		c.mu.Unlock()
		c.drain()
		return ErrStopped
	}
	return &PanicError{Value: r, Stack: debug.Stack()}
}

// Passed says that the guard of the transition that Take is evaluating has
// passed: what fails from now on are its actions.
func (c *Core) Passed() {
	c.step.acting = true
	if c.observer != nil {
		c.tell(c.step.chosen)
	}
}

// tell tells the observer once that transition i has been chosen.
func (c *Core) tell(i int32) {
	if !c.step.told {
		c.step.told = true
		c.observer.Took(c.self, int(i), c.chart.Events[c.step.event])
	}
}

// raiseError raises error.execution.
func (c *Core) raiseError(err error) {
	e := &ActionError{c.self.Machine, c.self.Key, c.leafName(), c.chart.Events[c.step.event], err}
	if c.observer != nil {
		c.observer.Failed(c.self, e)
	}
	c.step.internal = append(c.step.internal, raised{c.chart.Execution, e})
}

func (c *Core) leafName() string {
	if c.leaf == None {
		return ""
	}
	return c.chart.leafPath(c.leaf)
}

// unhandled deals with an external event that nothing takes.
func (c *Core) unhandled(ctx context.Context, id int32) {
	if c.observer != nil {
		c.observer.Unhandled(c.self, c.chart.Events[id])
	}
	if c.chart.Strict {
		err := &UnhandledError{c.self.Machine, c.self.Key, c.leafName(), c.chart.Events[id]}
		c.step.errs = append(c.step.errs, err)
		c.failure(ctx, FailedUnhandled, err)
	}
}

// tooLong cuts a chain of microsteps that does not come to rest.
func (c *Core) tooLong(ctx context.Context) bool {
	s := &c.step
	if s.micro > MaxMicrosteps/2 {
		s.path = append(s.path, c.leaf)
	}
	if s.micro < MaxMicrosteps {
		return false
	}
	err := &LoopError{Machine: c.self.Machine, Key: c.self.Key, Steps: s.micro, Cycle: c.cycle()}
	s.errs = append(s.errs, err)
	c.failure(ctx, FailedLoop, err)
	return true
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
		names = append(names, orNone(c.chart.leafPath(leaf)))
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

// failure hands a failure to the outbox.
func (c *Core) failure(ctx context.Context, kind FailureKind, err error) {
	if !c.bound {
		return
	}
	f := Failure{kind, c.self.Machine, c.self.Key, c.leafName(), c.chart.Events[c.step.trigger], err}
	if err := c.prog.Failed(ctx, f); err != nil {
		c.notPublished(err)
	}
}

// finish flushes the outbox and returns the macrostep's error.
func (c *Core) finish(ctx context.Context, from int32) error {
	s := &c.step
	if c.bound && (s.entered || len(s.out) > 0) {
		c.flush(ctx, from)
	}
	s.payload = nil
	if len(s.errs) == 0 {
		return nil
	}
	err := s.errs[0]
	if len(s.errs) > 1 {
		err = errors.Join(s.errs...)
	}
	clear(s.errs)
	s.errs, s.path = s.errs[:0], s.path[:0]
	return err
}
