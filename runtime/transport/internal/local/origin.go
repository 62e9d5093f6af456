package local

import (
	"context"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/pool"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Origin is where messages of other processes came from.
type Origin interface {
	// Done says that nothing more becomes of the message of a number and a size: it was handled, or
	// given up in the way that the profile says. With left it was neither: Close has not
	// waited for it. It is called once for a message, with locks held: it must not block,
	// or call back.
	Done(number uint64, size int64, left bool)
}

// Batch are messages from elsewhere that have come together. Their lines hear of them when
// it is flushed. It is for one goroutine at a time; its zero value is empty.
type Batch struct {
	lines []arrivals
	n     int
	asked *Member // to leave its receiver to who has the batch
	stock []*Parcel
	tally pool.Tally
}

// arrivals are what has come for a line.
type arrivals struct {
	line  *Line
	items []item
}

// Len is how many messages there are.
func (b *Batch) Len() int { return b.n }

// Add adds a message that a line's filter wants, and takes over a reference to it. A ttl of 0
// is none.
func (b *Batch) Add(l *Line, p *Parcel, ttl time.Duration, from Origin, number uint64) {
	a := b.of(l)
	a.items = append(a.items, item{
		p: p, size: int64(len(p.Body)), expires: l.expiry(ttl), from: from, number: number, attempts: int(min(p.Attempt, 1<<30)),
	})
	b.n++
}

// of is what has come for a line.
func (b *Batch) of(l *Line) *arrivals {
	for i := range b.lines {
		if b.lines[i].line == l {
			return &b.lines[i]
		}
	}
	if n := len(b.lines); n < cap(b.lines) {
		b.lines = b.lines[:n+1] // with the list that was there
	} else {
		b.lines = append(b.lines, arrivals{})
	}
	a := &b.lines[len(b.lines)-1]
	a.line, a.items = l, a.items[:0]
	return a
}

// Flush puts all into their queues, without waiting: a queue that blocks or refuses takes
// them even if it is full, since their sender counts what it has room for.
func (b *Batch) Flush() {
	b.tally.Tell()
	for i := range b.lines {
		a := &b.lines[i]
		a.line.accept(a.items)
		clear(a.items)
		a.line = nil
	}
	b.lines, b.n = b.lines[:0], 0
}

// accept queues messages from elsewhere, and hands on what can be.
func (l *Line) accept(items []item) {
	var err error
	from := 0
	switch l.request.Profile.Overflow {
	case transport.DropOldest, transport.DropNewest:
		for from < len(items) {
			var n int
			if n, err = l.q.PutAll(context.Background(), 0, items[from:], 0); err == nil {
				break
			}
			items[from+n].refuse()
			from += n + 1
		}
	default:
		if err = l.q.ForceAll(0, items); err != nil {
			for i := range items {
				items[i].refuse()
			}
		}
	}
	l.came()
}

// refuse lets go of a message for which the queue has ended, or that it could never hold.
func (i *item) refuse() {
	i.done(true)
	i.p.Release()
}

// Lost counts messages that the policy has dropped before they came.
func (l *Line) Lost(n uint64) { l.lost.Add(n) }

// Missed counts messages that are lost on the way, and tells the members of a gap.
func (l *Line) Missed(g transport.Gap, n uint64) {
	l.gaps.Add(n)
	l.mu.Lock()
	members := append([]*Member(nil), l.members...)
	l.mu.Unlock()
	for _, m := range members {
		if m.request.OnGap != nil {
			m.request.OnGap(g)
		}
	}
}

// done tells where the message came from.
func (i *item) done(left bool) {
	if i.from != nil {
		i.from.Done(i.number, i.size, left)
	}
}

// Load is how many messages wait in the line, or are with its members, and whether it has
// room for another one.
func (l *Line) Load() (n int, room bool) {
	used := l.q.Stats().Used
	return used, used < l.request.Profile.Room()
}
