package machine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Defaults of a Host.
const (
	DefaultRetain  = 24 * time.Hour // how long a finished instance is remembered
	DefaultIdle    = time.Minute    // how long an instance without work stays in memory
	DefaultHandled = 128            // ids of handled events that an instance remembers
	DefaultRescan  = time.Minute    // how often a host looks for instances whose host has gone
)

// HostOption is an option of a Host.
type HostOption func(*Host)

// WithStore makes a host keep its instances in s, instead of in memory.
func WithStore(s Store) HostOption { return func(h *Host) { h.store = s } }

// WithIdle sets how long an instance that has nothing to do stays in memory before
// it is put away.
func WithIdle(d time.Duration) HostOption { return func(h *Host) { h.idle = d } }

// WithMax bounds the instances in memory: of more, those that have had nothing to
// do for the longest are put away. Instances that are at work are never put away,
// so there may be more for a while.
func WithMax(n int) HostOption { return func(h *Host) { h.max = n } }

// WithRetain sets how long a finished instance is remembered: until then events for
// its key are unhandled, afterwards they may begin a new instance.
func WithRetain(d time.Duration) HostOption { return func(h *Host) { h.retain = d } }

// WithHandled sets how many ids of handled events each instance remembers, and how
// many of events for the machines that it invokes. An event that is delivered again is
// recognised if fewer others came between.
func WithHandled(n int) HostOption { return func(h *Host) { h.handled = n } }

// WithRescan sets how often, about, a host looks through its store for instances that
// have something to do and that nobody has taken further since it looked before: it
// takes over from hosts that have gone. Where that takes long it is done less often,
// for a twentieth of the time at most. With 0 a host looks only when it is opened; so
// does one without WithStore.
func WithRescan(d time.Duration) HostOption { return func(h *Host) { h.rescan = d } }

// WithHostClock makes a host take its time from clock; its instances should have
// the same.
func WithHostClock(clock Clock) HostOption { return func(h *Host) { h.clock = clock } }

// WithHostLogger makes a host log to l instead of slog.Default.
func WithHostLogger(l *slog.Logger) HostOption { return func(h *Host) { h.logger = l } }

// Maker is what a host needs of a generated package.
type Maker struct {
	Chart    *Chart
	New      func(key string) (*Core, error) // an instance that has not been started
	CheckKey func(key string) error          // that the key can stand in topics; may be nil
	Encode   func(*Snapshot) ([]byte, error)
	Decode   func([]byte) (*Snapshot, error)
}

// Publisher is the generated part of a machine that publishes from an outbox.
type Publisher interface {
	// ChangeValue and FailureValue make the values that are published.
	ChangeValue(c Change) any
	FailureValue(f Failure) any
	// DecodeMessage reads the value of a stored message by the message's name.
	DecodeMessage(name string, data []byte) (any, error)
	// TopicOf is the topic of a message, known to this version or not; empty if it is
	// for a role.
	TopicOf(name string) string
	// PublishMessage publishes a value under an id.
	PublishMessage(ctx context.Context, id, name string, value any) error
}

// Host runs the instances of a keyed machine: each is created by its first event,
// keys run in parallel and one key in order. After each step an instance is stored,
// with the machines that it invokes and what the step emits and sends; then this is published, and then the event
// is acknowledged. So after a crash nothing that was acknowledged is lost or run
// again, and what may have been published already is published again under the
// same id. A Host is safe for concurrent use.
type Host struct {
	maker   Maker
	creates []bool // by the numbers of events: whether it may create an instance
	store   Store
	clock   Clock
	logger  *slog.Logger
	idle    time.Duration
	retain  time.Duration
	max     int
	handled int
	rescan  time.Duration
	bound   bool
	failed  func(context.Context, Failure) error

	mu     sync.Mutex
	slots  map[string]*slot
	most   int   // slots that there were at once, since the map was made
	oldest *slot // of the slots that nobody uses, the one that has waited longest
	newest *slot
	unused int                // the slots that nobody uses
	due    dueHeap            // of instances that have been put away
	dueOf  map[string]*dueKey // the same, by key
	timer  Timer
	at     time.Time // when the timer fires; zero if it does not
	closed bool
	work   sync.WaitGroup // what the timers have begun
	scans  scans
}

// NewHost returns a host that has not been opened. Generated code calls it.
func NewHost(maker Maker, opts ...HostOption) *Host {
	h := &Host{maker: maker, creates: maker.Chart.creating(), clock: systemClock{}, idle: DefaultIdle, retain: DefaultRetain, handled: DefaultHandled, rescan: DefaultRescan,
		slots: map[string]*slot{}, dueOf: map[string]*dueKey{}}
	for _, o := range opts {
		o(h)
	}
	h.handled = max(h.handled, 0)
	if h.store == nil {
		h.store, h.rescan = NewMemoryStore(), 0 // nobody else has it
	}
	return h
}

// Bound says that there is an outbox, and how failures are published that belong to
// no instance; it must be called before Open.
func (h *Host) Bound(failed func(context.Context, Failure) error) { h.bound, h.failed = true, failed }

// Open looks through the store: what had not been published is published, delays
// and services go on, and finished instances that need not be remembered are
// removed.
func (h *Host) Open(ctx context.Context) error {
	defer h.scanLater(0)
	var errs []error
	for key, err := range h.store.All(ctx) {
		if err == nil {
			err = h.recover(ctx, key)
		}
		if err == ErrStopped || ctx.Err() != nil {
			return errors.Join(append(errs, err, ctx.Err())...)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("instance %q: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// recover brings an instance back if it has something to do.
func (h *Host) recover(ctx context.Context, key string) error {
	r, err := h.store.Load(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case len(r.Outbox) > 0:
		return h.touch(ctx, key)
	case !r.Finished.IsZero():
		h.wakeAt(key, r.Finished.Add(h.retain))
	case !r.Due.IsZero():
		h.wakeAt(key, r.Due)
	}
	return nil
}

// touch loads an instance. That is all: what is due is done by that.
func (h *Host) touch(ctx context.Context, key string) error {
	return h.use(key, func(s *slot) error {
		_, err := s.load(ctx)
		return err
	})
}

// Deliver processes an event for the instance of key. The id, which may be empty,
// tells whether it has been processed before: then nothing happens. Errors of the
// step have been reported and are not returned; an error means that the event has
// not been processed, or is not known to have been, and may be delivered again.
func (h *Host) Deliver(ctx context.Context, key, id string, number int32, event any) error {
	_, err := h.send(ctx, key, id, number, event, noReply)
	if processed(err) {
		return nil
	}
	return err
}

// DeliverAll is Deliver for all instances that there are, those that are stored included;
// it makes none. Instances that have processed the event do not do so again when the
// others get it once more, as after an error.
func (h *Host) DeliverAll(ctx context.Context, id string, number int32, event any) error {
	var errs []error
	for key, err := range h.store.All(ctx) {
		if err == nil {
			err = h.Deliver(ctx, key, id, number, event)
		}
		if err == ErrStopped || ctx.Err() != nil {
			return errors.Join(append(errs, err, ctx.Err())...)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("instance %q: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// Send is Deliver for an event without an id, and returns the step's error.
func (h *Host) Send(ctx context.Context, key string, number int32, event any) error {
	_, err := h.send(ctx, key, "", number, event, noReply)
	return err
}

// Request is Send for an event that has a reply. It creates no instance.
func (h *Host) Request(ctx context.Context, key string, number int32, event any) (any, error) {
	return h.send(ctx, key, "", number, event, withReply)
}

// maxReloads is how often an event is tried again because its instance was lost on
// the way: somebody else had saved it, or another event could not be stored.
const maxReloads = 10

func (h *Host) send(ctx context.Context, key, id string, number int32, event any, how asking) (reply any, err error) {
	if key == "" {
		return nil, ErrNoKey
	}
	for range maxReloads {
		err = h.use(key, func(s *slot) error {
			reply, err = s.send(ctx, id, number, event, how)
			return err
		})
		if err == nil || err != errLost && !conflicting(err) {
			break
		}
	}
	return reply, err
}

// conflicting reports whether the step has certainly not been stored, because
// somebody else has the instance or has had it.
func conflicting(err error) bool {
	s := unstored(err)
	return s != nil && errors.Is(s, ErrConflict)
}

// View calls f with the instance of key, which must not be kept; it is loaded but
// not created. Without one View returns ErrNotFound.
func (h *Host) View(ctx context.Context, key string, f func(*Core) error) error {
	return h.use(key, func(s *slot) error {
		l, err := s.load(ctx)
		if err != nil {
			return err
		}
		if l == nil {
			return ErrNotFound
		}
		return f(l.core)
	})
}

// Close puts all instances away: running steps and services are ended as Stop ends
// them, and what was published is removed from the outboxes. It returns ctx's error
// if that takes longer; nothing is lost then. Afterwards events are ErrStopped.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.scans.stop()
	slots := slices.Collect(maps.Values(h.slots))
	h.mu.Unlock()
	var mu sync.Mutex
	var errs []error
	inParallel(slots, func(s *slot) {
		if err := s.close(ctx); err != nil {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, fmt.Errorf("instance %q: %w", s.key, err))
		}
	})
	done := make(chan struct{})
	go func() {
		h.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
	}
	return errors.Join(errs...)
}

func (h *Host) log() *slog.Logger {
	if h.logger != nil {
		return h.logger
	}
	return slog.Default()
}
