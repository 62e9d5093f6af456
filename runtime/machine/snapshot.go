package machine

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Snapshot is everything that a machine is at rest, between two macrosteps. States
// and events stand in it by their names in the spec, so that it can be read by
// people and, where names have not changed, by later versions of the spec.
type Snapshot struct {
	Machine, Key string
	Shape        Shape    // of the spec that the machine was generated from
	Active       []string // the active leaves, in document order; none before the start
	History      []Recorded
	Context      []byte // the context's MessagePack form
	Seq          uint64 // of the last StateChanged
	Finished     bool
	Delays       []DelaySnapshot // in the order in which they began
	Sends        []SendSnapshot  // in the order in which they were made
	Deferred     []EventSnapshot // in the order of their arrival
	Invokes      []InvokeSnapshot
}

// Recorded is what a history state stands for.
type Recorded struct {
	State  string
	Active []string
}

// DelaySnapshot is an `after` that has begun and not passed.
type DelaySnapshot struct {
	State string
	Delay string // as the spec writes it, in the form after(30m)
	Due   time.Time
}

// SendSnapshot is a send that waits for its time.
type SendSnapshot struct {
	ID      string
	Event   string // an event of the machine, or an output by its name in the chart
	Self    bool   // it goes to the machine itself
	Payload []byte
	Due     time.Time
	Behind  int // so many of the Delays began before it
}

// EventSnapshot is a deferred event.
type EventSnapshot struct {
	Event   string
	Payload []byte
	Next    bool // it comes before anything else, since states have changed after it was deferred
}

// InvokeSnapshot is an invocation that runs: a service begins again when the
// machine is restored, an invoked machine is restored from State.
type InvokeSnapshot struct {
	ID    string
	State string // that invokes
	Child *Snapshot
}

// Codec is what a generated machine can write and read.
type Codec interface {
	// EncodeContext and DecodeContext write and read the machine's context. What
	// cannot be read leaves it as it was.
	EncodeContext() ([]byte, error)
	DecodeContext(data []byte) error
	// EncodeEvent writes an event of any section. It may be called at any time.
	EncodeEvent(event any) ([]byte, error)
	// DecodeEvent reads the machine's event with the given number; DecodeOutput an
	// event that it emits or sends, by its kind.
	DecodeEvent(id int32, data []byte) (any, error)
	DecodeOutput(kind int32, data []byte) (any, error)
}

// Snapshot returns what the machine is after the step that is running. A machine
// that has stopped, or that has not been started, has none.
func (c *Core) Snapshot(ctx context.Context) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.within(ctx) {
		return nil, ErrReentrant
	}
	for {
		own, err := c.captureBy(ctx, nil)
		if err != nil {
			return nil, err
		}
		over, err := own.withChildren(ctx)
		if err != nil {
			return nil, err
		}
		if !over {
			return own.Snapshot, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// pause lets a machine that is about to learn something have the time to.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Millisecond):
		return nil
	}
}

// captureBy queues the entry of a snapshot, and waits for it.
func (c *Core) captureBy(ctx context.Context, payload any) (captured, error) {
	w := newWaiter()
	e := &entry{ctx: ctx, kind: snapshotEntry, payload: payload, wait: w}
	if err := c.enqueue(e, unlimited); err != nil {
		return captured{}, err
	}
	c.runIfIdle()
	s, err := c.await(ctx, w)
	own, _ := s.(captured)
	return own, err
}

// capture is the machine's snapshot, made by its owner.
func (c *Core) capture() (own captured, err error) {
	codec, ok := c.prog.(Codec)
	if !ok {
		return own, ErrNoCodec
	}
	s := &Snapshot{Machine: c.self.Machine, Key: c.self.Key, Shape: c.chart.Shape, Active: c.paths(c.leaves), Seq: c.seq, Finished: c.finished}
	if s.Context, err = codec.EncodeContext(); err != nil {
		return own, err
	}
	for h, recorded := range c.history {
		if len(recorded) > 0 {
			s.History = append(s.History, Recorded{c.chart.path(c.chart.Histories[h]), c.paths(recorded)})
		}
	}
	s.Delays = c.captureDelays()
	if e := c.current; e != nil && e.kind == snapshotEntry {
		return c.captureCut(codec, s, e)
	}
	c.captureInvokes(s)
	return captured{Snapshot: s, core: c}, c.captureEvents(codec, s)
}

func (c *Core) paths(states []int32) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = c.chart.path(s)
	}
	return out
}

func (c *Core) captureDelays() []DelaySnapshot {
	var armed []*delaySlot
	for i := range c.delays {
		if c.delays[i].armed {
			armed = append(armed, &c.delays[i])
		}
	}
	slices.SortFunc(armed, func(a, b *delaySlot) int { return cmp.Compare(a.began, b.began) })
	var out []DelaySnapshot
	for _, slot := range armed {
		out = append(out, DelaySnapshot{c.chart.path(c.chart.delayOwner(slot.index)), c.chart.Events[c.chart.Delays[slot.index].Event], slot.deadline})
	}
	return out
}

// delayOwner is the state that delay i belongs to.
func (c *Chart) delayOwner(i int32) int32 {
	return c.owner(func(s *State) bool { return s.FirstDelay <= i && i < s.LastDelay })
}

// invokeOwner is the state that invocation i belongs to.
func (c *Chart) invokeOwner(i int32) int32 {
	return c.owner(func(s *State) bool { return s.FirstInvoke <= i && i < s.LastInvoke })
}

func (c *Chart) owner(is func(*State) bool) int32 {
	for n := range c.States {
		if is(&c.States[n]) {
			return int32(n)
		}
	}
	return 0
}

func (c *Core) captureEvents(codec Codec, s *Snapshot) error {
	next := c.nextKept()
	for i, e := range c.kept {
		if (c.life != nil || c.current.suspends()) && e.wait != nil && e.wait.request {
			continue // who waits for the reply will ask again
		}
		data, err := codec.EncodeEvent(e.payload)
		if err != nil {
			return err
		}
		s.Deferred = append(s.Deferred, EventSnapshot{c.chart.Events[e.event], data, i >= next})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pending {
		data, err := codec.EncodeEvent(p.what)
		if err != nil {
			return err
		}
		name := ""
		if p.self {
			name = c.chart.Events[p.event]
		} else {
			name = c.chart.sendName(p.event)
		}
		s.Sends = append(s.Sends, SendSnapshot{p.id, name, p.self, data, p.due, c.behind(p)})
	}
	return c.captureOwn(codec, s)
}

// captureOwn adds what the machine's own steps, and invoked machines, have sent to
// it and it has not processed yet; c.mu is held. To who restores it, it is a send
// that is due.
func (c *Core) captureOwn(codec Codec, s *Snapshot) error {
	last := c.current.suspends()
	for _, e := range c.inbox.list[c.inbox.head:] {
		ours := e.own || e.kind == externalEntry && (e.call != nil || last && e.wait == nil)
		if !ours || c.life != nil && !e.stored {
			continue
		}
		data, err := codec.EncodeEvent(e.payload)
		if err != nil {
			return err
		}
		s.Sends = append(s.Sends, SendSnapshot{Event: c.chart.Events[e.event], Self: true, Payload: data, Due: c.clock.Now()})
	}
	if last {
		c.stopped = true
		c.word.Or(halted)
	}
	return nil
}

func (c *Core) captureInvokes(s *Snapshot) (calls []*invocation) {
	for n, call := range c.running {
		if call != nil {
			s.Invokes = append(s.Invokes, InvokeSnapshot{ID: c.chart.Invokes[n].ID, State: c.chart.path(c.chart.invokeOwner(int32(n)))})
			calls = append(calls, call)
		}
	}
	return calls
}
