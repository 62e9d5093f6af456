package machine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// MaxMicrosteps is the length at which a chain of eventless transitions and
// internal events is cut.
const MaxMicrosteps = 1000

// InboxSize is the number of events that can wait for a machine.
const InboxSize = 1024

// PublishTimeout is how long a step may wait for room in a queue that it
// publishes to: queues in a circle push back, and never hang.
const PublishTimeout = time.Second

// Program is the generated part of a machine. Its methods are called within a
// step, never concurrently.
type Program interface {
	// Take evaluates the guard of transition id and reports whether it passes;
	// where nothing happens between guard and actions, it runs the actions too.
	// An id from len(Transitions) on is a block of actions.
	Take(ctx context.Context, id int32) (bool, error)
	// Delay computes delay i.
	Delay(i int32) time.Duration
	// Publish hands an emitted or sent event to the outbox.
	Publish(ctx context.Context, kind int32, event any) error
	// Changed hands a state change to the outbox.
	Changed(ctx context.Context, c Change) error
	// Failed hands a failure to the outbox.
	Failed(ctx context.Context, f Failure) error
}

// Change is a state that was entered in a macrostep and is active after it.
type Change struct {
	State, From int32 // From is None at the start
	Trigger     string
	Seq         uint64 // counts the changes of one machine, from 1
	At          time.Time
	Done        bool // the machine has finished
}

// Option is an option of a machine.
type Option func(*Core)

// WithClock makes a machine take its time from clock instead of package time.
func WithClock(clock Clock) Option { return func(c *Core) { c.clock = clock } }

// WithObserver makes a machine tell o what it does.
func WithObserver(o Observer) Option { return func(c *Core) { c.observer = o } }

// WithLogger makes a machine log to l instead of slog.Default.
func WithLogger(l *slog.Logger) Option { return func(c *Core) { c.logger = l } }

// Core executes one machine. Generated machines have one; its methods are for
// them, and are not meant to be called by anything else. It must not be copied
// after Init.
type Core struct {
	// word is the machine's lock and what others may see of it without: flags in
	// its low byte, the active leaf above them.
	word atomic.Uint64

	chart    *Chart
	prog     Program
	self     Instance
	clock    Clock
	observer Observer
	logger   *slog.Logger
	bound    bool

	// What follows belongs to the owner of the busy flag.
	leaf     int32
	row      int32 // of leaf, in the chart's index
	plain    bool  // there is no observer, and the machine has not finished
	finished bool
	seq      uint64
	cache    *stepContext
	delays   []delaySlot
	step     step
	current  *entry // what is processed for somebody else

	mu      sync.Mutex
	inbox   ring
	pending map[*delayed]struct{} // sends that wait for their time
	stopped bool
}

// The flags in word.
const (
	busy    uint64 = 1 << iota // somebody owns the machine
	queued                     // the inbox is not empty
	started                    // Start has run
	halted                     // Stop was called

	leafShift = 8
)

// Init prepares c. It is called once, by the constructor of a generated machine.
func (c *Core) Init(chart *Chart, prog Program, key string, opts []Option) {
	c.chart, c.prog, c.self = chart, prog, Instance{chart.Machine, key}
	c.clock = systemClock{}
	c.leaf = None
	for _, o := range opts {
		o(c)
	}
	c.plain = c.observer == nil
	c.delays = make([]delaySlot, len(chart.Delays))
	for i := range c.delays {
		c.delays[i].core, c.delays[i].index = c, int32(i)
	}
}

// Key is the machine's key, empty if it has none.
func (c *Core) Key() string { return c.self.Key }

// Bound says that there is an outbox: without one, nothing is kept for it. It
// must not be called while a step runs.
func (c *Core) Bound(yes bool) { c.bound = yes }

// Leaf is the state that was active after the last completed macrostep, None
// before the start.
func (c *Core) Leaf() int32 {
	w := c.word.Load()
	if w&started == 0 {
		return None
	}
	return int32(w >> leafShift)
}

// In reports whether state i was active after the last completed macrostep.
func (c *Core) In(i int32) bool {
	leaf := c.Leaf()
	return leaf != None && c.chart.within(leaf, i)
}

// Active reports whether state i is active: for guards, within a step.
func (c *Core) Active(i int32) bool { return c.chart.within(c.leaf, i) }

// Start enters the initial configuration.
func (c *Core) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		w := c.word.Load()
		switch {
		case w&halted != 0:
			return ErrStopped
		case w&(started|busy) != 0:
			return ErrAlreadyStarted
		}
		if c.word.CompareAndSwap(w, w|busy|started) {
			break
		}
	}
	err := c.macrostep(ctx, &entry{kind: startEntry})
	c.release()
	return err
}

// Send processes event id and returns when its macrostep has completed: nil, an
// *ActionError that no transition on error.execution has taken, an
// *UnhandledError of a strict machine, a *LoopError, a *PublishError, or several
// joined. If another step is running it waits its turn; ErrFull says that there
// is no room to wait, and an error of ctx that the event was withdrawn before
// its step began. Within a step of the same machine, known by ctx, it queues the
// event and returns nil.
func (c *Core) Send(ctx context.Context, id int32, event any) error {
	w := c.word.Load()
	if w&(busy|queued|started|halted) == started && ctx.Err() == nil && c.word.CompareAndSwap(w, w|busy) {
		err := c.external(ctx, id, event)
		if !c.word.CompareAndSwap(w|busy, started|uint64(uint32(c.leaf))<<leafShift) {
			c.release()
		}
		return err
	}
	_, err := c.slowSend(ctx, id, event, false)
	return err
}

// Request is Send for an event that has a reply, which it returns. A macrostep
// without one is ErrNoReply, an unhandled request an *UnhandledError.
func (c *Core) Request(ctx context.Context, id int32, event any) (any, error) {
	return c.slowSend(ctx, id, event, true)
}

// Post queues event id and returns; its errors are reported to the observer and
// the outbox. If the machine is idle the event is processed before Post returns.
func (c *Core) Post(ctx context.Context, id int32, event any) error {
	if err := c.enqueue(&entry{ctx: context.WithoutCancel(ctx), kind: externalEntry, event: id, payload: event}, InboxSize); err != nil {
		return err
	}
	c.runIfIdle()
	return nil
}

// Stop ends the machine: it waits for a running step, stops delays and drops
// what is queued, whose senders get ErrStopped. Exit actions do not run. Within
// a step it takes effect when that step ends. It returns ctx's error if it ends
// first; the machine stops all the same.
func (c *Core) Stop(ctx context.Context) error {
	c.mu.Lock()
	c.stopped = true
	c.word.Or(halted)
	idle := c.word.Or(busy)&busy == 0
	c.mu.Unlock()
	if idle {
		c.release()
		return nil
	}
	if c.within(ctx) {
		return nil
	}
	e := &entry{kind: nothing, wait: newWaiter()}
	if c.enqueueAlways(e) {
		return nil // it ended meanwhile
	}
	select {
	case <-e.wait.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Logger is what log actions write to.
func (c *Core) Logger() *slog.Logger {
	l := c.logger
	if l == nil {
		l = slog.Default()
	}
	if c.self.Key != "" {
		return l.With("machine", c.self.Machine, "key", c.self.Key)
	}
	return l.With("machine", c.self.Machine)
}
