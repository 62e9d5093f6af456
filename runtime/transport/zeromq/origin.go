package zeromq

import (
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// origin is where messages for one line came from.
type origin struct {
	in   *inlet
	id   uint64
	line *local.Line

	coming []done // in the batch that is read; it belongs to who reads

	// Guarded by the inlet's mutex.
	open    []done // what the line has and is not done, as ranges
	news    []done // done, and the peer was not told
	dirty   bool
	untold  int  // how many of news there are
	enough  int  // of those, that the peer is told at once
	removed bool // the line gets nothing more
}

// Done implements local.Origin.
func (o *origin) Done(number uint64, _ int64, left bool) {
	in := o.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.sources[o.id] != o {
		return // the publisher has started anew
	}
	o.open = without(o.open, number)
	o.settled(number, left)
}

// settled has the peer be told that a message is done, or left; the inlet's mu is held.
func (o *origin) settled(number uint64, left bool) {
	if n := len(o.news); n > 0 && o.news[n-1].to+1 == number && o.news[n-1].left == left {
		o.news[n-1].to = number
	} else {
		o.news = append(o.news, done{queue: o.id, from: number, to: number, left: left})
	}
	o.mark()
	o.in.hurry(o)
}

// mark notes that the peer is to be told of something; the inlet's mu is held.
func (o *origin) mark() {
	if !o.dirty {
		o.dirty = true
		o.in.dirty = append(o.in.dirty, o)
	}
}

// ackDelay is how long it may take until a peer is told that something is done. It is told
// at once when that is much of what it has room for.
const ackDelay = time.Millisecond

// hurry sees to it that the peer is told; in.mu is held.
func (in *inlet) hurry(o *origin) {
	if o.untold++; o.untold >= o.enough {
		in.wake()
		return
	}
	if in.delayed {
		return
	}
	in.delayed = true
	if in.delay == nil {
		in.delay = time.AfterFunc(ackDelay, in.overdue)
		return
	}
	in.delay.Reset(ackDelay)
}

// overdue is what hurry has called after a while.
func (in *inlet) overdue() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.delayed = false
	in.wake()
}

// without takes a number out of ranges, which are in order.
func without(list []done, n uint64) []done {
	for i := range list {
		d := &list[i]
		switch {
		case n < d.from || n > d.to:
			continue
		case d.from == d.to:
			return slices.Delete(list, i, i+1)
		case n == d.from:
			d.from++
		case n == d.to:
			d.to--
		default:
			rest := *d
			rest.from, d.to = n+1, n-1
			return slices.Insert(list, i+1, rest)
		}
		return list
	}
	return list
}

// join adds a range whose numbers are larger than all in others.
func join(list []done, d done) []done {
	if last := len(list) - 1; last >= 0 && list[last].to+1 == d.from {
		list[last].to = d.to
		return list
	}
	return append(list, d)
}

// fill implements source: it appends what is taken and done, and replies.
func (in *inlet) fill(b []byte, most int) []byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.link == nil {
		return b
	}
	b = in.acks(append(b, in.replies...))
	if in.sync > 0 {
		b = zmtp.AppendMessage(b, []byte(wordSynced), appendNumbers(nil, in.sync))
		in.sync = 0
	}
	if in.replies = in.replies[:0]; cap(in.replies) > flushSize {
		in.replies = nil
	}
	return b
}

// acks appends what is taken and done, and the peer does not know; in.mu is held.
func (in *inlet) acks(b []byte) []byte {
	if !in.welcome || in.taken == in.said && len(in.dirty) == 0 {
		return b
	}
	said := in.said
	in.said = in.taken
	in.pending.taken, in.pending.done = in.taken, in.pending.done[:0]
	in.dirty = slices.DeleteFunc(in.dirty, in.tell)
	if said == in.taken && len(in.pending.done) == 0 {
		return b
	}
	return zmtp.AppendMessage(b, []byte(wordAck), in.pending.append(nil))
}

// tell moves what is done in a line to what is sent, and reports whether that is all.
// What the peer does not know to be taken is not told to be done yet. in.mu is held.
func (in *inlet) tell(o *origin) bool {
	rest := o.news[:0]
	for _, d := range o.news {
		if d.from > in.taken {
			rest = append(rest, d)
			continue
		}
		if d.to > in.taken {
			rest = append(rest, done{queue: d.queue, from: in.taken + 1, to: d.to, left: d.left})
			d.to = in.taken
		}
		in.pending.done = append(in.pending.done, d)
	}
	o.news, o.untold = rest, len(rest)
	o.dirty = len(rest) > 0
	if o.removed && len(o.open) == 0 && !o.dirty {
		delete(in.sources, o.id)
	}
	return !o.dirty
}
