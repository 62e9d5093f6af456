package zeromq

import (
	"fmt"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// batch is what has come together by one connection. It is used by the goroutine that
// reads.
type batch struct {
	names   names
	marks   marks
	now     time.Time // when the first one came
	origins []*origin // of its messages
	to      []*origin // of the message at hand
	queued  local.Batch
	last    uint64 // the number of the last message
	n       int
}

// How many messages are taken before receivers, and the publisher, are told.
const (
	together = 64 // what is more would not stay in a processor's cache until receivers have it
	maxBatch = 512
)

// message takes a message and puts it into the queues that it is for.
func (in *inlet) message(frames [][]byte) error {
	b := &in.batch
	if len(frames) != 4 {
		return fmt.Errorf("%w: a message of %d frames", transport.ErrDecode, len(frames))
	}
	if err := readMarks(frames[3], &b.marks); err != nil {
		return err
	}
	if b.marks.number <= b.last {
		return fmt.Errorf("%w: message %d after %d", transport.ErrDecode, b.marks.number, b.last)
	}
	if b.n == 0 {
		b.now = time.Now()
	}
	in.expect()
	if len(b.to) > 0 {
		in.take(frames)
	}
	if b.marks.wipe {
		clear(frames[2])
	}
	b.last = b.marks.number
	b.n++
	return nil
}

// expect notes which lines the message at hand is for. It goes back from those that have gone.
func (in *inlet) expect() {
	b := &in.batch
	b.to = b.to[:0]
	for _, id := range b.marks.queues {
		o := b.find(id)
		if o == nil {
			in.mu.Lock()
			if o = in.origin(id); o.line == nil {
				o.settled(b.marks.number, true)
				in.mu.Unlock()
				continue
			}
			in.mu.Unlock()
			b.origins = append(b.origins, o)
		}
		b.to = append(b.to, o)
	}
}

// take puts the message at hand into the lines that it is for. What cannot be read is done
// with them.
func (in *inlet) take(frames [][]byte) {
	b := &in.batch
	p, takers := b.queued.Blank(b.now, b.marks.wipe), 0
	err := b.names.read(frames[0], frames[1], &p.Message)
	b.queued.Fill(p, frames[2])
	if len(frames[1]) > transport.MaxText || len(frames[2]) > in.t.maxBody { // otherwise no part can be too large
		err = joined(err, p.Check(in.t.maxBody))
	}
	if err != nil {
		in.t.onError(fmt.Errorf("zeromq: a message from %s on %.80q: %w", in.addr, frames[0], err))
	}
	for _, o := range b.to {
		if err != nil || !o.line.Wants(&p.Message) {
			in.mu.Lock()
			o.settled(b.marks.number, false)
			in.mu.Unlock()
			continue
		}
		o.coming = join(o.coming, done{queue: o.id, from: b.marks.number, to: b.marks.number})
		if takers++; takers > 1 {
			p.Retain()
		}
		b.queued.Add(o.line, p, time.Duration(b.marks.ttl), o, b.marks.number)
	}
	if takers == 0 {
		p.Release()
	}
}

// find is where the messages of the batch for a line are from, nil if there is none yet.
func (b *batch) find(id uint64) *origin {
	for _, o := range b.origins {
		if o.id == id {
			return o
		}
	}
	return nil
}

// expected has the lines' messages of the batch count as taken, and as theirs, before they have
// them.
func (in *inlet) expected() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.taken = in.batch.last
	for i, o := range in.batch.origins {
		in.sources[o.id] = o // it may have been forgotten, since nothing was open
		for _, d := range o.coming {
			o.open = join(o.open, d)
		}
		o.coming = o.coming[:0]
		in.batch.origins[i] = nil
	}
	in.batch.origins = in.batch.origins[:0]
}

// origin is where messages for a line are from; without a line, that has gone. in.mu is
// held.
func (in *inlet) origin(id uint64) *origin {
	o := in.sources[id]
	if o == nil {
		l := in.t.line(id)
		o = &origin{in: in, id: id, line: l, removed: l == nil, enough: 1}
		if l != nil {
			o.enough = max(l.Request().Profile.Room()/4, 1)
		}
		in.sources[id] = o
	}
	return o
}

// deliver hands on what has come, to a receiver that may be called at once. The publisher is
// told in a pause, where nothing more is there to be read, or after many. It reports whether
// it is still this goroutine's turn to read.
func (in *inlet) deliver(r *local.Reader, pause bool) (mine bool) {
	b := &in.batch
	in.expected()
	if m := b.queued.Claim(); m != nil && !r.Call(m) {
		return false
	}
	if !pause && b.n < maxBatch {
		return true
	}
	in.tellTaken()
	if pause {
		if m := b.queued.Rest(); m != nil {
			return r.Call(m)
		}
	}
	return true
}

// flush puts what has come into its queues, and tells the publisher.
func (in *inlet) flush() {
	in.expected()
	in.batch.queued.Waive()
	in.batch.queued.Flush()
	in.tellTaken()
}

// tellTaken has the publisher be told of what has come.
func (in *inlet) tellTaken() {
	if in.batch.n == 0 {
		return
	}
	in.batch.n = 0
	in.mu.Lock()
	defer in.mu.Unlock()
	in.wake()
}
