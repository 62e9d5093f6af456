package machine

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// delaySlot is one `after`: armed when its state is entered, disarmed when it
// is exited. A timer that fires too late or too early to be meant is recognised
// by its deadline.
type delaySlot struct {
	core     *Core
	index    int32
	armed    bool
	timer    Timer
	deadline time.Time
	began    uint64
	fired    atomic.Bool // the timer has, since the slot was armed
}

// arm begins delay i. A delay that cannot be computed is a failed action; one
// that is not positive has passed already.
func (c *Core) arm(i int32) {
	d := time.Duration(c.chart.Delays[i].Constant)
	if d == 0 {
		var err error
		if d, err = c.computeDelay(i); err != nil {
			c.raiseError(err)
			return
		}
	}
	c.armFor(i, c.clock.Now().Add(d), d)
}

func (c *Core) armFor(i int32, due time.Time, d time.Duration) {
	slot := &c.delays[i]
	c.began++
	slot.armed, slot.deadline, slot.began = true, due, c.began
	slot.fired.Store(false)
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

// stopTimer stops a timer, if there is one: what was due already when the machine
// was restored has none.
func stopTimer(t Timer) {
	if t != nil {
		t.Stop()
	}
}

func (s *delaySlot) disarm() {
	if s.armed {
		s.armed = false
		stopTimer(s.timer)
	}
}

// unlimited is a limit of the inbox for what is bounded by itself: the chart's
// delays and invocations, and sends that wait for their time.
const unlimited = 1 << 30

// fire is called by the clock.
func (s *delaySlot) fire() {
	s.fired.Store(true)
	s.core.timerFired()
}

// timerFired has the machine look for what is due.
func (c *Core) timerFired() {
	if c.enqueue(&entry{ctx: context.Background(), kind: timeEntry}, unlimited) == nil {
		c.runIfIdle()
	}
}

// timePassed processes what has been due for the longest, if there is something that is
// still meant: an `after` or a send. Timers may fire in another order than they were
// set; those of one instant do.
func (c *Core) timePassed(ctx context.Context) error {
	s, p := c.earliest(), c.nextSend()
	now := c.clock.Now()
	defer c.rearm()
	switch {
	case c.finished:
		return nil
	case s != nil && (p == nil || s.before(p)):
		if now.Before(s.deadline) {
			return nil
		}
		return c.delayPassed(c.stepCtx(ctx), s)
	case p != nil && !now.Before(p.due):
		return c.sendNow(ctx, p)
	}
	return nil
}

func (c *Core) delayPassed(ctx context.Context, s *delaySlot) error {
	s.armed = false
	c.changed()
	event := c.chart.Delays[s.index].Event
	c.begin(event)
	c.take(ctx, event, nil)
	return c.finish(ctx)
}

// rearm sets the timers of what is due first, if they have fired already: for
// something else that was due, or too early, since the clock was turned back.
func (c *Core) rearm() {
	if s := c.earliest(); s != nil && s.fired.Swap(false) {
		s.timer.Reset(max(s.deadline.Sub(c.clock.Now()), 0))
	}
	if p := c.nextSend(); p != nil && p.fired.Swap(false) {
		p.timer.Reset(max(p.due.Sub(c.clock.Now()), 0))
	}
}

// before reports whether the delay passes before the send p.
func (s *delaySlot) before(p *delayed) bool {
	return s.deadline.Before(p.due) || s.deadline.Equal(p.due) && s.began <= p.began
}

// earliest is the delay that is due first, and of several the one that began first.
func (c *Core) earliest() *delaySlot {
	var first *delaySlot
	for i := range c.delays {
		s := &c.delays[i]
		if s.armed && (first == nil || s.deadline.Before(first.deadline) || s.deadline.Equal(first.deadline) && s.began < first.began) {
			first = s
		}
	}
	return first
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
	due   time.Time
	began uint64 // delays that had begun before it
	timer Timer
	fired atomic.Bool // the timer has
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
	c.waitFor(&delayed{core: c, id: id, self: self, event: event, what: what, due: c.clock.Now().Add(max(d, 0))})
	return nil
}

// waitFor begins to wait; c.mu is held, and the caller owns the machine.
func (c *Core) waitFor(p *delayed) {
	p.began = c.began
	c.pending = append(c.pending, p)
	p.timer = c.clock.AfterFunc(max(p.due.Sub(c.clock.Now()), 0), p.fire)
}

// behind is how many of the delays that have not passed began before p.
func (c *Core) behind(p *delayed) (n int) {
	for i := range c.delays {
		if s := &c.delays[i]; s.armed && s.began <= p.began {
			n++
		}
	}
	return n
}

// Cancel takes back the send that waits under id; an unknown id is none.
func (c *Core) Cancel(id string) {
	if id == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = slices.DeleteFunc(c.pending, func(p *delayed) bool {
		if p.id == id {
			stopTimer(p.timer)
		}
		return p.id == id
	})
}

func (p *delayed) fire() {
	p.fired.Store(true)
	p.core.timerFired()
}

// nextSend is the send that is due first, and of several the one that was made first;
// nil if none waits.
func (c *Core) nextSend() (first *delayed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pending {
		if first == nil || p.due.Before(first.due) {
			first = p
		}
	}
	return first
}

// sendNow processes a delayed send that is due.
func (c *Core) sendNow(ctx context.Context, p *delayed) error {
	c.mu.Lock()
	c.pending = slices.DeleteFunc(c.pending, func(other *delayed) bool { return other == p })
	c.mu.Unlock()
	c.changed()
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
	for _, p := range c.pending {
		stopTimer(p.timer)
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
