package local

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/poison"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/fifo"
)

// member is a subscription: the only member of its line, or one of a group's. Its
// fields are guarded by the line's mutex.
type Member struct {
	l       *Line
	request transport.SubscribeRequest
	number  uint64 // for sticky, unique in the process
	ctx     context.Context
	cancel  context.CancelFunc
	wake    *sync.Cond
	done    chan struct{} // closed when its goroutine has ended

	free      int                  // messages that it may get
	fresh     []delivery           // that were not used yet
	spare     *delivery            // those that may be used again, by after
	inbox     fifo.List[*delivery] // handed to it, and not yet to the receiver
	idle      bool                 // its goroutine sleeps
	claimed   bool                 // somebody else calls the receiver
	asked     bool                 // somebody else is about to
	pace      pace
	unsettled chain
	settling  int             // settled, and being given up
	parked    fifo.List[item] // sticky messages that wait for it
	leaving   bool
	ended     bool
	gaveUp    int // messages that were left when Close stopped waiting

	handled, failed, retried, dead uint64
}

// Line is where the subscription takes from.
func (m *Member) Line() *Line { return m.l }

func newMember(l *Line, r transport.SubscribeRequest) *Member {
	m := &Member{
		l: l, request: r, number: l.n.numbers.Add(1), wake: sync.NewCond(&l.mu), done: make(chan struct{}),
		free: r.Profile.Unsettled(),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.ctx = transport.ReceiverContext(m.ctx) // outermost, where it is found at once
	return m
}

// delivery is a message with a member. What it is settled with goes to settle.
type delivery struct {
	transport.Delivery
	m        *Member
	item     item
	before   *delivery // in the member's chain
	after    *delivery
	handed   bool // to the receiver
	returned bool // the receiver has
	finished bool // it is settled
	revoked  bool // taken back
}

// give hands a message to a member, which has room for it; l.mu is held.
func (m *Member) give(i *item) {
	d := m.delivery()
	d.m, d.item = m, *i
	d.Init(&i.p.Message, d)
	d.Attempt = uint64(i.attempts + 1)
	if m.request.Observer {
		d.ReplyTo = ""
	}
	m.free--
	m.l.free--
	m.unsettled.add(d)
	m.inbox.Push(d)
	if !m.claimed {
		m.wake.Signal()
	}
}

// deliveriesAtOnce are made together.
const deliveriesAtOnce = 8

// delivery is a new one, or one that nobody has any more; l.mu is held.
func (m *Member) delivery() *delivery {
	if d := m.spare; d != nil {
		m.spare, d.after = d.after, nil
		d.handed, d.returned, d.finished = false, false, false
		return d
	}
	if len(m.fresh) == 0 {
		m.fresh = make([]delivery, deliveriesAtOnce)
	}
	d := &m.fresh[0]
	m.fresh = m.fresh[1:]
	return d
}

// recycle has a delivery be used again, if it is settled, its receiver has returned, and the
// subscription says that nobody has it then; l.mu is held.
func (m *Member) recycle(d *delivery) {
	if m.request.Reuse && d.finished && d.returned && !poison.On {
		d.after, m.spare = m.spare, d
	}
}

// run is the member's goroutine. A receiver that ends it is called by another one.
func (m *Member) run() {
	returned := false
	defer func() {
		if !returned {
			m.l.n.running.Go(m.run)
		}
	}()
	for d := m.next(nil); d != nil; d = m.next(d) {
		transport.HandOver(m.ctx, m.request.Receive, &d.Delivery)
	}
	returned = true
	m.cancel()
	m.l.n.forget(m)
	close(m.done)
}

// next waits for a delivery, after the receiver has returned from one; nil when there will be
// none.
func (m *Member) next(last *delivery) *delivery {
	l := m.l
	l.mu.Lock()
	defer l.mu.Unlock()
	m.returned(last)
	if last != nil && l.brought {
		m.pace.returned()
	}
	for took := last != nil; ; took = false {
		if !m.claimed && (!m.asked || m.ended) {
			if d := m.pop(); d != nil {
				m.attend()
				return d
			}
			if m.ended {
				return nil
			}
			if took && m.yield() || m.neglect() {
				continue
			}
		} else if m.asked {
			m.neglect()
		}
		m.idle = true
		m.wake.Wait()
	}
}

// attend notes that the member's goroutine is awake, with something to do; l.mu is held.
func (m *Member) attend() {
	if m.idle {
		if m.idle = false; m.l.brought {
			m.pace.begin(1)
		}
	}
	if !m.l.attended.Load() && m.request.Group == "" && !m.ended {
		m.l.attended.Store(true)
	}
}

// neglect says that the member's goroutine is about to sleep, and reports whether something has
// come before it could say so; l.mu is held.
func (m *Member) neglect() bool {
	if m.l.attended.Load() {
		m.l.attended.Store(false)
		m.l.pump()
	}
	return m.inbox.Len() > 0 || m.ended
}

// returned says that the receiver has returned from a delivery, nil for none; l.mu is held.
func (m *Member) returned(d *delivery) {
	if d != nil {
		d.returned = true
		m.recycle(d)
	}
}

// pop is the next delivery, nil if there is none; l.mu is held.
func (m *Member) pop() *delivery {
	l := m.l
	if m.inbox.Len() == 0 && l.attended.Load() {
		l.pump()
	}
	for m.inbox.Len() > 0 {
		d := m.inbox.Pop()
		if !l.late(&d.item) {
			d.handed = true
			return d
		}
		l.expired++
		l.unanswered(&d.item)
		m.unsettled.remove(d)
		m.refill()
		l.finish(&d.item)
		l.pump()
	}
	return nil
}

// yields is how often a member's goroutine lets others run before it sleeps.
const yields = 4

// yield lets others run, and reports whether there is something to do then. To be woken for
// each message costs more than the message. l.mu is held, and released in between.
func (m *Member) yield() bool {
	for range yields {
		m.l.mu.Unlock()
		runtime.Gosched()
		m.l.mu.Lock()
		if m.inbox.Len() == 0 && m.l.attended.Load() {
			m.l.pump()
		}
		if m.inbox.Len() > 0 || m.ended || m.asked {
			m.pace.begin(several)
			return true
		}
	}
	return false
}

// refill says that the member may get one more; l.mu is held. The pump must follow.
func (m *Member) refill() {
	if m.leaving || m.l.evacuated {
		return
	}
	m.free++
	m.l.free++
	for m.parked.Len() > 0 {
		if i := m.parked.Pop(); m.l.fresh(&i) {
			m.give(&i)
			return
		}
	}
}

// Settle implements transport.Settler.
func (d *delivery) Settle(_ *transport.Delivery, err error) error {
	l := d.m.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.revoked {
		d.item.p.Release()
		return transport.ErrStale
	}
	d.m.unsettled.remove(d)
	asked := d.ReplyTo != ""
	again := !asked && err != nil && l.request.Profile.AgainAmong(l.tries(d.m), d.item.attempts+1, err)
	if asked && !d.Answered() || err != nil && !again {
		d.m.settling++
		l.mu.Unlock() // meanwhile nobody else has the message
		d.giveUp(asked, err)
		l.mu.Lock()
		d.m.settling--
	}
	if l.over { // it was left meanwhile
		d.item.done(false)
		d.item.p.Release()
		return transport.ErrStale
	}
	d.count(err, again)
	d.m.refill()
	if again {
		l.again(d)
	} else {
		l.finish(&d.item)
	}
	if !l.attended.Load() {
		l.pump()
	}
	d.finished = true
	d.m.recycle(d)
	return nil
}

// giveUp answers a request, or publishes a dead letter.
func (d *delivery) giveUp(asked bool, err error) {
	l := d.m.l
	switch {
	case asked && !d.Answered():
		reply := transport.ErrorReply(err)
		reply.Correlation = d.Correlation
		_ = l.n.cfg.Answer(d.ReplyTo, reply) // it is not too large for itself
	case !asked && l.request.Profile.DeadLetter:
		l.n.dead(l, &d.item.p.Message, d.item.attempts+1, err)
	}
}

// count counts a settled delivery; l.mu is held.
func (d *delivery) count(err error, again bool) {
	switch {
	case err == nil:
		d.m.handled++
		return
	case again:
		d.m.retried++
	default:
		d.m.dead++
	}
	d.m.failed++
}

// again sees to the next attempt; l.mu is held.
func (l *Line) again(d *delivery) {
	i := d.item
	i.attempts++
	if len(i.failed) >= len(l.members) {
		i.failed = nil
	}
	i.failed = append(i.failed[:len(i.failed):len(i.failed)], d.m)
	l.later.Add(time.Now().Add(l.request.Profile.Retry.Wait(i.attempts)), i)
}

// Reply implements transport.Settler.
func (d *delivery) Reply(_ context.Context, _ *transport.Delivery, m *transport.Message) error {
	l := d.m.l
	l.mu.Lock()
	revoked := d.revoked
	l.mu.Unlock()
	if revoked {
		return transport.ErrStale
	}
	return l.n.cfg.Answer(d.ReplyTo, m)
}

// Later implements transport.Settler.
func (d *delivery) Later(*transport.Delivery) func(context.Context, *transport.Message) error {
	answer, to := d.m.l.n.cfg.Answer, d.ReplyTo
	return func(_ context.Context, m *transport.Message) error { return answer(to, m) }
}
