package machine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"unicode/utf8"
)

// slot is the place of an instance in memory, which may be empty.
type slot struct {
	host *Host
	key  string

	// Guarded by host.mu.
	users        int
	since        int64 // since when nobody uses it, in Unix nanoseconds
	older, newer *slot

	gate gate                 // held while the instance is loaded, created or put away
	life atomic.Pointer[life] // nil if there is no instance in memory
}

// Errors between a slot and its host.
var errLost error = lostError{}

// lostError is an event that was not processed because its instance left the
// memory.
type lostError struct{}

func (lostError) Error() string { return "machine: the instance is not in memory any more" }

// Unwrap returns ErrStopped.
func (lostError) Unwrap() error { return ErrStopped }

// Retryable reports that the event may be sent again.
func (lostError) Retryable() bool { return true }

// ErrNoKey is an event for a keyed machine without a key.
var ErrNoKey = errors.New("machine: the key is empty")

var errKey = errors.New("machine: the key is not UTF-8")

// load returns the instance, which it brings into memory if there is one.
func (s *slot) load(ctx context.Context) (*life, error) {
	if l := s.life.Load(); l != nil && l.usable(ctx) {
		return l, nil
	}
	l, fresh, err := s.reload(ctx)
	if !fresh {
		return l, err
	}
	// Only now, and without the gate: what the instance does may need it.
	l.core.release()
	if l.expired() { // what had kept it was its outbox
		l, fresh, err = s.reload(ctx)
		if fresh {
			l.core.release()
		}
	}
	return l, err
}

// reload brings the instance of the store into memory, whose first turn the caller
// has if it is fresh.
func (s *slot) reload(ctx context.Context) (l *life, fresh bool, err error) {
	if err := s.gate.lock(ctx); err != nil {
		return nil, false, err
	}
	defer s.gate.unlock()
	if s.host.isClosed() {
		return nil, false, ErrStopped
	}
	if l := s.life.Load(); l != nil && !l.core.lost() {
		if !l.expired() || !l.core.retire(l.quiet) {
			return l, false, nil
		}
		s.leave(ctx, l)
	} else if l != nil {
		s.host.outlive(l)
	}
	s.life.Store(nil)
	r, err := s.host.store.Load(ctx, s.key)
	if errors.Is(err, ErrNotFound) {
		return nil, false, nil
	}
	if err == nil && s.host.forgotten(r) {
		if err = s.host.store.Delete(ctx, s.key, r.Revision); err == nil || errors.Is(err, ErrConflict) {
			return nil, false, nil
		}
	}
	if err == nil {
		l, err = s.restore(ctx, r)
	}
	return l, err == nil, err
}

// forgotten reports whether the instance finished so long ago that there need not
// be a record of it.
func (h *Host) forgotten(r *Record) bool {
	return !r.Finished.IsZero() && len(r.Outbox) == 0 && h.clock.Now().Sub(r.Finished) >= h.retain
}

// restore makes the instance of its record. The caller holds the gate, and gets the
// instance's turn.
func (s *slot) restore(ctx context.Context, r *Record) (*life, error) {
	snap, err := s.host.maker.Decode(r.Snapshot)
	if err != nil {
		return nil, err
	}
	l, err := s.newLife()
	if err != nil {
		return nil, err
	}
	restorer, err := l.core.restorer(snap)
	if err != nil {
		return nil, err
	}
	if err := restorer.prepare(); err != nil {
		return nil, err
	}
	l.take(r)
	ctx = withEvent(detach(ctx), "")
	if len(l.outbox) > 0 { // before anything else that the instance does
		l.core.later(ctx, l.publish)
	}
	restorer.settleIn()
	s.life.Store(l)
	l.core.invokeAll(l.core.stepCtx(ctx))
	if l.changed {
		l.core.later(ctx, l.settle)
	} else {
		l.serve()
	}
	return l, nil
}

// settle stores what has been begun while the instance was restored: machines that
// it was to invoke.
func (l *life) settle(ctx context.Context) {
	l.core.begin(0)
	if err := l.core.finish(ctx); err != nil {
		l.core.Logger().ErrorContext(ctx, "what an instance invokes could not be begun", "error", err)
	}
}

// newLife makes an instance that commits its steps here.
func (s *slot) newLife() (*life, error) {
	core, err := s.host.newCore(s.key)
	if err != nil {
		return nil, err
	}
	p, ok := core.prog.(Publisher)
	if _, codec := core.prog.(Codec); !ok || !codec {
		return nil, ErrNoCodec
	}
	if core.self.Key != s.key {
		return nil, fmt.Errorf("machine: the instance for key %q was made with key %q", s.key, core.self.Key)
	}
	core.life = &life{slot: s, core: core, publisher: p}
	core.Bound(s.host.bound)
	core.settlePlain()
	return core.life, nil
}

// newCore calls the user's code that makes an instance.
func (h *Host) newCore(key string) (core *Core, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicError(r)
		}
	}()
	return h.maker.New(key)
}

// send processes an event, which may create the instance.
func (s *slot) send(ctx context.Context, id string, number int32, event any, how asking) (any, error) {
	l, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if l == nil {
		if how != noReply || !s.host.creates[number] {
			return nil, s.host.nobody(ctx, s.key, number, how != noReply)
		}
		if l, err = s.create(ctx); err != nil {
			return nil, err
		}
	}
	within := l.core.within(ctx)
	if !within && l.full() { // who hears its messages is not kept from it
		return nil, ErrFull
	}
	reply, err := l.core.slowEntry(&entry{ctx: withEvent(ctx, id), kind: externalEntry, event: number, payload: event, id: id}, how)
	switch {
	case err == nil:
		return reply, nil
	case err == ErrStopped && !within && !s.host.isClosed(): // exactly: the event was never processed
		return nil, errLost
	case unstored(err) != nil:
		return nil, err
	}
	return reply, err
}

// nobody is the error of an event for a key that has no instance, and reports it
// where the spec says that it is one.
func (h *Host) nobody(ctx context.Context, key string, number int32, request bool) error {
	chart := h.maker.Chart
	if !request && !chart.Strict {
		return nil
	}
	err := &UnhandledError{chart.Machine, key, "", chart.Events[number]}
	if chart.Strict && h.failed != nil {
		f := Failure{Kind: FailedUnhandled, Machine: chart.Machine, Key: key, Event: chart.Events[number], Err: err}
		return errors.Join(err, h.failed(ctx, f))
	}
	return err
}

func (h *Host) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// create starts a new instance, unless somebody else has just done so. Others may
// send to it before it has started: they wait for that.
func (s *slot) create(ctx context.Context) (*life, error) {
	l, fresh, err := s.begin(ctx)
	if !fresh {
		return l, err
	}
	err = l.core.macrostep(withEvent(detach(ctx), ""), &entry{kind: startEntry})
	l.core.release()
	if unstored(err) != nil {
		return nil, err
	}
	return l, nil // what else has failed in the first step has been reported
}

// begin makes an instance, whose turn the caller has if it is fresh.
func (s *slot) begin(ctx context.Context) (l *life, fresh bool, err error) {
	if !utf8.ValidString(s.key) {
		return nil, false, errKey
	}
	if s.host.maker.CheckKey != nil {
		if err := s.host.maker.CheckKey(s.key); err != nil {
			return nil, false, err
		}
	}
	if err := s.gate.lock(ctx); err != nil {
		return nil, false, err
	}
	defer s.gate.unlock()
	if s.host.isClosed() {
		return nil, false, ErrStopped
	}
	if l := s.life.Load(); l != nil {
		return l, false, nil
	}
	if l, err = s.newLife(); err == nil {
		err = l.core.claim()
	}
	if err != nil {
		return nil, false, err
	}
	s.life.Store(l)
	return l, true, nil
}

// drop puts the instance away if it has nothing to do, or has been given up; it
// never waits for what the instance does.
func (s *slot) drop() {
	if !s.gate.tryLock() {
		return
	}
	defer s.gate.unlock()
	l := s.life.Load()
	switch {
	case l == nil:
	case l.core.lost():
		s.life.Store(nil)
		s.host.outlive(l)
		if !l.abandoned.Load() { // somebody has stopped it, or an action has ended its goroutine
			s.host.wakeAt(s.key, s.host.clock.Now().Add(retryLoad))
		}
	case l.core.retire(l.quiet):
		s.life.Store(nil)
		s.leave(context.Background(), l)
	}
}

// outlive has Close wait for what an instance that is not in memory any more has
// begun, and tells to end: services, and machines.
func (h *Host) outlive(l *life) {
	if l.rare == nil { // it has invoked nothing
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.work.Go(func() { _ = l.core.stop(context.Background()) })
	}
}

// leave does what is left to do for an instance that is not in memory any more.
func (s *slot) leave(ctx context.Context, l *life) {
	s.host.outlive(l)
	if err := l.trim(ctx); err != nil {
		s.host.log().Error("an instance could not be put away cleanly", "machine", s.host.maker.Chart.Machine, "key", s.key, "error", err)
	}
	if at := l.wakeTime(); !at.IsZero() {
		s.host.wakeAt(s.key, at)
	}
}

// close puts the instance away, whatever it does. Within a step of it, the step
// goes on and is stored as ever.
func (s *slot) close(ctx context.Context) error {
	if err := s.gate.lock(ctx); err != nil {
		return err
	}
	defer s.gate.unlock()
	l := s.life.Load()
	if l == nil {
		return nil
	}
	within := l.core.within(ctx)
	if err := l.core.Stop(ctx); err != nil {
		return err
	}
	s.life.Store(nil)
	if within || l.abandoned.Load() {
		return nil
	}
	return l.trim(ctx)
}
