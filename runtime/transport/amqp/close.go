package amqp

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Close implements transport.Subscription.
func (s *subscription) Close(ctx context.Context) error {
	s.leave.Do(func() { close(s.leaving) })
	if transport.InReceiver(ctx) {
		return nil
	}
	if !transport.Drained(ctx, s.done) {
		return &transport.DrainError{Left: s.abandon()}
	}
	return s.result()
}

// result is what Close returns when everything has ended.
func (s *subscription) result() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gaveUp > 0 {
		return &transport.DrainError{Left: s.gaveUp}
	}
	return nil
}

// abandon gives up what has come and is not settled, and returns how much it is. What is
// in a queue that others take from, or that lasts, goes back to it.
func (s *subscription) abandon() int {
	s.leave.Do(func() { close(s.leaving) })
	s.forsake.Do(func() {
		s.mu.Lock()
		s.gaveUp = s.inbox.Len() + s.handed + s.behind + s.later.Len()
		if s.q.durable || s.request.Group != "" {
			s.stats.Accepted -= uint64(s.gaveUp)
		} else {
			s.stats.Left += uint64(s.gaveUp)
		}
		s.inbox.Drain()
		s.later.Clear()
		clear(s.held)
		s.handed, s.loose, s.behind, s.over = 0, 0, 0, true
		s.wake.Broadcast()
		s.mu.Unlock()
		s.cancel()
		close(s.lost)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gaveUp
}

// giveUp closes the channel of a subscription that was given up, and deletes what only
// that has needed.
func (s *subscription) giveUp(at *attachment) error {
	if s.request.Group == "" && !s.q.durable {
		s.deleteQueues(at)
	}
	return errOver // with the channel ends what is unsettled
}

// depart ends a subscription. What its receiver has is finished; a volatile queue, of
// which it is the last consumer, is emptied before.
func (s *subscription) depart(at *attachment) error {
	if s.request.Group == "" && !s.q.durable {
		return s.empty(at)
	}
	var late []uint64
	if err := s.stop(at, func(d *amqp.Delivery) {
		at.last = max(at.last, d.DeliveryTag)
		late = append(late, d.DeliveryTag)
	}); err != nil {
		return err
	}
	s.giveAllBack(at, late)
	if at.share != nil {
		if err := s.tell(s.ctx, memberBye); err != nil {
			return err
		}
	}
	if !s.q.durable {
		q, err := inspect(at.s.Connection, s.q.name)
		if err != nil {
			return err
		}
		if q.Consumers == 0 {
			return s.takeAll(at)
		}
	}
	return s.finishRest(at)
}

// takeAll empties the queue of a group without other members. What those have failed for may
// wait for its next attempt.
func (s *subscription) takeAll(at *attachment) error {
	if at.share != nil {
		at.share.peers = peers{}
	}
	if err := s.findRetries(at); err != nil {
		return err
	}
	if err := s.start(at); err != nil {
		return err
	}
	return s.empty(at)
}

// findRetries looks for the queues for retries that other members have declared.
func (s *subscription) findRetries(at *attachment) error {
	for _, n := range s.steps(32) {
		there, err := exists(at.s.Connection, s.retryQueue(n))
		if err != nil {
			return err
		}
		if there {
			s.mu.Lock()
			s.retries[n] = time.Now()
			s.mu.Unlock()
		}
	}
	return nil
}

// stop cancels the consumers, and has see look at what has come until then.
func (s *subscription) stop(at *attachment, see func(*amqp.Delivery)) error {
	if at.share != nil {
		if err := s.stopShare(at); err != nil {
			return err
		}
	}
	for _, tag := range at.tags {
		if err := at.ch.Cancel(tag, false); err != nil {
			return err
		}
	}
	for d := range at.deliveries {
		see(&d)
	}
	at.deliveries, at.tags, at.consuming = nil, nil, false
	return nil
}

// giveAllBack gives back what the receiver has not seen, and what has come late, in the
// order in which it came.
func (s *subscription) giveAllBack(at *attachment, late []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at.acks.flush()
	var back []*item
	back = append(back, s.inbox.Drain()...)
	back = append(back, s.later.Clear()...)
	for _, after := range s.held {
		back = append(back, after.Drain()...)
	}
	s.behind = 0
	s.nack(at, back, late)
}

// nack gives items back, and what has come late, in the order in which they came; s.mu is
// held.
func (s *subscription) nack(at *attachment, back []*item, late []uint64) {
	s.stats.Accepted -= uint64(len(back))
	for _, i := range back {
		delete(s.ids, i.ID)
		if !i.loose && !i.p.told && i.p.at == at {
			i.p.told = true // all of a pack
			late = append(late, i.p.tag)
		}
	}
	slices.Sort(late)
	for _, tag := range late {
		at.acks.forget(tag)
		_ = at.ch.Nack(tag, false, true)
	}
}

// finishRest waits until the receiver has settled all that it has.
func (s *subscription) finishRest(at *attachment) error {
	for {
		s.mu.Lock()
		busy := s.handed
		if busy == 0 {
			at.acks.flush()
		}
		s.mu.Unlock()
		if busy == 0 {
			return errOver
		}
		select {
		case <-s.settled:
		case e := <-at.closed:
			if e != nil {
				return e
			}
		case <-s.lost:
			return s.giveUp(at)
		}
	}
}

// empty has the queue get nothing more, and takes what is in it, and what comes back to
// it.
func (s *subscription) empty(at *attachment) error {
	for _, b := range s.q.bindings {
		if err := at.ch.QueueUnbind(s.q.name, b.key, b.exchange, nil); err != nil {
			return err
		}
	}
	wait := time.Millisecond
	for {
		select {
		case d, ok := <-at.deliveries:
			if !ok {
				return s.gone(at)
			}
			s.take(at, &d)
			continue
		case d, ok := <-at.dead:
			if !ok {
				return s.gone(at)
			}
			s.takeDead(&d)
			continue
		case d, ok := <-at.news():
			if !ok {
				return s.gone(at)
			}
			if err := s.learn(at, &d); err != nil {
				return err
			}
			continue
		case <-s.lost:
			return s.giveUp(at)
		case <-s.settled:
		case <-time.After(wait):
			wait = min(2*wait, 50*time.Millisecond)
		}
		if joined, err := s.joined(at); err != nil || joined {
			if err != nil {
				return err
			}
			return s.handBack(at)
		}
		over, err := s.isEmpty(at)
		if over {
			s.deleteQueues(at)
			return errOver
		}
		if err != nil {
			return err
		}
	}
}

// joined reports whether somebody else takes from a group's queue.
func (s *subscription) joined(at *attachment) (bool, error) {
	if s.request.Group == "" {
		return false, nil
	}
	q, err := at.ch.QueueDeclarePassive(s.q.name, true, false, false, false, nil)
	mine := len(at.tags)
	if at.share != nil && at.consuming {
		mine = 1
	}
	return q.Consumers > mine, err
}

// handBack leaves a group's queue to somebody who has joined, or who empties it too: one of
// those will be the last.
func (s *subscription) handBack(at *attachment) error {
	if err := s.t.declare(at.ch, &s.q); err != nil {
		return err
	}
	time.Sleep(rand.N(20 * time.Millisecond))
	return s.depart(at)
}

// isEmpty reports whether nothing is here or at the broker. Between the two it may be on
// its way, so the consumers are stopped before the second look.
func (s *subscription) isEmpty(at *attachment) (bool, error) {
	for range 2 {
		if s.busy() {
			return false, s.resume(at)
		}
		n, err := s.atBroker(at)
		if err != nil || n > 0 {
			if err == nil {
				err = s.resume(at)
			}
			return false, err
		}
		if at.consuming {
			if err := s.stop(at, func(d *amqp.Delivery) { s.take(at, d) }); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// resume consumes again, if that was stopped.
func (s *subscription) resume(at *attachment) error {
	if at.consuming {
		return nil
	}
	return s.start(at)
}

// busy reports whether anything is here, or will come back.
func (s *subscription) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, until := range s.away {
		if time.Now().After(until) { // another member has it
			delete(s.away, token)
		}
	}
	return s.inbox.Len()+s.handed+s.behind+s.later.Len()+len(s.away) > 0
}

// atBroker counts what waits in the subscription's queues.
func (s *subscription) atBroker(at *attachment) (int, error) {
	n := 0
	for _, name := range s.allQueues() {
		if name == s.q.dead() && at.dead == nil {
			continue
		}
		q, err := at.ch.QueueDeclarePassive(name, true, false, false, false, nil)
		if err != nil {
			return 0, err
		}
		n += q.Messages
	}
	return n, nil
}

// allQueues are the subscription's, and those for its retries and for what was dropped.
func (s *subscription) allQueues() []string {
	if s.t.o.passive {
		return []string{s.q.name}
	}
	names := []string{s.q.name, s.q.dead()}
	if s.sticky() {
		for n := range partitions {
			names = append(names, s.q.partition(n))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range s.retries {
		names = append(names, s.retryQueue(n))
	}
	return names
}

// deleteQueues deletes all of them; they would go away later otherwise.
func (s *subscription) deleteQueues(at *attachment) {
	for i, name := range s.allQueues() {
		unused := i == 0 && s.request.Group != "" // somebody may have joined just now
		if _, err := at.ch.QueueDelete(name, unused, false, false); err != nil {
			return
		}
	}
}

// deleteRest deletes what is left beside a queue that is gone, as when the connection was lost
// while all was being deleted.
func (s *subscription) deleteRest(session *session) {
	ch, err := session.Channel()
	if err != nil {
		return // they expire
	}
	defer ch.Close() // it may have ended
	for _, name := range s.allQueues()[1:] {
		if _, err := ch.QueueDelete(name, true, false, false); err != nil {
			return
		}
	}
}
