package bus

import "sync/atomic"

// settle implements anyNode. Lists were changed before it is called, so that a
// publish that begins now sees the new ones; those that hold the event, or were
// counted already, may not have. Whoever waits for another settle does so as for a
// publish, and not for a mutex: a bubble of package synctest would stand still.
func (n *node[T]) settle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.settling {
		n.done.Wait()
	}
	n.settling = true
	defer func() {
		n.settling = false
		n.done.Broadcast()
	}()
	n.awaited.Store(true)
	defer n.awaited.Store(false)
	for start := n.returns; n.taken.Load() != 0 && n.returns == start; {
		n.done.Wait()
	}
	// A publish may have seen the turn long before it was counted, on either side
	// by now. So both are waited for, each while new publishes go to the other.
	for range n.extra {
		old := &n.extra[(n.turn.Add(1)-1)&1]
		for old.Load() != 0 {
			n.done.Wait()
		}
	}
}

// side is where a publish that found no event is counted.
func (n *node[T]) side() *atomic.Int64 { return &n.extra[n.turn.Load()&1] }

// spare counts a publish on a side, and makes the event that it uses.
func (n *node[T]) spare(side *atomic.Int64) *Event[T] {
	side.Add(1)
	n.place.bus.spares.Add(1)
	e := &Event[T]{}
	e.place = &n.place
	return e
}

// free gives the node's own event back, and reports whether somebody waits in settle
// by now. It is small enough for the compiler to put it into publish.
func (n *node[T]) free(e *Event[T]) (awaited bool) {
	e.seq = 0 // the value stays until the next publish: one for each topic
	n.taken.Store(0)
	return n.awaited.Load()
}

// end gives the event back; side is nil if it is the node's own.
func (n *node[T]) end(e *Event[T], side *atomic.Int64) {
	switch {
	case side != nil:
		e.release()
		side.Add(-1)
	case n.awaited.Load():
		n.giveBack()
		return
	default:
		n.free(e)
	}
	if n.awaited.Load() {
		n.wake()
	}
}

// wake makes who waits in settle look again.
func (n *node[T]) wake() {
	n.mu.Lock()
	n.done.Broadcast()
	n.mu.Unlock()
}

// giveBack tells who waits in settle that the node's event has come back. Whoever
// had it before the wait began has returned it by then: it is counted in the same
// moment as it is there for the next publish, or that one would be taken for it.
func (n *node[T]) giveBack() {
	n.mu.Lock()
	n.returns++
	n.free(&n.event)
	n.done.Broadcast()
	n.mu.Unlock()
}
