package local

import (
	"context"
	"errors"
	"hash/maphash"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/again"
	"github.com/xsgen/xsgen/runtime/internal/pool"
	"github.com/xsgen/xsgen/runtime/internal/queue"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/fifo"
)

// line is the queue of a subscription, or of a group, and those who take from it. A
// message that was taken from the queue is in one place until it is settled: with a
// member, or in ready, choosy, later or held.
type Line struct {
	n       *Node
	request transport.SubscribeRequest // of the first member
	q       *queue.Queue[item]
	from    *queue.Consumer[item] // used with mu held

	// attended says that the member's goroutine is awake, and will pump before it sleeps, so
	// that nobody else needs to. It is not said of a group: others would wait for one member.
	attended atomic.Bool

	filtered   atomic.Uint64
	lost, gaps atomic.Uint64 // elsewhere, see Lost and Missed

	mu        sync.Mutex
	brought   bool                        // by somebody who may call receivers
	members   []*Member                   // that get messages, the one that has been there for the longest first
	all       []*Member                   // those too that are leaving
	gone      uint64                      // what members that have left have settled
	free      int                         // messages that the members may get
	turn      int                         // of the members
	ready     fifo.List[item]             // may be handed over
	choosy    []item                      // failed and due, while those who have not tried have no room
	later     again.Later[item]           // failed, and not due yet
	held      map[string]*fifo.List[item] // by key, what comes after one that is unsettled, if keys are kept in order
	seed      maphash.Seed                // of sticky members
	seen      *again.Window               // ids that were taken, nil if none are remembered
	timer     *time.Timer                 // of later
	armed     time.Time                   // when it goes off
	expired   uint64
	duplicate uint64
	passing   fifo.List[item] // to be handed to members elsewhere
	passes    bool            // somebody does that
	passed    uint64          // that were
	evacuated bool            // all are
	broken    uint64          // that the filter panicked at: dead, and never queued
	ending    bool            // it gets nothing more
	over      bool            // it has nothing more
	abandoned bool            // what it had was given up
	idlers    []chan struct{}
	buf       []item     // for what is taken from the queue
	idle      []*Parcel  // for what comes
	tally     pool.Tally // of buffers that were emptied, and that is not told yet
}

// item is a message in a queue.
type item struct {
	p        *Parcel
	size     int64
	from     Origin    // nil for what was published here
	number   uint64    // by which from knows it
	expires  time.Time // zero is never
	attempts int       // deliveries that have failed
	known    bool      // its id has been looked at
	holds    bool      // others of its key wait for it
	failed   []*Member // where it has, since the last time that all had tried
}

func newLine(n *Node, r transport.SubscribeRequest) *Line {
	l := &Line{n: n, request: r, seed: maphash.MakeSeed()}
	p := &l.request.Profile
	l.q = queue.New(queue.Config[item]{
		Capacity: p.Room(), Bytes: p.CapacityBytes, Size: func(i *item) int64 { return i.size },
		Policy: queue.Policy(p.Overflow), Lanes: 1, Dropped: func(i *item) { l.lose(i, false) },
	})
	l.from = l.q.Consumer(0)
	if p.DedupWindow > 0 {
		l.seen = again.NewWindow(p.DedupWindow)
	}
	if p.Order == transport.OrderKey {
		l.held = map[string]*fifo.List[item]{}
	}
	return l
}

// Request is what the first member wants; nobody must change it.
func (l *Line) Request() *transport.SubscribeRequest { return &l.request }

// Members is how many take from the line.
func (l *Line) Members() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.members)
}

// Wants asks the filter.
func (l *Line) Wants(m *transport.Message) (wanted bool) {
	if l.request.Where == nil {
		return true
	}
	defer func() {
		if p := recover(); p != nil {
			l.mu.Lock()
			l.broken++
			l.mu.Unlock()
			if l.request.Profile.DeadLetter {
				l.n.dead(l, m, 0, &transport.PanicError{Value: p, Stack: debug.Stack()})
			}
		}
	}()
	if wanted = l.request.Where(m); !wanted {
		l.filtered.Add(1)
	}
	return wanted
}

// Put queues a message as its policy says, and hands on what can be. A line that has ended
// meanwhile misses nothing.
func (l *Line) Put(ctx context.Context, m *transport.Message, p *Parcel) (bool, error) {
	i := item{p: p, size: int64(len(p.Body)), expires: l.expiry(publishersTTL(m.Profile))}
	p.Retain()
	err := l.q.Put(ctx, 0, &i, i.size, Patience(l.request.Profile.PublishTimeout, m.Profile))
	if err != nil {
		p.Release()
		return false, l.putError(err)
	}
	l.came()
	return true, nil
}

// came hands on what has come into the queue, if nobody else will.
func (l *Line) came() {
	if l.attended.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pump()
}

func (l *Line) putError(err error) error {
	switch {
	case errors.Is(err, queue.ErrClosed) && l.n.closing.Load():
		return transport.ErrClosed
	case errors.Is(err, queue.ErrClosed):
		return nil
	case errors.Is(err, queue.ErrFull):
		return transport.ErrFull
	case errors.Is(err, queue.ErrTimeout):
		return transport.ErrTimeout
	case errors.Is(err, queue.ErrTooLarge):
		return transport.ErrTooLarge
	}
	return transport.TimeoutError(err)
}

// publishersTTL is the TTL that a message is published with.
func publishersTTL(p *transport.Profile) time.Duration {
	if p == nil {
		return 0
	}
	return p.TTL
}

// expiry is when a message expires: by the publisher's TTL or the subscription's.
func (l *Line) expiry(ttl time.Duration) time.Time {
	if ttl = Shorter(l.request.Profile.TTL, ttl); ttl == 0 {
		return time.Time{}
	}
	return time.Now().Add(ttl)
}

// pump hands on what can be, as far as members have room; l.mu is held.
func (l *Line) pump() {
	if l.evacuated {
		l.evacuate()
	}
	l.tally.Tell()
	for l.free > 0 && l.hand() {
	}
	l.arm()
	l.check()
}

// hand hands on some messages, if there are any that can be; l.mu is held, and members have
// room.
func (l *Line) hand() bool {
	if i, ok := l.take(); ok {
		l.place(&i)
		return true
	}
	batch := l.poll(l.free)
	for k := range batch {
		if i := &batch[k]; l.fresh(i) && l.turnCame(i) {
			l.place(i)
		}
	}
	clear(batch)
	return len(batch) > 0
}

// polled is how many messages are taken from the queue at once.
const polled = 32

// poll takes messages from the queue, at most n, for use until the next call; l.mu is held.
func (l *Line) poll(n int) []item {
	if n = min(n, polled); len(l.buf) < n {
		l.buf = make([]item, n)
	}
	return l.buf[:l.from.Poll(l.buf[:n])]
}

// take is the next message to be handed over of those that are not in the queue; l.mu is
// held.
func (l *Line) take() (item, bool) {
	if at := slices.IndexFunc(l.choosy, func(i item) bool { return l.ripe(&i) }); at >= 0 {
		i := l.choosy[at]
		l.choosy = slices.Delete(l.choosy, at, at+1)
		return i, true
	}
	for l.ready.Len() > 0 {
		if i := l.ready.Pop(); l.fresh(&i) && l.chosen(i) {
			return i, true
		}
	}
	for i, due := l.later.Take(); due; i, due = l.later.Take() {
		if l.exhausted(&i) {
			l.passOn(i)
			continue
		}
		if l.chosen(i) {
			return i, true
		}
	}
	return item{}, false
}

// fresh drops a message that has expired, or that came before.
func (l *Line) fresh(i *item) bool {
	if l.late(i) {
		l.expired++
		l.unanswered(i)
		l.finish(i)
		return false
	}
	if l.seen == nil || i.known {
		return true
	}
	i.known = true
	if !l.seen.Add(i.p.ID) && i.attempts == 0 {
		l.duplicate++
		l.unanswered(i)
		l.finish(i)
		return false
	}
	return true
}

func (l *Line) late(i *item) bool {
	return !i.expires.IsZero() && i.attempts == 0 && !i.expires.After(time.Now())
}

// turnCame reports whether no other message of the same key is unsettled, if keys are
// kept in order; if one is, i waits behind it.
func (l *Line) turnCame(i *item) bool {
	if l.held == nil {
		return true
	}
	if behind, ok := l.held[i.p.Key]; ok {
		behind.Push(*i)
		return false
	}
	l.held[i.p.Key] = &fifo.List[item]{}
	i.holds = true
	return true
}

// finish lets go of a message, and lets on the next one of its key; l.mu is held.
func (l *Line) finish(i *item) {
	if i.holds {
		if behind := l.held[i.p.Key]; behind.Len() > 0 {
			next := behind.Pop()
			next.holds = true
			l.ready.Push(next)
		} else {
			delete(l.held, i.p.Key)
		}
	}
	l.from.Settle(1, i.size)
	i.done(false)
	l.let(i.p)
}

// lose lets go of a message that nothing can become of any more; left is Origin's.
func (l *Line) lose(i *item, left bool) {
	l.unanswered(i)
	i.done(left)
	i.p.Release()
}

// unanswered tells the requester, if the message is a request, that there will be no
// reply.
func (l *Line) unanswered(i *item) {
	if i.p.ReplyTo != "" && !l.request.Observer {
		reply := transport.ErrorReply(nil)
		reply.Correlation = i.p.Correlation
		_ = l.n.cfg.Answer(i.p.ReplyTo, reply) // there is nobody else to be told
	}
}

// arm sets the timer to when the next message is due again; l.mu is held. While nobody
// has room the timer would be of no use: who settles pumps.
func (l *Line) arm() {
	if l.later.Len() == 0 || l.free == 0 || l.over || l.later.Next().Equal(l.armed) {
		return
	}
	l.armed = l.later.Next()
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Until(l.armed), l.ring)
		return
	}
	l.timer.Reset(time.Until(l.armed))
}

func (l *Line) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = time.Time{}
	if !l.over {
		l.pump()
	}
}
