package machine

import (
	"context"
	"errors"
	"runtime/debug"
)

// step is the state of the macrostep that runs.
type step struct {
	event    int32    // what is being processed, internal events included
	chosen   int32    // the transition whose guard is being evaluated
	at       int32    // the state whose entry or exit runs; None else
	from     [1]int32 // the leaf before the macrostep, where there is never more than one
	payload  any
	trigger  int32 // the external event that began it
	internal []raised
	out      []output
	errs     []error
	reply    any
	taken    bool // a transition took the external event
	outside  bool // what is being processed came from outside
	deferred bool // it was deferred
	acting   bool // the guard has passed
	entered  bool // states were exited or entered
	told     bool // the observer knows of the transition
	left     bool // and of the states that it exits
	micro    int
	place    int     // of the event in a batch whose step is swift
	path     []int32 // the states of the last microsteps of a long chain
}

// raised is an internal event.
type raised struct {
	event   int32
	payload any
}

// output is an event for the outbox.
type output struct {
	kind    int32
	event   any
	failure string // the kind of a failure
}

// external runs the macrostep of one external event.
func (c *Core) external(ctx context.Context, id int32, event any) error {
	if c.life != nil && c.again() {
		c.begin(id)
		c.step.taken = true
		if c.observer != nil {
			c.observer.Repeated(c.self, c.chart.Events[id], c.current.id)
		}
		return nil
	}
	ctx = c.stepCtx(ctx)
	if v := c.chart.Index[c.row+id]; v > 0 && c.plain {
		if t := &c.chart.Transitions[v-1]; t.Flags&Swift != 0 {
			return c.swift(ctx, v-1, t, id, event)
		}
	}
	c.begin(id)
	c.step.outside = true
	c.ended(ctx, id, event, !c.finished && c.take(ctx, id, event))
	return c.finish(ctx)
}

// ended deals with an external event that no transition has taken.
func (c *Core) ended(ctx context.Context, id int32, event any, taken bool) {
	switch {
	case taken:
	case c.step.deferred:
		c.keep(ctx, id, event)
	default:
		if e := c.current; e != nil && (e.kept || e.stored) {
			c.changed()
		}
		c.unhandled(ctx, id)
	}
}

// swift is external for the only candidate of an event, if it is a transition
// that has nothing but a guard and actions, and leads to rest: most steps of most
// machines. It leaves out what such a step cannot need.
func (c *Core) swift(ctx context.Context, i int32, t *Transition, id int32, event any) error {
	s := &c.step
	s.payload, s.acting, s.reply, s.at, s.deferred = event, t.Flags&Unguarded != 0, nil, None, false
	ok, err := true, error(nil)
	if t.Flags&NoCode == 0 {
		ok, err = c.run(ctx, i)
	}
	return c.swiftEnd(ctx, t, id, ok, err)
}

// swiftEnd is what follows on the guard and the actions of a swift step.
func (c *Core) swiftEnd(ctx context.Context, t *Transition, id int32, ok bool, err error) error {
	s := &c.step
	s.trigger, s.event, s.from[0] = id, id, c.one[0]
	s.micro, s.entered, s.taken = 0, false, true
	if err != nil {
		c.raiseError(err)
		ok = s.acting
	}
	if ok {
		s.micro = 1
		if t.Domain != None {
			c.one[0], c.row, s.entered = t.Leaf, t.Row, true
		}
	}
	if len(s.internal) > 0 || !ok && c.chart.Index[c.row] != 0 {
		s.outside = false
		c.settle(ctx)
	}
	if !ok {
		s.taken = false
		c.unhandled(ctx, id)
	}
	if len(s.errs) > 0 || len(s.out) > 0 || c.bound && s.entered {
		return c.finish(ctx)
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
	case timeEntry:
		return c.timePassed(ctx)
	case snapshotEntry:
		c.begin(0)
		s, err := c.capture()
		c.step.reply = s
		return err
	case turnEntry:
		c.begin(0)
		e.payload.(func(context.Context))(c.stepCtx(ctx))
	case childEntry:
		c.begin(0)
		c.giveTurn(e.payload.(*Core))
	case invokeEntry:
		return c.invocationEnded(c.stepCtx(ctx), e)
	case leaveEntry:
		return c.depart(c.stepCtx(ctx))
	}
	return nil
}

// outcome is the error of a request: no reply is one.
func (c *Core) outcome(e *entry, err error) error {
	if e.wait == nil || !e.wait.request || err != nil || c.step.reply != nil || c.step.deferred {
		return err
	}
	if !c.step.taken {
		return &UnhandledError{c.self.Machine, c.self.Key, c.leafName(), c.chart.Events[e.event]}
	}
	return ErrNoReply
}

func (c *Core) start(ctx context.Context) error {
	c.begin(0)
	c.step.micro = 1
	w := c.scratch()
	w.enabled = append(w.enabled[:0], chosen{starting, None})
	c.arrive(ctx)
	c.settle(ctx)
	return c.finish(ctx)
}

// begin clears what the macrostep before left.
func (c *Core) begin(trigger int32) {
	s := &c.step
	s.trigger, s.event, s.from[0], s.at = trigger, trigger, c.one[0], None
	s.micro, s.entered, s.deferred, s.taken, s.outside, s.reply, s.path = 0, false, false, false, false, nil, s.path[:0]
	if w := c.work; w != nil {
		w.fresh, w.left = w.fresh[:0], w.left[:0]
	}
	if c.observer != nil && trigger != 0 {
		c.observer.Received(c.self, c.chart.Events[trigger])
	}
}

// take processes the event that begins a macrostep and what follows from it; it
// reports whether a transition took it.
func (c *Core) take(ctx context.Context, id int32, event any) bool {
	taken := c.micro(ctx, id, event)
	deferred := c.step.deferred
	c.settle(ctx)
	c.step.deferred, c.step.taken = deferred && !taken, taken
	return taken
}

// settle takes eventless transitions, then internal events, until there are none
// left. Eventless transitions are asked after every event, taken or not, except
// after a failure that nothing took: an eventless guard that fails whenever it is
// asked would never come to rest.
func (c *Core) settle(ctx context.Context) {
	s := &c.step
	s.outside = false
	next, ask := 0, true
	for !c.finished {
		if ask && c.micro(ctx, 0, nil) {
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
		if c.micro(ctx, r.event, r.payload) {
			ask = true
			if c.tooLong(ctx) {
				break
			}
		} else {
			ask = r.event != c.chart.Execution
			c.ignored(ctx, r)
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
	if c.observer != nil {
		c.observer.Ignored(c.self, c.chart.Events[r.event])
	}
	err, failed := r.payload.(error)
	if !failed || r.event != c.chart.Execution && r.event != c.chart.Comm {
		return
	}
	c.step.errs = append(c.step.errs, err)
	if r.event == c.chart.Execution {
		c.failure(ctx, FailedAction, err)
	}
}

// block runs a block of actions; a failure ends the block.
func (c *Core) block(ctx context.Context, id int32) {
	c.step.acting = true
	_, err := c.run(ctx, id)
	if c.observer != nil {
		c.acted(id, err)
	}
	if err != nil {
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
		c.tellParent(ErrStopped)
		return ErrStopped
	}
	return panicError(r)
}

func panicError(r any) error { return &PanicError{Value: r, Stack: debug.Stack()} }

// raiseError raises error.execution.
func (c *Core) raiseError(err error) {
	e := &ActionError{c.self.Machine, c.self.Key, c.leafName(), c.chart.Events[c.step.event], err}
	if c.observer != nil {
		c.observer.Failed(c.self, e)
	}
	c.step.internal = append(c.step.internal, raised{c.chart.Execution, e})
}

// leafName is where the machine is: the state that is being exited or entered, or
// else the active leaves.
func (c *Core) leafName() string {
	if c.step.at != None {
		return c.chart.path(c.step.at)
	}
	name := ""
	for i, leaf := range c.leaves {
		if i > 0 {
			name += " "
		}
		name += c.chart.path(leaf)
	}
	return name
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

// finish commits what the macrostep has made, and returns its error.
func (c *Core) finish(ctx context.Context) error {
	s := &c.step
	if c.life != nil {
		return c.finishStored(ctx)
	}
	c.invokeAll(ctx)
	if len(s.out) > 0 || c.bound && s.entered {
		c.flush(ctx)
	}
	s.payload = nil
	if c.finished {
		c.tellParent(nil)
	}
	return c.stepErrors()
}

// stepErrors are the errors of the macrostep, joined.
func (c *Core) stepErrors() error {
	s := &c.step
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
