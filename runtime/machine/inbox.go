package machine

import (
	"context"
	"slices"
	"time"
)

type entryKind uint8

const (
	startEntry entryKind = iota
	externalEntry
	timeEntry     // the time of an `after` or of a send has come
	invokeEntry   // an invocation has ended
	snapshotEntry // somebody wants a snapshot
	leaveEntry    // the parent needs the machine no more
	turnEntry     // a function wants to be called between steps
	childEntry    // a machine of the tree has something to do
	nothing       // only wakes who waits for it
)

// entry is one thing that the machine has to process.
type entry struct {
	ctx     context.Context
	kind    entryKind
	event   int32
	payload any
	call    *invocation
	kept    bool    // it has been deferred
	own     bool    // a step of the machine has sent it, and was told that it is accepted
	stored  bool    // it is part of the stored instance
	id      string  // of an event, by which it is recognised if it comes again; may be empty
	wait    *waiter // of a sender that waits for the outcome
}

// waiter is where a sender waits for its entry.
type waiter struct {
	request bool
	started bool // guarded by Core.mu: it cannot be withdrawn
	gone    bool // guarded by Core.mu: it was withdrawn
	turn    chan struct{}
	done    chan struct{}
	reply   any
	err     error
	kept    chan struct{} // closed when the request is deferred for the first time; nil if nobody asks
	told    bool          // guarded by Core.mu: kept is closed
}

// newWaiter has two channels: the owner hands the machine over on turn, or
// closes done once it has processed the entry.
func newWaiter() *waiter {
	return &waiter{turn: make(chan struct{}, 1), done: make(chan struct{})}
}

// ring is a queue of entries that grows and shrinks with its load.
type ring struct {
	list []*entry
	head int
}

func (r *ring) len() int { return len(r.list) - r.head }

func (r *ring) push(e *entry) { r.list = append(r.list, e) }

func (r *ring) pop() *entry {
	e := r.list[r.head]
	r.list[r.head] = nil
	r.head++
	if r.head == len(r.list) {
		r.list, r.head = r.list[:0], 0
	} else if r.head > 64 && r.head*2 > len(r.list) {
		n := copy(r.list, r.list[r.head:])
		clear(r.list[n:])
		r.list, r.head = r.list[:n], 0
	}
	return e
}

// enqueue adds e unless limit entries wait already.
func (c *Core) enqueue(e *entry, limit int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stopped || c.leaving != nil:
		return ErrStopped
	case c.word.Load()&started == 0:
		return ErrNotStarted
	case c.inbox.len() >= limit:
		return ErrFull
	}
	c.inbox.push(e)
	c.word.Or(queued)
	return nil
}

// enqueueAlways adds e behind everything and reports false, or, if the machine
// is idle, does not and reports true.
func (c *Core) enqueueAlways(e *entry) (idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.word.Load()&busy == 0 {
		return true
	}
	c.inbox.push(e)
	c.word.Or(queued)
	return false
}

// asking is whether a sender waits for a reply, and for how long.
type asking uint8

const (
	noReply    asking = iota
	withReply         // as long as it takes
	replyLater        // until the request is deferred, which is a *deferredError
)

// slowSend is Send where the machine is not idle, or where a reply is wanted.
func (c *Core) slowSend(ctx context.Context, id int32, event any, how asking) (any, error) {
	if c.word.Load()&treed != 0 {
		ctx = withEvent(ctx, "") // it belongs to none that the sender may be hearing
	}
	return c.slowEntry(&entry{ctx: ctx, kind: externalEntry, event: id, payload: event}, how)
}

// slowEntry is slowSend for an event that may have an id, which then is that of its
// ctx as well.
func (c *Core) slowEntry(e *entry, how asking) (any, error) {
	ctx := e.ctx
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.within(ctx) {
		if how != noReply {
			return nil, ErrReentrant
		}
		e.ctx, e.own = withEvent(queuedCtx(ctx), EventID(ctx)), true
		err := c.enqueue(e, InboxSize)
		c.runIfIdle() // should the step that ctx is from have ended
		return nil, err
	}
	if root := c.root(); root != c && root.life.full() {
		return nil, ErrFull
	}
	w := newWaiter()
	w.request, e.wait = how != noReply, w
	if how == replyLater {
		w.kept = make(chan struct{})
	}
	if err := c.enqueue(e, InboxSize); err != nil {
		return nil, err
	}
	c.runIfIdle()
	return c.await(ctx, w)
}

// await waits for an outcome. While it waits the owner may hand the machine
// over to it, so that no sender runs others' events for ever. Who sends from a
// step of another machine waits for a limited time: that machine may be waiting
// for this one.
func (c *Core) await(ctx context.Context, w *waiter) (any, error) {
	cancelled := ctx.Done()
	var tooLong <-chan time.Time
	if inAnyStep(ctx) {
		timer := time.NewTimer(PublishTimeout)
		defer timer.Stop()
		tooLong = timer.C
	}
	for {
		select {
		case <-w.done:
			return w.reply, w.err
		case <-w.kept:
			return nil, &deferredError{c, w}
		case <-w.turn:
			c.root().drain()
		case <-cancelled:
			cancelled = nil // it is too late, or this was the answer
			if c.withdraw(w) {
				return nil, ctx.Err()
			}
		case <-tooLong:
			if c.withdraw(w) {
				return nil, ErrBusy
			}
		}
	}
}

// withdraw takes back what waits for w, unless its step has begun or the machine
// has been handed over to it.
func (c *Core) withdraw(w *waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.started {
		return false
	}
	w.gone = true
	return true
}

// runIfIdle becomes the owner if there is none, and processes the inbox.
func (c *Core) runIfIdle() {
	if c.word.Load()&treed != 0 {
		c.askForTurn()
		return
	}
	if c.word.Or(busy)&busy == 0 {
		c.drain()
	}
}

// handover is the number of others' events after which a sender gives the
// machine to the next one that waits.
const handover = 128

// drain processes the inbox and releases the machine, or hands it over.
func (c *Core) drain() {
	for n := 0; ; n++ {
		e := c.next(n >= handover)
		if e == nil {
			return
		}
		c.process(e)
		if len(c.kept) > 0 {
			c.retry()
		}
		c.publishLeaves()
	}
}

// next pops an entry. It returns nil once the machine has another owner or none.
func (c *Core) next(mayHandOver bool) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx := c.leaving; ctx != nil {
		c.leaving, c.stopped = nil, true
		return &entry{ctx: ctx, kind: leaveEntry}
	}
	if c.stopped {
		c.halt()
		for _, e := range c.kept {
			c.refuse(e)
		}
		c.kept = nil
	}
	for c.inbox.len() > 0 {
		if c.stopped {
			c.refuse(c.inbox.pop())
			continue
		}
		if mayHandOver && c.inbox.list[c.inbox.head].handOver() {
			return nil
		}
		e := c.inbox.pop()
		if e.wait != nil {
			if e.wait.gone {
				continue
			}
			e.wait.started = true
		}
		return e
	}
	c.rest()
	c.word.And(^(busy | queued))
	return nil
}

// handOver gives the machine to who waits for e, if somebody does: where e is a turn
// of an invoked machine, to who waits for what that is to process. The machine that e
// waits at is locked.
func (e *entry) handOver() bool {
	if e.kind == childEntry {
		child := e.payload.(*Core)
		child.mu.Lock()
		defer child.mu.Unlock()
		if child.stopped || child.inbox.len() == 0 {
			return false
		}
		return child.inbox.list[child.inbox.head].handOver()
	}
	w := e.wait
	if w == nil || w.gone || w.started {
		return false
	}
	w.started = true
	w.turn <- struct{}{}
	return true
}

// refuse answers what is queued at a machine that has stopped.
func (c *Core) refuse(e *entry) {
	if e.own {
		c.root().dropped.Store(true)
	}
	if e.wait != nil && !e.wait.gone {
		if e.kind != nothing {
			e.wait.err = ErrStopped
		}
		e.wait.started = true
		close(e.wait.done)
	}
}

// release gives the machine back after a step; what was queued meanwhile is
// processed first.
func (c *Core) release() {
	if c.word.Load()&treed != 0 {
		c.endTurn()
		return
	}
	c.publishLeaves()
	c.drain()
}

// process runs the macrostep of e and answers who waits for it.
func (c *Core) process(e *entry) {
	c.current, c.step.entered, c.step.deferred = e, false, false
	err := c.macrostep(e.ctx, e)
	c.current = nil
	reply := c.step.reply
	c.step.reply = nil
	if e.wait == nil {
		if err != nil && c.observer == nil {
			c.Logger().ErrorContext(e.ctx, "a step that nobody waited for has failed", "error", err)
		}
		return
	}
	if c.step.deferred && e.wait.request && err == nil {
		c.mu.Lock()
		e.wait.started = false
		if e.wait.kept != nil && !e.wait.told {
			e.wait.told = true
			close(e.wait.kept)
		}
		c.mu.Unlock()
		return
	}
	e.wait.err, e.wait.reply = err, reply
	wait := e.wait
	e.wait = nil // should it be kept, nobody waits any more
	close(wait.done)
}

// keep keeps an event that has been deferred. One that had been kept before goes
// back to where it was; see retry.
func (c *Core) keep(ctx context.Context, id int32, event any) {
	e := c.current
	if e == nil || e.kind != externalEntry {
		e = &entry{ctx: detach(ctx), kind: externalEntry, event: id, payload: event}
	} else if !e.kept && (e.wait == nil || !e.wait.request) {
		e.ctx = detach(e.ctx)
	}
	switch {
	case e.kept:
		c.kept = slices.Insert(c.kept, c.keptAt, e)
	case len(c.kept) >= MaxDeferred:
		c.step.deferred = false
		c.step.errs = append(c.step.errs, errNotKept)
		if c.observer != nil {
			c.observer.Failed(c.self, errNotKept)
		}
		return
	default:
		e.kept = true
		c.kept = append(c.kept, e)
		c.changed()
	}
	c.plain = false
	if c.observer != nil {
		c.observer.Deferred(c.self, c.chart.Events[id])
	}
}

// retry processes deferred events, the oldest first, after a macrostep that
// exited or entered states; after another such step it begins again.
func (c *Core) retry() {
	if !c.step.entered {
		return
	}
	c.retryFrom(0)
}

func (c *Core) retryFrom(i int) {
	c.asking = true
	for i < len(c.kept) && !c.abandoned() {
		e := c.kept[i]
		c.kept = slices.Delete(c.kept, i, i+1)
		if c.takeBack(e) {
			continue
		}
		c.keptAt = i
		c.process(e)
		if c.step.deferred {
			i++
		}
		if c.step.entered {
			i = 0
		}
	}
	c.asking = false
	c.settlePlain()
}

// nextKept is the place of the first deferred event that is to be processed again
// before anything else, seen from the end of a macrostep.
func (c *Core) nextKept() int {
	switch {
	case c.step.entered:
		return 0
	case c.asking && c.step.deferred:
		return c.keptAt + 1
	case c.asking:
		return c.keptAt
	}
	return len(c.kept)
}

// takeBack reports whether who waits for e has gone, and else that it is too late
// for that.
func (c *Core) takeBack(e *entry) (gone bool) {
	if e.wait == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e.wait.started = true
	return e.wait.gone
}
