package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Parent is the part of a Program that machines have which take events from those
// that they invoke.
type Parent interface {
	// FromChild makes the machine's own event of one that an invoked machine sends,
	// and tells its number; ok is false for an event that it does not know.
	FromChild(event any) (id int32, own any, ok bool)
}

// startChild starts the machine that the invocation runs, within the step that
// ctx is of: what the child's first step sends to its parent is queued there. A
// child whose first step fails has failed as a whole. Whatever ends the goroutine
// ends the child and this machine, but leaves neither locked.
func (call *invocation) startChild(ctx context.Context, what Invocation) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = call.core.caught(recover())
		}
	}()
	err = call.startOrGoOn(context.WithoutCancel(ctx), what)
	if err != nil && call.child == nil && !errors.Is(err, ErrAlreadyStarted) {
		call.adopt(what) // nobody else has it: it is to be stopped
		call.failed = true
	}
	returned = true
	return err
}

// startOrGoOn starts a machine, or lets one go on that has been restored.
func (call *invocation) startOrGoOn(ctx context.Context, what Invocation) error {
	if err := what.Child.joins(call.core.life); err != nil {
		return err
	}
	if p := call.prepared; p != nil {
		call.prepared = nil
		call.adopt(what)
		p.child.goOn(ctx)
		return nil
	}
	if err := what.Child.claim(); err != nil {
		return err
	}
	call.adopt(what)
	if call.core.life != nil {
		return call.open(ctx)
	}
	return what.Child.firstStep(ctx)
}

// open runs the first step of a machine of a tree, as a part of its parent's.
func (call *invocation) open(ctx context.Context) error {
	c := call.child
	call.core.changed()
	c.life.extra() // it has to be waited for
	c.nested, call.opening = true, true
	err := c.macrostep(ctx, &entry{kind: startEntry})
	c.nested, call.opening, call.failed = false, false, err != nil
	if err == nil {
		call.keepMade()
	}
	c.endTurn()
	return err
}

// adopt makes the machine that the invocation runs a child.
func (call *invocation) adopt(what Invocation) {
	call.child, call.stop, call.output = what.Child, what.Stop, what.Output
	if call.stop == nil {
		call.stop = call.child.Stop
	}
	call.child.as = call
	call.child.join(call.core.life)
	call.child.parent.Store(call)
}

// dismiss ends a machine that its parent does not need any more: as SCXML has it,
// it exits its states, exit actions included, unless it has stopped already. It does
// so at once if it is idle, and else when its step ends, which may be the very step
// that led here. Waiting for that and for its services is for another goroutine, which
// the parent's Stop waits for.
func (call *invocation) dismiss(ctx context.Context) {
	c := call.child
	if c.word.Load()&treed != 0 {
		call.depart(ctx)
		return
	}
	c.parent.CompareAndSwap(call, nil)
	c.mu.Lock()
	if !c.stopped {
		c.leaving = context.WithoutCancel(ctx)
	}
	c.word.Or(halted)
	c.mu.Unlock()
	defer call.core.calls.Go(func() { _ = call.stop(context.Background()) }) // even if the goroutine ends
	call.run(c)
}

// run lets a child take its last step; if that ends the goroutine, the parent stops
// as well, rather than stay locked.
func (call *invocation) run(child *Core) {
	returned := false
	defer func() {
		if !returned {
			_ = call.core.caught(recover())
		}
	}()
	child.runIfIdle()
	returned = true
}

// halt stops a machine whose parent has stopped: like the parent, it exits nothing.
// No step of it begins from now on.
func (call *invocation) halt() {
	c := call.child
	c.parent.CompareAndSwap(call, nil)
	c.mu.Lock()
	c.stopped, c.loose = true, true
	c.word.Or(halted)
	c.mu.Unlock()
	call.core.calls.Go(func() { _ = call.stop(context.Background()) })
}

// depart is the last step of a machine that its parent does not need any more.
func (c *Core) depart(ctx context.Context) error {
	c.begin(0)
	c.scratch()
	if !c.finished {
		c.exitForEver(ctx)
		c.settle(ctx)
	}
	return c.finish(ctx)
}

// tellParent tells the machine that invoked c, once, how it has ended.
func (c *Core) tellParent(err error) {
	call := c.parent.Swap(nil)
	if call == nil {
		return
	}
	var output any
	if err == nil {
		output = c.output
		if call.output != nil {
			output = call.output(output)
		}
	}
	call.over(output, err)
}

// Child is the machine that runs as invocation n, nil if none does.
func (c *Core) Child(n int32) *Core {
	if c.running == nil || c.running[n] == nil {
		return nil
	}
	return c.running[n].child
}

// Parent is the machine that invoked c and still wants it, nil if there is none.
func (c *Core) Parent() *Core {
	if call := c.parent.Load(); call != nil {
		return call.core
	}
	return nil
}

// SetOutput sets what a machine returns to the one that invoked it.
func (c *Core) SetOutput(output any) { c.output = output }

// ToChild queues the child's event number event at the machine that runs as the
// first of the given invocations that runs at all; id is what they are called.
func (c *Core) ToChild(ctx context.Context, id string, event int32, payload any, among ...int32) error {
	for _, n := range among {
		if child := c.Child(n); child != nil {
			return child.post(c.forKin(ctx, &entry{kind: externalEntry, event: event, payload: payload}))
		}
	}
	return fmt.Errorf("%w: %q", ErrNotRunning, id)
}

// ToParent queues an event at the machine that invoked c, which makes its own
// event of it. What is sent to a parent that has ended the invocation is dropped:
// it ends c as well.
func (c *Core) ToParent(ctx context.Context, event any) error {
	call := c.parent.Load()
	if call == nil {
		if c.as != nil {
			return nil
		}
		if c.toParent != nil {
			return c.toParent(ctx, event)
		}
		return ErrNoParent
	}
	parent, ok := call.core.prog.(Parent)
	if !ok {
		return ErrUnknownEvent
	}
	id, own, ok := parent.FromChild(event)
	if !ok {
		return ErrUnknownEvent
	}
	if err := call.tell(ctx, id, own); !errors.Is(err, ErrStopped) {
		return err
	}
	return nil
}

// invoker is the machine that invoked c, whether it still wants it or not, nil if
// there is none.
func (c *Core) invoker() *Core {
	if c.as == nil {
		return nil
	}
	return c.as.core
}

// descends reports whether c was invoked by a, or by one that a invoked.
func (c *Core) descends(a *Core) bool {
	for up := c.invoker(); up != nil; up = up.invoker() {
		if up == a {
			return true
		}
	}
	return false
}

// kinKey is the key under which a ctx tells that it is from a service of core, or
// from a step or a service of a machine that core invoked: the end of which
// whoever has it cannot wait for. serviceKey leaves steps out.
type (
	kinKey     struct{ core *Core }
	serviceKey struct{ core *Core }
)

// serviceContext is the ctx of a service.
type serviceContext struct {
	context.Context
	core *Core
}

// Value implements context.Context.
func (s serviceContext) Value(key any) any {
	var of *Core
	switch k := key.(type) {
	case kinKey:
		of = k.core
	case serviceKey:
		of = k.core
	}
	if of != nil && (of == s.core || s.core.descends(of)) {
		return s.core
	}
	return s.Context.Value(key)
}

// isKin reports whether an output is for an invoked machine or for the parent.
func (o output) isKin() bool { return o.kind < failureKind }

// firstKin is the first kind of such an output; the others are below it.
const firstKin = failureKind - 1

// sendName is the name of a kind of output that is emitted or sent.
func (c *Chart) sendName(kind int32) string {
	if kind <= firstKin {
		return c.Kin[firstKin-kind]
	}
	return c.Outputs[kind]
}

// sendNamed is the kind of the output with a name.
func (c *Chart) sendNamed(name string) (kind int32, known bool) {
	if i := slices.Index(c.Outputs, name); i >= 0 {
		return int32(i), true
	}
	i := slices.Index(c.Kin, name)
	return firstKin - int32(i), i >= 0
}

// forKin completes an entry that the machine queues at one that it has invoked, or
// at its parent. Within a tree it is stored.
func (c *Core) forKin(ctx context.Context, e *entry) *entry {
	e.ctx, e.own = queuedCtx(ctx), c.life != nil
	return e
}

// sendToKin queues what a step has for machines of its tree at them: it is stored
// there, with the step. If that fails, what error.communication leads to is part of
// the step.
func (c *Core) sendToKin(ctx context.Context) {
	failed := c.queueAtKin(ctx)
	if failed != nil && !c.finished {
		deferred := c.step.deferred
		c.step.internal = append(c.step.internal, raised{c.chart.Comm, failed})
		c.settle(ctx)
		c.step.deferred = deferred
		c.invokeAll(ctx)
		failed = c.queueAtKin(ctx)
	}
	if failed != nil {
		c.step.errs = append(c.step.errs, failed)
	}
}

// queueAtKin takes what is for the kin out of what the step has made.
func (c *Core) queueAtKin(ctx context.Context) (first error) {
	c.step.out = slices.DeleteFunc(c.step.out, func(o output) bool {
		if !o.isKin() {
			return false
		}
		if err := c.publish(ctx, o); err != nil && first == nil {
			first = c.publishError(err)
		}
		return true
	})
	return first
}
