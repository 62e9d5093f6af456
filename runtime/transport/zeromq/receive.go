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

func (b *batch) full() bool { return b.n >= maxBatch }

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
	if b.queued.Len() >= together {
		in.handOver()
	}
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
	p := local.Blank(b.now, b.marks.wipe)
	defer p.Release()
	err := b.names.read(frames[0], frames[1], &p.Message)
	p.Fill(frames[2])
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
		p.Retain()
		b.queued.Add(o.line, p, time.Duration(b.marks.ttl), o, b.marks.number)
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

// expected has the lines' messages of the batch count as theirs, before they have them.
func (in *inlet) expected() {
	in.mu.Lock()
	defer in.mu.Unlock()
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

// handOver puts what has come into its queues.
func (in *inlet) handOver() {
	in.expected()
	in.batch.queued.Flush()
}

// flush hands over what has come, and tells the publisher.
func (in *inlet) flush() {
	b := &in.batch
	if b.n == 0 {
		return
	}
	in.handOver()
	b.n = 0
	in.mu.Lock()
	defer in.mu.Unlock()
	in.taken = b.last
	in.wake()
}
