package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// seen reports whether the event of ctx has been processed before.
func (s *slot) seen(ctx context.Context) bool {
	id := EventID(ctx)
	return id != "" && slices.Contains(s.handled, id)
}

// commit stores the instance after a macrostep, with what it emits and sends, and
// publishes that. If the instance cannot be stored it is given up: what it has
// become in memory is not true, and the event may be delivered again.
func (c *Core) commit(ctx context.Context) error {
	s := c.slot
	if !c.mustStore() {
		return nil
	}
	r, err := s.record(ctx, c)
	if err == nil {
		err = s.host.store.Save(detach(ctx), s.key, s.revision, r)
	}
	if err != nil {
		s.broken = err
		c.abandon()
		return &StoreError{c.self.Machine, c.self.Key, err}
	}
	s.revision, s.stored = r.Revision, len(r.Outbox)
	return nil
}

// mustStore reports whether the macrostep has changed anything.
func (c *Core) mustStore() bool {
	st := &c.step
	return st.taken || st.deferred || st.entered || st.micro > 0 || len(st.out) > 0
}

// record is the instance as it is to be stored. The messages of the step are added
// to the outbox, which the record shares.
func (s *slot) record(ctx context.Context, c *Core) (*Record, error) {
	revision := s.revision + 1
	if c.bound {
		if err := s.collect(c, revision); err != nil {
			return nil, err
		}
	}
	c.step.out = slices.DeleteFunc(c.step.out, func(o output) bool { return !o.isKin() })
	snap, err := c.capture()
	if err != nil {
		return nil, err
	}
	r := &Record{Revision: revision, Due: c.nextDue()}
	if r.Snapshot, err = s.host.maker.Encode(snap.Snapshot); err != nil {
		return nil, err
	}
	if id := EventID(ctx); id != "" && (c.step.taken || c.step.deferred) && !slices.Contains(s.handled, id) {
		s.handled = append(s.handled, id)
		if n := len(s.handled) - s.host.handled; n > 0 {
			s.handled = slices.Delete(s.handled, 0, n)
		}
	}
	if c.finished && s.finished.IsZero() {
		s.finished = c.clock.Now()
	}
	r.Finished, r.Handled, r.Outbox = s.finished, slices.Clone(s.handled), slices.Clone(s.outbox)
	return r, nil
}

// collect adds what the step has made to the outbox.
func (s *slot) collect(c *Core, revision uint64) error {
	codec := c.prog.(Codec)
	index := 0
	add := func(name string, value any) error {
		data, err := codec.EncodeEvent(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.outbox = append(s.outbox, Message{s.messageID(revision, index), name, data, value})
		index++
		return nil
	}
	for _, o := range c.step.out {
		if o.isKin() {
			continue
		}
		name := c.chart.outputName(o)
		if err := add(name, o.event); err != nil {
			return err
		}
	}
	var failed error
	c.eachChange(func(change Change) {
		if failed == nil {
			failed = add("state."+c.chart.path(change.State), s.publisher.ChangeValue(change))
		}
	})
	return failed
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

// nextDue is when the next delay of the instance passes.
func (c *Core) nextDue() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nextDueLocked()
}

// nextDueLocked is nextDue for who holds c.mu.
func (c *Core) nextDueLocked() time.Time {
	var due time.Time
	if s := c.earliest(); s != nil {
		due = s.deadline
	}
	for _, p := range c.pending {
		if due.IsZero() || p.due.Before(due) {
			due = p.due
		}
	}
	return due
}

// publish publishes the outbox in order. What cannot be published stays, in the
// store too, and is tried again later; what comes after it waits.
func (s *slot) publish(ctx context.Context) {
	for len(s.outbox) > 0 {
		m := &s.outbox[0]
		if err := s.publishOne(ctx, m); err != nil {
			s.retryLater(ctx, m, err)
			return
		}
		*m = Message{}
		s.outbox = s.outbox[1:]
	}
	s.outbox, s.failing = nil, false
}

// publishOne publishes one message; who plays a role may panic.
func (s *slot) publishOne(ctx context.Context, m *Message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicError(r)
		}
	}()
	return s.publisher.PublishMessage(&eventContext{ctx, m.ID}, m.ID, m.Name, m.value)
}

func (s *slot) retryLater(ctx context.Context, m *Message, err error) {
	if s.failing {
		return // it has been said, and will be tried again
	}
	s.failing = true
	core := s.core.Load()
	if core == nil {
		return
	}
	core.Logger().ErrorContext(ctx, "an event stays in the outbox", "id", m.ID, "error", err)
	if core.observer != nil {
		core.observer.Failed(core.self, &PublishError{core.self.Machine, core.self.Key, err})
	}
	core.clock.AfterFunc(retryLoad, func() {
		_ = core.idleTurn(context.Background(), func(ctx context.Context) { // stopped: whoever loads it publishes
			s.failing = false
			s.publish(ctx)
		})
	})
}

// StoreError is a step that could not be stored. The instance is as it was before;
// the event may be sent again.
type StoreError struct {
	Machine, Key string
	Err          error
}

func (e *StoreError) Error() string {
	return fmt.Sprintf("machine %s: storing the step: %v", instance(e.Machine, e.Key), e.Err)
}

// Unwrap returns what the store returned.
func (e *StoreError) Unwrap() []error { return []error{errNotStored, e.Err} }

// Retryable reports that the event may be sent again.
func (e *StoreError) Retryable() bool { return true }

// abandon stops an instance whose state in memory is not the one that is stored.
func (c *Core) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.word.Or(halted)
}

// lost reports whether the instance has been given up.
func (c *Core) lost() bool { return c.word.Load()&halted != 0 }

// idleTurn calls f as a step that processes nothing, once the machine is idle.
func (c *Core) idleTurn(ctx context.Context, f func(context.Context)) error {
	w := newWaiter()
	if err := c.enqueue(&entry{ctx: ctx, kind: turnEntry, wait: w, payload: f}, unlimited); err != nil {
		return err
	}
	c.runIfIdle()
	_, err := c.await(ctx, w)
	return err
}

// quiet reports whether an instance may be put away: nothing waits for it, and
// nothing of it runs.
func (c *Core) quiet() bool {
	for _, call := range c.running {
		if call != nil {
			return false
		}
	}
	for _, e := range c.kept {
		if e.wait != nil && !e.wait.gone {
			return false
		}
	}
	return true
}

// tryPutAway puts the instance away if it has nothing to do.
func (s *slot) tryPutAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	core := s.core.Load()
	if core == nil {
		return true
	}
	if !core.lost() && !core.retire(func() bool { return core.quiet() && len(s.outbox) == 0 }) {
		return false
	}
	if err := s.putAway(context.Background()); err != nil {
		s.host.log().Error("an instance could not be put away cleanly", "machine", s.host.maker.Chart.Machine, "key", s.key, "error", err)
	}
	return true
}

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

// putAway stops the instance, which is stored; s.mu is held. What has been
// published is removed from the stored outbox.
func (s *slot) putAway(ctx context.Context) error {
	core := s.core.Load()
	if core == nil {
		return nil
	}
	err := core.Stop(ctx)
	s.core.Store(nil)
	if s.broken == nil && err == nil && s.stored != len(s.outbox) {
		err = s.trim(ctx)
	}
	if at := s.wakeTime(core); err == nil && !at.IsZero() {
		s.host.wakeAt(s.key, at)
	}
	return err
}

// trim stores the instance again without the messages that have been published.
func (s *slot) trim(ctx context.Context) error {
	r, err := s.host.store.Load(ctx, s.key)
	if err != nil || r.Revision != s.revision {
		return err
	}
	r.Revision++
	r.Outbox = slices.Clone(s.outbox)
	err = s.host.store.Save(ctx, s.key, s.revision, r)
	if errors.Is(err, ErrConflict) {
		return nil // somebody else has the instance now
	}
	return err
}

// wakeTime is when an instance that is put away has to be looked at again.
func (s *slot) wakeTime(core *Core) time.Time {
	if !s.finished.IsZero() {
		return s.finished.Add(s.host.retain)
	}
	return core.lastDue
}
