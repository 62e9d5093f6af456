package machine

import (
	"context"
	"errors"
)

// errHosted says that an instance is its host's to put away.
var errHosted = errors.New("machine: an instance of a host cannot be suspended")

// suspension is the payload of the entry that Suspend queues.
type suspension struct{}

// suspends reports whether the machine stops with the snapshot that e is for.
func (e *entry) suspends() bool {
	if e == nil || e.kind != snapshotEntry {
		return false
	}
	switch p := e.payload.(type) {
	case suspension:
		return true
	case *cut:
		return p.last
	}
	return false
}

// Suspend is Snapshot and Stop in one: the machine, and those that it invokes,
// take no step after the snapshot. What others have posted and has not been
// processed is in it; who waits for the outcome of an event that has not, gets
// ErrStopped. If ctx ends before the machine is captured, nothing has happened.
// Within a step or a service of the machine, or of one that it has invoked, it is
// ErrReentrant.
func (c *Core) Suspend(ctx context.Context) (*Snapshot, error) {
	if c.life != nil {
		return nil, errHosted
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.within(ctx) || ctx.Value(kinKey{c}) != nil {
		return nil, ErrReentrant
	}
	own, err := c.captureBy(ctx, suspension{})
	for err == nil && own.over {
		if err = pause(ctx); err == nil {
			own, err = c.captureBy(ctx, suspension{})
		}
	}
	if err != nil {
		return nil, err
	}
	_, err = own.withChildren(detach(ctx)) // those that have ended tell so when they are restored
	c.tellParent(ErrStopped)
	if err != nil {
		return nil, err
	}
	return own.Snapshot, nil
}

// letGo leaves the machines that a suspended one has invoked to their marks: they
// are to stop when they come to them, and not before.
func (c *Core) letGo() {
	for n, call := range c.running {
		if call != nil && call.child != nil {
			c.running[n] = nil
		}
	}
}

// outputAgain makes the output of a machine that had finished when the snapshot
// was taken, which does not have it.
func (c *Core) outputAgain(ctx context.Context) {
	c.begin(0)
	c.makeOutput(ctx)
	clear(c.step.internal)
	c.step.internal = c.step.internal[:0]
}
