package zeromq

import (
	"context"
	"slices"
	"time"
)

// stallTime is how long a peer may take nothing until nobody waits for it who does not mind
// that a message is dropped.
const stallTime = 100 * time.Millisecond

// observe looks whether the peer takes what it gets, as long as there is something; r.mu is
// held.
func (r *remote) observe() {
	if r.stalled {
		r.lenient()
		return
	}
	if r.watched {
		return
	}
	r.watched, r.seen = true, r.ring.base
	if r.watch == nil {
		r.watch = time.AfterFunc(stallTime, r.look)
		return
	}
	r.watch.Reset(stallTime)
}

// look is what observe has called after a while.
func (r *remote) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watched = false
	if r.ring.len() == 0 || r.over {
		return
	}
	r.stalled = r.ring.base == r.seen
	for n := r.ring.base; n < r.ring.next() && r.stalled; n++ {
		r.ring.at(n).excuse()
	}
	r.observe()
}

// lenient has nobody wait for the last entry who does not mind; r.mu is held.
func (r *remote) lenient() { r.ring.last().excuse() }

// excuse has nobody wait for an entry whose queues drop something anyway.
func (e *entry) excuse() {
	if e.pend != nil && !slices.ContainsFunc(e.queues, (*rqueue).counts) {
		e.settle(nil)
	}
}

// syncTimeout is how long a peer has to tell what is done, before a full queue is an error.
const syncTimeout = 100 * time.Millisecond

// sync has the peer tell what is done by now; r.mu is held, and released in between.
func (r *remote) sync(ctx context.Context) {
	if r.out == nil {
		return
	}
	r.syncs++
	want := r.syncs
	r.out.control(wordSync, appendNumbers(nil, want))
	late := time.NewTimer(syncTimeout)
	defer late.Stop()
	for r.synced < want {
		if r.answer == nil {
			r.answer = make(chan struct{})
		}
		answer := r.answer
		r.mu.Unlock()
		select {
		case <-answer:
		case <-late.C:
			want = 0
		case <-ctx.Done():
			want = 0
		}
		r.mu.Lock()
	}
}

// answered is told that the peer has told what was done when it was asked.
func (r *remote) answered(n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.synced = min(max(r.synced, n), r.syncs)
	if r.answer != nil {
		close(r.answer)
		r.answer = nil
	}
}
