package machine

import (
	"context"
	"time"
)

// flush publishes what the macrostep made, in order, and then the state that it
// ended in. A failure raises error.communication: what that leads to is
// published as well, once.
func (c *Core) flush(ctx context.Context, from int32) {
	failed := c.publishAll(ctx)
	if failed != nil && !c.finished {
		c.step.internal = append(c.step.internal, raised{c.chart.Comm, failed})
		c.settle(ctx)
		failed = c.publishAll(ctx)
	}
	if failed != nil {
		c.step.errs = append(c.step.errs, failed)
	}
	if !c.step.entered {
		return
	}
	c.seq++
	change := Change{State: c.leaf, From: from, Trigger: c.chart.Events[c.step.trigger], Seq: c.seq, At: c.clock.Now(), Done: c.finished}
	if err := c.prog.Changed(ctx, change); err != nil {
		c.notPublished(err)
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
	return first
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

func (c *Core) notPublished(err error) {
	c.step.errs = append(c.step.errs, c.publishError(err))
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

// Emit puts an event into the outbox.
func (c *Core) Emit(kind int32, event any) {
	if c.bound {
		c.step.out = append(c.step.out, output{kind, event})
	}
}

// Raise queues an internal event.
func (c *Core) Raise(id int32, event any) {
	c.step.internal = append(c.step.internal, raised{id, event})
}

// SendSelf queues an event at the end of the machine's own inbox.
func (c *Core) SendSelf(ctx context.Context, id int32, event any) error {
	return c.enqueue(&entry{ctx: context.WithoutCancel(ctx), kind: externalEntry, event: id, payload: event}, InboxSize)
}

// Reply answers the request that is being processed; the first call wins.
func (c *Core) Reply(reply any) {
	if c.step.reply == nil {
		c.step.reply = reply
	}
}
