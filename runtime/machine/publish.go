package machine

import (
	"context"
	"time"
)

// publish publishes the outbox in order. What cannot be published stays, in the
// store too, and is tried again later; what comes after it waits. What can never be
// published is reported and dropped. The step is stored: that its sender gives up
// does not end it.
func (l *life) publish(ctx context.Context) {
	if len(l.outbox) == 0 || !l.core.bound {
		return
	}
	defer func() {
		l.waiting.Store(int64(len(l.outbox)))
		l.stopSpares()
	}()
	ctx = context.WithoutCancel(ctx)
	for len(l.outbox) > 0 {
		m := &l.outbox[0]
		switch err := l.publishOne(ctx, m); {
		case err == nil:
			*m = message{}
			l.outbox = l.outbox[1:]
		case m.unread != nil || permanent(err):
			l.bury(ctx, m, err)
		default:
			l.publishLater(ctx, m, err)
			return
		}
	}
	l.outbox, l.failures = nil, 0
}

// publishOne publishes one message; who plays a role may panic.
func (l *life) publishOne(ctx context.Context, m *message) (err error) {
	if m.unread != nil {
		return m.unread
	}
	m.tried++
	defer func() {
		if r := recover(); r != nil {
			err = panicError(r)
		}
	}()
	if m.from == nil {
		if err := l.resolve(m); err != nil {
			return err
		}
	}
	return m.from.PublishMessage(withEvent(ctx, m.ID), m.ID, ownName(m.Name), m.value)
}

// retryLoad is how long a host waits before it loads an instance again that could
// not be loaded or stored, or publishes again what could not be published. The
// latter doubles with each failure, to maxRetry.
const (
	retryLoad = time.Second
	maxRetry  = 30 * time.Second
)

// publishLater reports a failure and has the outbox published again, once: while
// one attempt is promised, steps try as well.
func (l *life) publishLater(ctx context.Context, m *message, err error) {
	if l.promised {
		return
	}
	l.promised = true
	c := l.core
	c.Logger().ErrorContext(ctx, "an event stays in the outbox", "id", m.ID, "error", err)
	if c.observer != nil {
		c.observer.Failed(c.self, &PublishError{c.self.Machine, c.self.Key, err})
	}
	wait := min(retryLoad<<min(l.failures, 10), maxRetry)
	l.failures++
	c.clock.AfterFunc(wait, func() {
		c.later(context.Background(), func(ctx context.Context) {
			l.promised = false
			l.publish(ctx)
		})
		c.runIfIdle()
	})
}

// later queues a call of f as a step that processes nothing; a machine that has
// stopped drops it.
func (c *Core) later(ctx context.Context, f func(context.Context)) {
	_ = c.enqueue(&entry{ctx: ctx, kind: turnEntry, payload: f}, unlimited) // whoever loads the instance publishes
}

// abandon stops an instance as Stop does, without waiting.
func (c *Core) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.word.Or(halted)
}

// lost reports whether the instance has been given up or stopped.
func (c *Core) lost() bool { return c.word.Load()&halted != 0 }

// retire stops an instance that is idle, if it may be; it never waits.
func (c *Core) retire(may func() bool) bool {
	w := c.word.Load()
	if w&(busy|queued|started) != started || !c.word.CompareAndSwap(w, w|busy) {
		return false
	}
	yes := may()
	if yes {
		c.abandon()
	}
	c.release()
	return yes
}
