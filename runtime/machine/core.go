package machine

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// MaxMicrosteps is the length at which a chain of eventless transitions and
// internal events is cut.
const MaxMicrosteps = 1000

// InboxSize is the number of events that can wait for a machine.
const InboxSize = 1024

// MaxDeferred is the number of deferred events that a machine keeps.
const MaxDeferred = 1000

// PublishTimeout is how long a step may wait for room in a queue that it
// publishes to, or for another machine that it sends to: what waits for itself in
// a circle pushes back, and never hangs.
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
	// Invoke makes what invocation i runs.
	Invoke(i int32) (Invocation, error)
	// Publish hands an emitted or sent event to the outbox.
	Publish(ctx context.Context, kind int32, event any) error
	// Changed hands a state change to the outbox. The slices are the machine's own.
	Changed(ctx context.Context, c Change) error
	// Failed hands a failure to the outbox.
	Failed(ctx context.Context, f Failure) error
}

// Change is a state that was entered in a macrostep and is active after it.
type Change struct {
	State   int32
	From    []int32 // the leaves that were exited
	Active  []int32 // all leaves that are active
	Trigger string
	Seq     uint64 // counts the changes of one machine, from 1
	At      time.Time
	Done    bool // the machine has finished
}

// Option is an option of a machine.
type Option func(*Core)

// WithClock makes a machine take its time from clock instead of package time.
func WithClock(clock Clock) Option { return func(c *Core) { c.clock = clock } }

// WithObserver makes a machine tell o what it does.
func WithObserver(o Observer) Option { return func(c *Core) { c.observer = o } }

// WithLogger makes a machine log to l instead of slog.Default.
func WithLogger(l *slog.Logger) Option { return func(c *Core) { c.logger = l } }

// WithParent makes a machine that no other one has invoked hand to send what it sends to
// its parent, when the step has ended: for tests of such a machine alone. It must not
// change events.
func WithParent(send func(ctx context.Context, event any) error) Option {
	return func(c *Core) { c.toParent = send }
}

// Core executes one machine. Generated machines have one; its methods are for
// them, and are not meant to be called by anything else. It must not be copied
// after Init.
type Core struct {
	// word is the machine's lock and what others may see of it without: flags in
	// its low byte, the active leaf above them where there is never more than one.
	word atomic.Uint64

	chart    *Chart
	prog     Program
	self     Instance
	clock    Clock
	observer Observer
	logger   *slog.Logger
	toParent func(context.Context, any) error // where nothing has invoked the machine; may be nil
	bound    bool

	// What follows belongs to the owner of the busy flag.
	leaves   []int32  // the active leaves, in document order
	one      [1]int32 // the leaves, where there is never more than one
	row      int32    // of that leaf, in the chart's index; else the chart's Idle
	plain    bool     // steps may be swift
	finished bool
	nested   bool // the step is part of that of another machine of the tree, which stores it
	asking   bool // deferred events are processed again, those from keptAt on
	starting bool // an invocation waits for the end of the macrostep
	seq      uint64
	cache    *stepContext
	delays   []delaySlot
	began    uint64        // counts delays and sends as they begin
	history  [][]int32     // what Histories stand for; nil before there is any
	running  []*invocation // by the numbers of the invocations
	migrate  func(*Snapshot, Shape) error
	life     *life // of an instance of a keyed host, and of those that it invokes
	output   any   // of a machine that has finished
	step     step
	work     *work    // scratch memory of steps that are not swift
	current  *entry   // what is processed for somebody else
	kept     []*entry // deferred events, in the order of their arrival
	keptAt   int      // where among them the one belongs that is processed again

	mu      sync.Mutex
	inbox   ring
	pending []*delayed // sends that wait for their time, in the order in which they were made
	view    []int32    // the leaves as others see them, where there may be several
	stopped bool
	asked   bool                       // the root of the tree has been asked for a turn
	loose   bool                       // it does not belong to its tree any more
	leaving context.Context            // of the last step, which exits everything; nil where there is none to come
	cutMu   sync.Mutex                 // held while a child's event is queued, and while a snapshot begins; taken before mu
	parent  atomic.Pointer[invocation] // of a machine that another one invoked and still wants
	as      *invocation                // what it runs as, for ever; nil where nothing invoked it; set before the first step
	calls   sync.WaitGroup
	dropped atomic.Bool  // Stop has dropped what the machine's own steps had queued
	serving atomic.Int32 // services that have not returned
}

// The flags in word.
const (
	busy    uint64 = 1 << iota // somebody owns the machine
	queued                     // the inbox is not empty
	started                    // Start has run
	halted                     // Stop was called
	treed                      // it is part of a host's instance that has invoked it

	leafShift = 8
)

// Init prepares c. It is called once, by the constructor of a generated machine.
func (c *Core) Init(chart *Chart, prog Program, key string, opts []Option) {
	c.chart, c.prog, c.self = chart, prog, Instance{chart.Machine, key}
	c.clock = systemClock{}
	c.one[0], c.row = None, chart.Idle
	c.leaves = c.one[:0]
	if chart.Width > 1 {
		c.leaves = make([]int32, 0, chart.Width)
	}
	for _, o := range opts {
		o(c)
	}
	c.settlePlain()
	if n := len(chart.Delays); n > 0 {
		c.delays = make([]delaySlot, n)
	}
	for i := range c.delays {
		c.delays[i].core, c.delays[i].index = c, int32(i)
	}
}

// settlePlain decides whether steps may be swift: not where somebody wants to be
// told what happens, nor where deferred events may have to be looked at again.
func (c *Core) settlePlain() {
	c.plain = c.observer == nil && !c.finished && len(c.kept) == 0 && c.chart.Width <= 1 && c.life == nil
}

// Key is the machine's key, empty if it has none.
func (c *Core) Key() string { return c.self.Key }

// Bound says that there is an outbox: without one, nothing is kept for it. It
// must not be called while a step runs.
func (c *Core) Bound(yes bool) { c.bound = yes }

// Started reports whether Start or Restore has been called.
func (c *Core) Started() bool { return c.word.Load()&started != 0 }

// Leaf is the innermost state that held all active leaves after the last completed
// macrostep, None before the start: the active leaf, if it is the only one.
func (c *Core) Leaf() int32 {
	w := c.word.Load()
	if w&started == 0 {
		return None
	}
	if c.chart.Width <= 1 {
		return int32(w >> leafShift)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.view) == 0 {
		return 0
	}
	first, last := c.view[0], c.view[len(c.view)-1]
	for !c.chart.within(last, first) {
		first = c.chart.States[first].Parent
	}
	return first
}

// Leaves appends the leaves that were active after the last completed macrostep,
// in document order.
func (c *Core) Leaves(to []int32) []int32 {
	if c.chart.Width <= 1 {
		if leaf := c.Leaf(); leaf > 0 {
			to = append(to, leaf)
		}
		return to
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return append(to, c.view...)
}

// In reports whether state i was active after the last completed macrostep.
func (c *Core) In(i int32) bool {
	if c.chart.Width <= 1 {
		leaf := c.Leaf()
		return leaf != None && c.chart.within(leaf, i)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.view, func(leaf int32) bool { return c.chart.within(leaf, i) })
}

// Active reports whether state i is active: for guards, within a step.
func (c *Core) Active(i int32) bool {
	for _, leaf := range c.leaves {
		if c.chart.within(leaf, i) {
			return true
		}
	}
	return false
}

// publishLeaves lets others see the active leaves.
func (c *Core) publishLeaves() {
	if c.chart.Width > 1 {
		c.mu.Lock()
		c.view = append(c.view[:0], c.leaves...)
		c.mu.Unlock()
		return
	}
	for {
		w := c.word.Load()
		if c.word.CompareAndSwap(w, w&(1<<leafShift-1)|c.leafBits()) {
			return
		}
	}
}

// leafBits is the active leaf as it stands in word; the machine itself if a step
// has none.
func (c *Core) leafBits() uint64 { return uint64(uint32(max(c.one[0], 0))) << leafShift }

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
