package local

import (
	"context"
	"time"

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

// Accept queues a message from elsewhere, which the filter wants, without waiting: a queue
// that blocks or refuses takes it even if it is full, since its sender counts what it has
// room for. Pump must follow. A ttl of 0 is none.
func (l *Line) Accept(p *Parcel, ttl time.Duration, from Origin, number uint64) {
	i := item{p: p, size: int64(len(p.Body)), expires: l.expiry(ttl), from: from, number: number, attempts: int(min(p.Attempt, 1<<30))}
	p.Retain()
	var err error
	switch l.request.Profile.Overflow {
	case transport.DropOldest, transport.DropNewest:
		err = l.q.Put(context.Background(), 0, &i, i.size, 0)
	default:
		err = l.q.Force(0, &i, i.size)
	}
	if err != nil { // it has ended, or could never hold the message
		i.done(true)
		p.Release()
	}
}

// Pump hands on what can be handed on.
func (l *Line) Pump() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pump()
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
