//go:build linux || darwin

package unix

import (
	"time"

	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// A connection is read by one goroutine at a time, whose turn it is. It calls a receiver that is
// brisk itself. Meanwhile nobody reads: if the receiver does not return at once, or
// waits for something that may have to be read, another goroutine takes the turn, and the
// first one ends when the receiver has returned.

// look is how often is looked after receivers that readers call: one that takes longer has
// somebody else read before it has been called for twice that.
const look = 20 * time.Millisecond

// patience is how many looks in a row may find nobody before nobody looks any more.
const patience = 5

// reader reads while it is its turn; who sees the end of the connection says why.
func (in *inbound) reader() {
	if err, mine := in.read(); mine {
		in.over <- err
	}
}

// call calls a receiver, and reports whether it is still this goroutine's turn to read. A
// receiver that ends the goroutine has another one read.
func (in *inbound) call(m *local.Member) (mine bool) {
	t, returned := in.p.t, false
	turn := in.turn.Load() + 1 // odd: a receiver is called
	in.turn.Store(turn)
	t.calls.Add(1)
	t.attend()
	defer func() {
		if mine = in.yield(turn); mine && !returned {
			in.c.release()
			t.running.Go(in.reader)
		}
	}()
	m.Call()
	returned = true
	return false // it is set when it is known
}

// yield ends a turn in which a receiver is called, and reports whether it was not over yet.
func (in *inbound) yield(turn uint64) bool {
	if turn%2 == 0 || !in.turn.CompareAndSwap(turn, turn+1) {
		return false
	}
	in.p.t.calls.Add(-1)
	return true
}

// relieve has another goroutine read, if the one whose turn it is still calls a receiver in
// the turn that is given.
func (in *inbound) relieve(turn uint64) {
	if in.yield(turn) {
		in.c.release()
		in.p.t.running.Go(in.reader)
	}
}

// relieveAll has others read wherever a receiver is called: the caller, who may be one, is
// about to wait for what may have to be read.
func (t *Transport) relieveAll() {
	if t.calls.Load() == 0 {
		return
	}
	for _, in := range t.inbounds() {
		in.relieve(in.turn.Load())
	}
}

// inbounds are the reading halves of all connections.
func (t *Transport) inbounds() (all []*inbound) {
	for _, p := range t.known() {
		p.mu.Lock()
		if c := p.conn; c != nil {
			all = append(all, c.in)
		}
		p.mu.Unlock()
	}
	return all
}

// attend has somebody look after receivers that are called by readers.
func (t *Transport) attend() {
	if !t.attended.Load() && t.attended.CompareAndSwap(false, true) {
		t.running.Go(t.lookAfter)
	}
}

// lookAfter relieves readers whose receivers take long. It ends when there have been none for
// a while.
func (t *Transport) lookAfter() {
	tick := time.NewTicker(look)
	defer tick.Stop()
	seen := map[*inbound]uint64{}
	for idle := 0; idle < patience; idle++ {
		select {
		case <-tick.C:
		case <-t.ctx.Done():
			return
		}
		now := map[*inbound]uint64{}
		for _, in := range t.inbounds() {
			turn := in.turn.Load()
			if before, known := seen[in]; known && before == turn {
				in.relieve(turn)
			} else {
				idle = 0
			}
			now[in] = turn
		}
		seen = now
	}
	t.attended.Store(false)
	if t.calls.Load() > 0 { // one has begun that has found somebody here
		t.attend()
	}
}
