package amqp

import (
	"context"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// delivery is an item with the receiver.
type delivery struct {
	transport.Delivery
	s *subscription
	i *item
}

// receive is the goroutine that calls the receiver. A receiver that ends it is called by
// another one.
func (s *subscription) receive() {
	returned := false
	defer func() {
		if !returned {
			s.t.running.Go(s.receive)
		}
	}()
	for d := s.next(); d != nil; d = s.next() {
		transport.HandOver(s.ctx, s.request.Receive, &d.Delivery)
	}
	returned = true
	s.cancel()
	s.t.forget(s)
	close(s.done)
}

// next waits for a delivery; nil when there will be none.
func (s *subscription) next() *delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for s.handed < s.room {
			i := s.pick()
			if i == nil {
				break
			}
			return s.give(i)
		}
		if s.over {
			return nil
		}
		s.wake.Wait()
	}
}

// pick is the next item to be handed over, nil if there is none; s.mu is held.
func (s *subscription) pick() *item {
	if i, due := s.later.Take(); due {
		return i
	}
	s.arm()
	for s.inbox.Len() > 0 {
		i := s.inbox.Pop()
		if i.expires.IsZero() || time.Now().Before(i.expires) {
			return i
		}
		s.stats.Expired++
		s.t.unanswered(&i.Message, nil)
		s.finish(i)
	}
	return nil
}

// arm has the receiving goroutine look again when something is due; s.mu is held.
func (s *subscription) arm() {
	if s.later.Len() == 0 {
		return
	}
	wait := time.Until(s.later.Next())
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.wake.Broadcast()
		})
		return
	}
	s.timer.Reset(wait)
}

// give makes a delivery; s.mu is held.
func (s *subscription) give(i *item) *delivery {
	d := &delivery{s: s, i: i}
	m := i.Message
	m.Attempt = uint64(i.attempts + 1)
	d.Init(&m, d)
	s.handed++
	if s.request.Profile.ManualAck == transport.Off {
		s.loose++
		if !i.loose {
			i.loose = true
			s.finishParcel(i.p)
		}
	}
	return d
}

// stale reports whether an item belongs to a channel that is lost; s.mu is held.
func (s *subscription) stale(i *item) bool { return s.gaveUp > 0 || !i.loose && i.p.at != s.at }

// Settle implements transport.Settler.
func (d *delivery) Settle(_ *transport.Delivery, err error) error {
	s, i := d.s, d.i
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stale(i) {
		return transport.ErrStale
	}
	asked := i.ReplyTo != ""
	if err == nil && (!asked || d.Answered()) {
		s.stats.Handled++
		s.settle(i)
		return nil
	}
	s.mu.Unlock()
	back, failed := s.fail(d, err)
	s.mu.Lock()
	switch {
	case s.stale(i):
		return transport.ErrStale
	case failed != nil && s.ctx.Err() != nil:
		return failed
	case failed != nil && !asked:
		back = here // where it is as safe as it was
	}
	s.count(err, back != nowhere)
	switch back {
	case here:
		s.retryHere(i, failed)
		return failed
	case broker:
		s.stats.Accepted-- // it comes again
	}
	s.settle(i)
	return failed
}

// count counts a settled delivery; s.mu is held.
func (s *subscription) count(err error, again bool) {
	switch {
	case err == nil:
		s.stats.Handled++
		return
	case again:
		s.stats.Retried++
	default:
		s.stats.Dead++
	}
	s.stats.Failed++
}

// settle lets go of an item that was handed over; s.mu is held.
func (s *subscription) settle(i *item) {
	s.handed--
	s.finish(i)
	s.wake.Signal()
	select {
	case s.settled <- struct{}{}:
	default: // it has been told
	}
}

// finish lets go of an item, and lets on the next one of its key; s.mu is held.
func (s *subscription) finish(i *item) {
	if s.seen != nil {
		delete(s.ids, i.ID)
		s.seen.Add(i.ID)
	}
	if i.holds {
		if after := s.held[i.Key]; after.Len() > 0 {
			next := after.Pop()
			next.holds = true
			s.behind--
			s.inbox.Push(next)
		} else {
			delete(s.held, i.Key)
		}
	}
	if i.loose {
		s.loose--
		return
	}
	s.finishParcel(i.p)
}

// finishParcel acknowledges a message of the broker's once all that is in it is settled,
// with others if there are some to be handed over; s.mu is held.
func (s *subscription) finishParcel(p *parcel) {
	if p.left--; p.left > 0 || p.told || p.at != s.at {
		return
	}
	p.at.acks.settle(p.tag)
	if s.inbox.Len() == 0 || p.at.acks.due(s.room) {
		p.at.acks.flush()
		return
	}
	s.flushLater(p.at)
}

// flushLater acknowledges what is settled in a while; s.mu is held.
func (s *subscription) flushLater(at *attachment) {
	switch {
	case at.acks.waiting > 1: // that has been seen to
	case at.timer == nil:
		at.timer = time.AfterFunc(maxAckWait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.at == at {
				at.acks.flush()
			}
		})
	default:
		at.timer.Reset(maxAckWait)
	}
}

// Reply implements transport.Settler.
func (d *delivery) Reply(ctx context.Context, _ *transport.Delivery, m *transport.Message) error {
	d.s.mu.Lock()
	stale := d.s.stale(d.i)
	d.s.mu.Unlock()
	if stale {
		return transport.ErrStale
	}
	return d.s.t.answer(ctx, d.ReplyTo, m)
}

// Later implements transport.Settler.
func (d *delivery) Later(*transport.Delivery) func(context.Context, *transport.Message) error {
	t, to := d.s.t, d.ReplyTo
	return func(ctx context.Context, m *transport.Message) error { return t.answer(ctx, to, m) }
}
