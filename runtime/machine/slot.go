package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// slot is an instance in memory, or the place for one.
type slot struct {
	host *Host
	key  string

	// Guarded by host.mu.
	users        int
	since        time.Time // since when nobody uses it
	older, newer *slot

	mu   sync.Mutex           // held while the instance is loaded or put away
	core atomic.Pointer[Core] // nil if there is no instance in memory

	// Guarded by the turn of core: what its steps change.
	revision  uint64
	outbox    []Message // what has not been published
	stored    int       // messages that the stored record has
	handled   []string
	finished  time.Time
	broken    error
	failing   bool // publishing has failed and is tried again later
	publisher Publisher
}

// Errors between a slot and its host.
var (
	errLost      = errors.New("machine: the instance is not in memory any more")
	errNotStored = errors.New("machine: the step could not be stored")
)

// ErrNoKey is an event for a keyed machine without a key.
var ErrNoKey = errors.New("machine: the key is empty")

// load makes sure that the instance is in memory, if there is one. Who asks from
// within a step of it does not wait: the instance may be on its way out.
func (s *slot) load(ctx context.Context) error {
	if c := s.core.Load(); c != nil && (!c.lost() || c.within(ctx)) {
		return nil
	}
	core, err := s.loadStored(ctx)
	if core == nil || err != nil {
		return err
	}
	return core.idleTurn(ctx, func(ctx context.Context) { s.publish(ctx) })
}

// loadStored returns the instance if it was loaded and has something to publish.
func (s *slot) loadStored(ctx context.Context) (*Core, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.core.Load(); c != nil && !c.lost() {
		return nil, nil
	}
	s.core.Store(nil)
	s.revision, s.outbox, s.stored, s.handled, s.finished, s.broken, s.failing = 0, nil, 0, nil, time.Time{}, nil, false
	r, err := s.host.store.Load(ctx, s.key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.forgotten(r) {
		if err := s.host.store.Delete(ctx, s.key, r.Revision); err != nil && !errors.Is(err, ErrConflict) {
			return nil, err
		}
		return nil, nil
	}
	return s.restore(ctx, r)
}

// forgotten reports whether the instance finished so long ago that there need not
// be a record of it.
func (s *slot) forgotten(r *Record) bool {
	return !r.Finished.IsZero() && len(r.Outbox) == 0 && s.host.clock.Now().Sub(r.Finished) >= s.host.retain
}

// restore makes the instance of its record, and returns it if there is something
// to publish; s.mu is held.
func (s *slot) restore(ctx context.Context, r *Record) (*Core, error) {
	snap, err := s.host.maker.Decode(r.Snapshot)
	if err != nil {
		return nil, err
	}
	core, err := s.newCore()
	if err != nil {
		return nil, err
	}
	outbox := slices.Clone(r.Outbox)
	for i := range outbox {
		if outbox[i].value, err = s.publisher.DecodeMessage(outbox[i].Name, outbox[i].Payload); err != nil {
			return nil, fmt.Errorf("%w: message %s: %w", ErrSnapshot, outbox[i].ID, err)
		}
	}
	s.revision, s.outbox, s.stored, s.handled, s.finished = r.Revision, outbox, len(outbox), slices.Clone(r.Handled), r.Finished
	if err := core.Restore(ctx, snap); err != nil {
		return nil, err
	}
	s.core.Store(core)
	if len(outbox) == 0 {
		return nil, nil
	}
	return core, nil
}

// newCore makes an instance that commits its steps here.
func (s *slot) newCore() (*Core, error) {
	core, err := s.host.maker.New(s.key)
	if err != nil {
		return nil, err
	}
	p, ok := core.prog.(Publisher)
	if _, codec := core.prog.(Codec); !ok || !codec {
		return nil, ErrNoCodec
	}
	s.publisher, core.slot = p, s
	core.Bound(s.host.bound)
	core.settlePlain()
	return core, nil
}

// send processes an event, which may create the instance.
func (s *slot) send(ctx context.Context, id string, number int32, event any, request bool) (any, error) {
	core := s.core.Load()
	if core == nil {
		if request || !s.host.maker.Chart.creates(number) {
			return nil, s.host.nobody(ctx, s.key, number)
		}
		var err error
		if core, err = s.create(ctx); err != nil {
			return nil, err
		}
	}
	if id != "" {
		ctx = &eventContext{ctx, id}
	}
	reply, err := core.slowSend(ctx, number, event, request)
	if errors.Is(err, ErrStopped) && !s.host.isClosed() {
		err = errors.Join(errLost, err)
	}
	return reply, err
}

// nobody is the error of an event for a key that has no instance, and reports it
// where the spec says that it is one.
func (h *Host) nobody(ctx context.Context, key string, number int32) error {
	chart := h.maker.Chart
	err := &UnhandledError{chart.Machine, key, "", chart.Events[number]}
	if chart.Strict && h.failed != nil {
		f := Failure{FailedUnhandled, chart.Machine, key, "", chart.Events[number], err}
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
func (s *slot) create(ctx context.Context) (*Core, error) {
	s.mu.Lock()
	if core := s.core.Load(); core != nil {
		s.mu.Unlock()
		return core, nil
	}
	core, err := s.newCore()
	if err == nil {
		err = core.claim()
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	s.core.Store(core)
	s.mu.Unlock()
	err = core.macrostep(detach(ctx), &entry{kind: startEntry})
	core.release()
	if errors.Is(err, errNotStored) {
		return nil, err
	}
	return core, nil // what else has failed in the first step has been reported
}

// creates reports whether event id may create an instance: the initial
// configuration must have a transition for it.
func (c *Chart) creates(id int32) bool {
	found := false
	takes := func(leaf int32) {
		v := c.Index[c.States[leaf].Row+id]
		found = found || v > 0 || v < 0 && c.Candidates[-v-1] != None
	}
	if c.Start.Flags&Dynamic != 0 {
		c.initialLeaves(0, takes)
		return found
	}
	for _, s := range c.Steps[c.Start.First:c.Start.Last] {
		if c.leaf(s.State) {
			takes(s.State)
		}
	}
	return found
}

// initialLeaves calls f for the leaves that are entered with state i by default.
func (c *Chart) initialLeaves(i int32, f func(int32)) {
	s := &c.States[i]
	switch s.Kind {
	case Parallel:
		c.regions(i, func(child int32) bool {
			c.initialLeaves(child, f)
			return true
		})
	case Atomic, Final:
		f(i)
	default:
		for _, t := range c.Targets[s.FirstTarget:s.LastTarget] {
			c.initialLeaves(t, f)
		}
	}
}

// eventKey is the key under which the ctx of a step holds the id of its event.
type eventKey struct{}

type eventContext struct {
	context.Context
	id string
}

// Value implements context.Context.
func (e *eventContext) Value(key any) any {
	if key == (eventKey{}) {
		return e.id
	}
	return e.Context.Value(key)
}

// EventID is the id of the event that ctx belongs to: within a step of a keyed
// host's instance the event that is processed, in what a role is given the one
// that is sent. It is empty if there is none.
func EventID(ctx context.Context) string {
	id, _ := ctx.Value(eventKey{}).(string)
	return id
}

// messageID is derived from the machine, the key, the revision and the index, so
// that a step that is stored once gives its messages the same ids for ever.
func (s *slot) messageID(revision uint64, index int) string {
	return s.host.maker.Chart.Machine + "/" + s.key + "/" + strconv.FormatUint(revision, 10) + "/" + strconv.Itoa(index)
}
