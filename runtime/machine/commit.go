package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// finishStored is finish for an instance of a keyed host, and for what it invokes:
// what the step has made is stored before anybody hears of it.
func (c *Core) finishStored(ctx context.Context) error {
	l := c.life
	c.invokeAll(ctx)
	c.sendToKin(ctx)
	c.collect()
	c.step.payload = nil
	if c.finished {
		c.tellParent(nil)
	}
	if !c.nested {
		if err := c.commit(ctx); err != nil {
			c.step.errs = append(c.step.errs, err)
		} else {
			l.serve()
			l.publish(ctx)
		}
	}
	return c.stepErrors()
}

// commit stores the instance after a macrostep, with what it emits and sends. If
// that fails the instance is given up: what it has become in memory is not true,
// and the event may be delivered again.
func (c *Core) commit(ctx context.Context) error {
	l := c.life
	if c.abandoned() {
		return l.storeError(ErrConflict, false)
	}
	if !slices.Contains(c.step.errs, errNotKept) {
		l.remember(c.handledAs(c.current))
	}
	if !c.mustStore() {
		return c.verify(ctx)
	}
	r, err := l.record()
	if err != nil {
		return l.giveUp(l.storeError(err, true))
	}
	if err := l.save(ctx, r); err != nil {
		return l.giveUp(l.storeError(err, false))
	}
	l.revision, l.stored, l.due, l.changed = r.Revision, len(r.Outbox), r.Due, false
	return nil
}

func (l *life) storeError(err error, permanent bool) *StoreError {
	return &StoreError{l.core.self.Machine, l.core.self.Key, err, permanent}
}

// save calls the store; what it is not sure of is a failure.
func (l *life) save(ctx context.Context, r *Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicError(p)
		}
	}()
	return l.slot.host.store.Save(detach(ctx), l.core.self.Key, l.revision, r)
}

// mustStore reports whether the macrostep has changed anything.
func (c *Core) mustStore() bool {
	st := &c.step
	return st.taken || st.entered || st.micro > 0 || len(c.life.fresh) > 0 || c.life.changed
}

// again reports whether what is processed has been processed before. What has been
// deferred, or was stored while it waited, is not processed again by its turn.
func (c *Core) again() bool {
	e := c.current
	return e != nil && !e.kept && !e.stored && c.life.seen(c.handledAs(e))
}

// abandoned reports whether a step of the instance could not be stored: what it is
// in memory must not be taken further.
func (c *Core) abandoned() bool { return c.life != nil && c.life.abandoned.Load() }

// changed notes that the instance differs from its record.
func (c *Core) changed() {
	if c.life != nil {
		c.life.changed = true
	}
}

// verify makes sure that an event from outside that nothing takes was not asked of
// an instance that somebody else has taken further: nothing else would tell.
func (c *Core) verify(ctx context.Context) error {
	if c.current == nil || c.current.kind != externalEntry || c.step.deferred {
		return nil
	}
	r, err := c.life.slot.host.store.Load(detach(ctx), c.life.core.self.Key)
	switch {
	case err == nil && r.Revision == c.life.revision:
		return nil
	case err == nil || errors.Is(err, ErrNotFound):
		err = ErrConflict
	}
	return c.life.giveUp(c.life.storeError(err, false))
}

// record is the instance as it is to be stored.
func (l *life) record() (*Record, error) {
	c, revision := l.core, l.nextRevision()
	if l.rare != nil && l.rare.fault != nil {
		return nil, l.rare.fault
	}
	for i := range l.fresh {
		l.fresh[i].ID = l.messageID(revision, i)
	}
	l.outbox, l.fresh = append(l.outbox, l.fresh...), nil
	l.acceptOwn()
	snap, err := c.captureTree()
	if err != nil {
		return nil, err
	}
	r := &Record{Revision: revision, Due: c.dueTree(time.Time{})}
	if r.Snapshot, err = l.slot.host.maker.Encode(snap); err != nil {
		return nil, err
	}
	if c.finished && l.finished.IsZero() {
		l.finish(c.clock.Now())
	}
	r.Finished, r.Handled, r.Outbox = l.finished, slices.Clone(l.handled), messages(l.outbox)
	return r, nil
}

// acceptOwn takes what the tree's own steps have queued into what is stored:
// whoever queued it has been told that it is accepted.
func (l *life) acceptOwn() {
	accept := func(c *Core) {
		c.eachOwn(func(e *entry) {
			if id := c.handledAs(e); !e.stored && !l.seen(id) {
				e.stored = true
				l.remember(id)
			}
		})
	}
	accept(l.core)
	l.core.eachChild(accept)
}

// eachOwn calls f for what waits in the inbox and was sent by the machine's own
// steps.
func (c *Core) eachOwn(f func(*entry)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.inbox.list[c.inbox.head:] {
		if e.own {
			f(e)
		}
	}
}

// failureKind stands for a failure among the outputs of a step.
const failureKind = None

// outputName is the name of a message.
func (c *Chart) outputName(o output) string {
	if o.kind == failureKind {
		return "error." + o.failure
	}
	return c.Outputs[o.kind]
}

// nextDue is when the machine has something to do by itself: now, if a service runs, an
// invoked machine has ended, or an event of its own or a deferred one waits for its turn,
// or when its next delay passes.
func (c *Core) nextDue() time.Time {
	var due time.Time
	if s := c.earliest(); s != nil {
		due = s.deadline
	}
	earlier := func(at time.Time) { due = sooner(due, at) }
	for _, call := range c.running {
		if call != nil && (!call.begun() || call.child.finished || call.child.lost()) {
			earlier(c.clock.Now())
		}
	}
	c.eachOwn(func(*entry) { earlier(c.clock.Now()) })
	if c.nextKept() < len(c.kept) {
		earlier(c.clock.Now())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pending {
		earlier(p.due)
	}
	return due
}

// giveUp stops an instance whose state in memory is not the one that is stored. If
// nobody else is known to have it, it is brought back soon: its delays go on, and
// so do its services.
func (l *life) giveUp(err *StoreError) error {
	l.abandoned.Store(true)
	l.core.abandon()
	if !errors.Is(err, ErrConflict) {
		l.slot.host.wakeAt(l.core.self.Key, l.slot.host.clock.Now().Add(retryLoad))
	}
	return err
}

// StoreError is a step that could not be stored. The instance is as it was before;
// the event may be sent again.
type StoreError struct {
	Machine, Key string
	Err          error
	Permanent    bool // the step can never be stored: it cannot be encoded
}

func (e *StoreError) Error() string {
	return fmt.Sprintf("machine %s: storing the step: %v", instance(e.Machine, e.Key), e.Err)
}

// Unwrap returns what the store returned.
func (e *StoreError) Unwrap() error { return e.Err }

// Retryable reports whether the event may be sent again.
func (e *StoreError) Retryable() bool { return !e.Permanent }

// errNotKept is an event that could be neither processed nor deferred.
var errNotKept error = notKept{}

type notKept struct{}

func (notKept) Error() string { return ErrFull.Error() }

// Unwrap returns ErrFull.
func (notKept) Unwrap() error { return ErrFull }

// eachError calls f for the errors of a step, which may be joined. What they wrap
// is not the step's: an action may return another instance's StoreError.
func eachError(err error, f func(error)) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			eachError(e, f)
		}
	} else if err != nil {
		f(err)
	}
}

// unstored is the error of storing among those of a step, nil if there is none.
func unstored(err error) (found *StoreError) {
	eachError(err, func(e error) {
		if s, ok := e.(*StoreError); ok {
			found = s
		}
	})
	return found
}

// processed reports whether the errors of sending are those of a step that is over.
func processed(err error) bool {
	done, not := false, false
	eachError(err, func(e error) {
		if _, ok := e.(*StoreError); ok || e == errNotKept {
			not = true
		} else if _, ok := e.(interface{ stepError() }); ok {
			done = true
		}
	})
	return done && !not
}
