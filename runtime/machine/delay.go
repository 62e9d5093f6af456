package machine

import (
	"context"
	"time"
)

// delaySlot is one `after`: armed when its state is entered, disarmed when it
// is exited. A timer that fires too late or too early to be meant is recognised
// by its deadline.
type delaySlot struct {
	core     *Core
	index    int32
	timer    Timer
	armed    bool
	deadline time.Time
}

// arm begins delay i. A delay that cannot be computed is a failed action; one
// that is not positive has passed already.
func (c *Core) arm(i int32) {
	slot, row := &c.delays[i], &c.chart.Delays[i]
	d := time.Duration(row.Constant)
	if d == 0 {
		var err error
		if d, err = c.computeDelay(i); err != nil {
			c.raiseError(err)
			return
		}
	}
	slot.armed, slot.deadline = true, c.clock.Now().Add(d)
	if slot.timer == nil {
		slot.timer = c.clock.AfterFunc(d, slot.fire)
		return
	}
	slot.timer.Reset(d)
}

func (c *Core) computeDelay(i int32) (d time.Duration, err error) {
	returned := false
	defer func() {
		if !returned {
			err = c.caught(recover())
		}
	}()
	d = c.prog.Delay(i)
	returned = true
	return max(d, 0), nil
}

func (s *delaySlot) disarm() {
	if s.armed {
		s.armed = false
		s.timer.Stop()
	}
}

// unlimited is a limit of the inbox for what is bounded by itself: the chart's
// delays and invocations, and sends that wait for their time.
const unlimited = 1 << 30

// fire is called by the clock.
func (s *delaySlot) fire() {
	c := s.core
	if c.enqueue(&entry{ctx: context.Background(), kind: delayEntry, delay: s}, unlimited) == nil {
		c.runIfIdle()
	}
}

// delayPassed processes a delay, if it is still meant.
func (c *Core) delayPassed(ctx context.Context, s *delaySlot) error {
	if !s.armed || c.finished || c.clock.Now().Before(s.deadline) {
		return nil
	}
	s.armed = false
	event := c.chart.Delays[s.index].Event
	c.begin(event)
	c.take(ctx, event, nil)
	return c.finish(ctx)
}

// maxDelayed is the number of delayed sends that can wait at one machine.
const maxDelayed = 1000

// delayed is a send that waits for its time.
type delayed struct {
	core  *Core
	id    string
	self  bool
	event int32 // an event of the machine's own, or a kind of output
	what  any
	timer Timer
}

// SendAfter sends an event after d: to the machine itself, or by the outbox. A
// send that waits under the same id, which may be empty for none, is replaced.
// It returns ErrFull if a thousand wait already.
func (c *Core) SendAfter(d time.Duration, id string, self bool, event int32, what any) error {
	c.Cancel(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) >= maxDelayed {
		return ErrFull
	}
	p := &delayed{core: c, id: id, self: self, event: event, what: what}
	if c.pending == nil {
		c.pending = map[*delayed]struct{}{}
	}
	c.pending[p] = struct{}{}
	p.timer = c.clock.AfterFunc(max(d, 0), p.fire)
	return nil
}

// Cancel takes back the send that waits under id; an unknown id is none.
func (c *Core) Cancel(id string) {
	if id == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.pending {
		if p.id == id {
			p.timer.Stop()
			delete(c.pending, p)
		}
	}
}

func (p *delayed) fire() {
	c := p.core
	if c.enqueue(&entry{ctx: context.Background(), kind: delayedEntry, delayed: p}, unlimited) == nil {
		c.runIfIdle()
	}
}

// sendNow processes a delayed send, unless it has been cancelled meanwhile.
func (c *Core) sendNow(ctx context.Context, p *delayed) error {
	c.mu.Lock()
	_, live := c.pending[p]
	delete(c.pending, p)
	c.mu.Unlock()
	if !live {
		return nil
	}
	if p.self {
		return c.external(ctx, p.event, p.what)
	}
	ctx = c.stepCtx(ctx)
	c.begin(0)
	c.Emit(p.event, p.what)
	return c.finish(ctx)
}

// dropPending cancels all delayed sends.
func (c *Core) dropPending() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropPendingLocked()
}

func (c *Core) dropPendingLocked() {
	for p := range c.pending {
		p.timer.Stop()
	}
	c.pending = nil
}

// halt stops every timer of a machine that has stopped; c.mu is held, and the
// caller owns the machine.
func (c *Core) halt() {
	for i := range c.delays {
		c.delays[i].disarm()
	}
	c.dropPendingLocked()
	c.haltCalls()
}
