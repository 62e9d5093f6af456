package machine

import (
	"context"
	"errors"
	"time"
)

// A snapshot of a machine and of those that it invokes is a cut: whatever one of
// them has sent to another either is in the snapshot of the receiver, or is yet to
// be sent by the sender. The machine is captured first, and in the same turn queues
// a mark at each child: what it sent before that, the child processes before it is
// captured, and what it sends later, after. What a child sends to it between the
// two is noted, and goes to it again where the snapshot is restored.

// cut is where a child's part of a snapshot is waited for.
type cut struct {
	call *invocation
	at   int // the index in Invokes
	wait *waiter
	err  error // the mark could not be queued
	last bool  // the child stops with it
	// heard is guarded by the parent's cutMu until the cut is closed.
	heard []heard
}

// heard is an event that a child has sent meanwhile.
type heard struct {
	event   int32
	payload any
	at      time.Time
}

// captured is a snapshot without those of the invoked machines, which are still to
// come.
type captured struct {
	*Snapshot
	core *Core
	cuts []*cut
	over bool // an invoked machine has ended, which the machine is yet to learn
}

// captureCut is the snapshot that somebody has asked for in e, taken in the
// machine's turn.
func (c *Core) captureCut(codec Codec, s *Snapshot, e *entry) (own captured, err error) {
	own = captured{Snapshot: s, core: c}
	k, _ := e.payload.(*cut)
	if own.over = c.endsWait(); own.over && k == nil && e.suspends() {
		return own, nil // the machine is to learn that before it stops
	}
	c.cutMu.Lock()
	if err = c.captureEvents(codec, s); err == nil {
		own.cuts = c.openCuts(s)
	}
	c.cutMu.Unlock()
	for _, k := range own.cuts {
		k.last = e.suspends()
		k.err = k.call.child.enqueue(&entry{ctx: e.ctx, kind: snapshotEntry, payload: k, wait: k.wait}, unlimited)
	}
	if err == nil && e.suspends() {
		c.letGo()
	}
	if k != nil {
		k.close()
	}
	return own, err
}

// endsWait reports whether the end of an invoked machine waits in the inbox.
func (c *Core) endsWait() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.inbox.list[c.inbox.head:] {
		if e.kind == invokeEntry && e.call.child != nil {
			return true
		}
	}
	return false
}

// openCuts begins to note what children send; c.cutMu is held.
func (c *Core) openCuts(s *Snapshot) (cuts []*cut) {
	for n, call := range c.captureInvokes(s) {
		if call.child != nil {
			k := &cut{call: call, at: n, wait: newWaiter()}
			k.wait.started = true // the child is not to be handed over: who waits may be busy
			call.cuts = append(call.cuts, k)
			cuts = append(cuts, k)
		}
	}
	return cuts
}

// close ends the noting: the child has been captured, or will not be.
func (k *cut) close() {
	c := k.call.core
	c.cutMu.Lock()
	defer c.cutMu.Unlock()
	for n, other := range k.call.cuts {
		if other == k {
			k.call.cuts = append(k.call.cuts[:n:n], k.call.cuts[n+1:]...)
			return
		}
	}
}

// tell queues an event at the parent.
func (call *invocation) tell(ctx context.Context, id int32, event any) error {
	c := call.core
	e := c.forKin(ctx, &entry{kind: externalEntry, event: id, payload: event, call: call})
	c.cutMu.Lock()
	err := c.enqueue(e, InboxSize)
	if err == nil || errors.Is(err, ErrStopped) { // a parent that is suspended has stopped
		for _, k := range call.cuts {
			k.heard = append(k.heard, heard{id, event, c.clock.Now()})
		}
	}
	c.cutMu.Unlock()
	if err == nil {
		c.runIfIdle()
	}
	return err
}

// withChildren waits for the snapshots of invoked machines. That is done in no
// step: a step of a child may be waiting for the machine, or for its turn to end.
// It reports whether a child has ended meanwhile: then there is no such cut.
func (s captured) withChildren(ctx context.Context) (over bool, err error) {
	over = s.over
	for _, k := range s.cuts {
		if !k.call.child.within(ctx) {
			k.call.child.runIfIdle()
		}
	}
	for _, k := range s.cuts { // all of them, whatever happens: they have been queued
		childOver, childErr := s.add(ctx, k)
		over = over || childOver
		if err == nil {
			err = childErr
		}
	}
	return over, err
}

// add adds the snapshot of one invoked machine.
func (s captured) add(ctx context.Context, k *cut) (over bool, err error) {
	defer k.close()
	child, err := k.await(ctx)
	if k.last {
		_ = k.call.stop(ctx)
	}
	if errors.Is(err, ErrStopped) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if over, err = child.withChildren(ctx); err != nil {
		return false, err
	}
	s.Invokes[k.at].Child = child.Snapshot
	return over || child.Finished, s.addHeard(k)
}

// await waits for the child's capture, as long as Core.await would.
func (k *cut) await(ctx context.Context) (own captured, err error) {
	if k.err != nil {
		return own, k.err
	}
	if k.call.child.within(ctx) {
		return own, k.forsake(ErrReentrant)
	}
	var tooLong <-chan time.Time
	if inAnyStep(ctx) {
		timer := time.NewTimer(PublishTimeout)
		defer timer.Stop()
		tooLong = timer.C
	}
	select {
	case <-k.wait.done:
		own, _ = k.wait.reply.(captured)
		return own, k.wait.err
	case <-ctx.Done():
		return own, k.forsake(ctx.Err())
	case <-tooLong:
		return own, k.forsake(ErrBusy)
	}
}

// forsake takes the mark back, unless the child is being captured already.
func (k *cut) forsake(err error) error {
	c := k.call.child
	c.mu.Lock()
	defer c.mu.Unlock()
	k.wait.gone = true
	return err
}

// addHeard adds what the child has sent meanwhile. To who restores the machine, it
// is a send that is due.
func (s captured) addHeard(k *cut) error {
	codec := s.core.prog.(Codec)
	for _, h := range k.heard {
		data, err := codec.EncodeEvent(h.payload)
		if err != nil {
			return err
		}
		s.Sends = append(s.Sends, SendSnapshot{Event: s.core.chart.Events[h.event], Self: true, Payload: data, Due: h.at})
	}
	return nil
}
