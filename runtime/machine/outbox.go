package machine

import (
	"context"
	"slices"
	"time"
)

// flush publishes what the macrostep made, in order, and then the states that it
// ended in. A failure raises error.communication: what that leads to is published
// as well.
func (c *Core) flush(ctx context.Context) {
	failed := c.publishAll(ctx)
	if failed != nil && !c.finished {
		moved := c.step.entered
		c.forget()
		c.step.internal = append(c.step.internal, raised{c.chart.Comm, failed})
		c.settle(ctx)
		c.invokeAll(ctx)
		failed = c.publishAll(ctx)
		c.step.entered = c.step.entered || moved
	}
	if failed != nil {
		c.step.errs = append(c.step.errs, failed)
	}
}

// forget makes the states that were entered so far those of before.
func (c *Core) forget() {
	c.step.entered, c.step.from[0] = false, c.one[0]
	if w := c.work; w != nil {
		w.fresh, w.left = w.fresh[:0], w.left[:0]
	}
}

// publishAll publishes everything, whatever fails, and returns the first error.
func (c *Core) publishAll(ctx context.Context) error {
	s := &c.step
	var first error
	for i := range s.out {
		if err := c.publish(ctx, s.out[i]); err != nil && first == nil {
			first = c.publishError(err)
		}
	}
	clear(s.out)
	s.out = s.out[:0]
	if err := c.publishChanges(ctx); err != nil && first == nil {
		first = c.publishError(err)
	}
	return first
}

// publishChanges publishes the changes of the step.
func (c *Core) publishChanges(ctx context.Context) error {
	if !c.bound {
		return nil
	}
	var failed error
	c.eachChange(func(change Change) {
		if err := c.prog.Changed(ctx, change); err != nil && failed == nil {
			failed = err
		}
	})
	return failed
}

// eachChange calls f for every leaf that was entered and is still active.
func (c *Core) eachChange(f func(Change)) {
	if !c.step.entered {
		return
	}
	fresh, left := c.leaves, c.step.from[:]
	if c.chart.Width > 1 {
		fresh, left = c.work.fresh, c.work.left
		slices.Sort(fresh)
		slices.Sort(left)
	} else if left[0] == None {
		left = nil
	}
	for _, leaf := range fresh {
		c.seq++
		f(Change{State: leaf, From: left, Active: c.leaves, Trigger: c.chart.Events[c.step.trigger], Seq: c.seq, At: c.clock.Now(), Done: c.finished})
	}
}

// failure hands a failure to the outbox.
func (c *Core) failure(ctx context.Context, kind FailureKind, err error) {
	if !c.bound {
		return
	}
	f := Failure{Kind: kind, Machine: c.self.Machine, Key: c.self.Key, State: c.leafName(), Event: c.chart.Events[c.step.trigger], Err: err}
	if c.life != nil {
		c.step.out = append(c.step.out, output{failureKind, c.prog.(Publisher).FailureValue(f), string(kind)})
		return
	}
	if err := c.prog.Failed(ctx, f); err != nil {
		c.step.errs = append(c.step.errs, c.publishError(err))
	}
}

// publish publishes one event; who plays a role may panic.
func (c *Core) publish(ctx context.Context, o output) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = c.caught(recover())
		}
	}()
	err = c.prog.Publish(ctx, o.kind, o.event)
	returned = true
	return err
}

func (c *Core) publishError(err error) error {
	e := &PublishError{c.self.Machine, c.self.Key, err}
	if c.observer != nil {
		c.observer.Failed(c.self, e)
	}
	return e
}

// Payload is the event that is being processed.
func (c *Core) Payload() any { return c.step.payload }

// Err is the failure that is being processed, where the event is one.
func (c *Core) Err() error {
	err, _ := c.step.payload.(error)
	return err
}

// Now is the time, by the machine's clock.
func (c *Core) Now() time.Time { return c.clock.Now() }

// Emit puts an event into the outbox. A kind below None is for the machine's
// parent or for one that it invoked, and needs no outbox that publishes.
func (c *Core) Emit(kind int32, event any) {
	if c.bound || kind <= firstKin {
		c.step.out = append(c.step.out, output{kind: kind, event: event})
	}
}

// Raise queues an internal event.
func (c *Core) Raise(id int32, event any) {
	c.step.internal = append(c.step.internal, raised{id, event})
}

// SendSelf queues an event at the end of the machine's own inbox.
func (c *Core) SendSelf(ctx context.Context, id int32, event any) error {
	return c.enqueue(&entry{ctx: queuedCtx(ctx), kind: externalEntry, event: id, payload: event, own: true}, InboxSize)
}

// Reply answers the request that is being processed; the first call wins.
func (c *Core) Reply(reply any) {
	if c.step.reply == nil {
		c.step.reply = reply
	}
}
