package machine

import (
	"context"
	"errors"
)

// Start enters the initial configuration.
func (c *Core) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.claim(); err != nil {
		return err
	}
	return c.firstStep(ctx)
}

// firstStep runs the first step of a machine that has been claimed.
func (c *Core) firstStep(ctx context.Context) error {
	err := c.macrostep(ctx, &entry{kind: startEntry})
	c.release()
	return err
}

// claim takes a machine that has not been started.
func (c *Core) claim() error {
	for {
		w := c.word.Load()
		switch {
		case w&halted != 0:
			return ErrStopped
		case w&(started|busy) != 0:
			return ErrAlreadyStarted
		}
		if c.word.CompareAndSwap(w, w|busy|started) {
			return nil
		}
	}
}

// Send processes event id and returns when its macrostep has completed: nil, an
// *ActionError that no transition on error.execution has taken, an
// *UnhandledError of a strict machine, a *LoopError, a *PublishError, or several
// joined. If another step is running it waits its turn; ErrFull says that there
// is no room to wait, and an error of ctx that the event was withdrawn before
// its step began. Within a step of the same machine, known by ctx, it queues the
// event and returns nil; within a step of another machine it waits no longer than
// PublishTimeout, and then returns ErrBusy. An event that is deferred has been
// processed: its later outcome is not Send's.
func (c *Core) Send(ctx context.Context, id int32, event any) error {
	w := c.word.Load()
	if w&(busy|queued|started|halted|treed) == started && ctx.Err() == nil && c.word.CompareAndSwap(w, w|busy) {
		err := c.external(ctx, id, event)
		c.giveBack(w)
		return err
	}
	_, err := c.slowSend(ctx, id, event, noReply)
	return err
}

// Identified is an event of a bus, which has an id. It may be made only when it is
// asked for.
type Identified interface{ ID() string }

// Deliver is Send for an event that of has brought, with its id. A machine that a keyed
// host's instance has invoked recognises by it an event that it has processed, and
// does nothing then; as with Host.Deliver, an error means that the event has not been
// processed, or is not known to have been. For other machines it is Send.
func (c *Core) Deliver(ctx context.Context, of Identified, id int32, event any) error {
	if c.word.Load()&treed == 0 {
		return c.Send(ctx, id, event)
	}
	eventID := of.ID()
	_, err := c.slowEntry(&entry{ctx: withEvent(ctx, eventID), kind: externalEntry, event: id, payload: event, id: eventID}, noReply)
	if processed(err) {
		return nil
	}
	return err
}

// giveBack ends a turn that was taken while word was w: in one operation, if
// nobody has changed it and there is nothing else to do.
func (c *Core) giveBack(w uint64) {
	if len(c.kept) > 0 {
		c.retry()
	}
	if c.chart.Width > 1 || !c.word.CompareAndSwap(w|busy, started|c.leafBits()) {
		c.release()
	}
}

// Request is Send for an event that has a reply, which it returns. A macrostep
// without one is ErrNoReply, an unhandled request an *UnhandledError. While the
// request is deferred, Request waits.
func (c *Core) Request(ctx context.Context, id int32, event any) (any, error) {
	return c.slowSend(ctx, id, event, withReply)
}

// Post queues event id and returns; its errors are reported to the observer and
// the outbox, or logged if there is no observer. If the machine is idle the event
// is processed before Post returns.
func (c *Core) Post(ctx context.Context, id int32, event any) error {
	return c.post(&entry{ctx: queuedCtx(ctx), kind: externalEntry, event: id, payload: event})
}

func (c *Core) post(e *entry) error {
	if err := c.enqueue(e, InboxSize); err != nil {
		return err
	}
	c.runIfIdle()
	return nil
}

// Stop ends the machine: it waits for a running step and for services, whose ctx
// it cancels, stops delays and invoked machines, and drops what is queued or
// deferred, whose senders get ErrStopped. Exit actions do not run. Within a step
// it takes effect when that step ends; within a service, and within an invoked
// machine, it does not wait for them. It returns ctx's error if it ends first; the
// machine stops all the same.
func (c *Core) Stop(ctx context.Context) error {
	err := c.stop(ctx)
	c.tellParent(ErrStopped)
	return err
}

func (c *Core) stop(ctx context.Context) error {
	if c.word.Load()&treed != 0 {
		if over := c.stopInTurn(); over != nil {
			return c.awaitStop(ctx, over)
		}
	}
	c.mu.Lock()
	c.stopped = true
	c.word.Or(halted)
	idle := c.word.Or(busy)&busy == 0
	c.mu.Unlock()
	if idle {
		c.release()
		return c.awaitCalls(ctx)
	}
	e := &entry{kind: nothing, wait: newWaiter()}
	if !c.within(ctx) && c.enqueueAlways(e) {
		return c.awaitCalls(ctx) // the step ended meanwhile
	}
	return c.awaitStop(ctx, e.wait)
}

// awaitStop waits for the step that runs to end, unless ctx is of it, and for all
// that has been invoked.
func (c *Core) awaitStop(ctx context.Context, over *waiter) error {
	if c.within(ctx) {
		return nil
	}
	select {
	case <-over.done:
		return c.awaitCalls(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// StopWith is Stop for a machine that takes events by a subscription, which is
// closed as well.
func (c *Core) StopWith(ctx context.Context, closeInbox func(context.Context) error) error {
	err := c.Stop(ctx)
	if c.within(ctx) {
		// The subscription's handler may be waiting for this very step.
		over, cancel := context.WithCancel(ctx)
		cancel()
		_ = closeInbox(over) // it is closed, and has not been waited for
		return err
	}
	return errors.Join(err, closeInbox(ctx))
}
