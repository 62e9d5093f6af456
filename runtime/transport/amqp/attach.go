package amqp

import (
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// run is the goroutine of a subscription's channel: it consumes, again and again, until
// the subscription has ended.
func (s *subscription) run() {
	defer s.end()
	var said said
	for failures := 0; ; failures++ {
		session := s.t.consumer.await(s.waitsUntil())
		if session == nil {
			return
		}
		at, err := s.attach(session)
		if err == nil {
			failures, said = 0, ""
			err = s.consume(at)
		}
		s.detach(at)
		if errors.Is(err, errOver) {
			return
		}
		s.missing.Store(s.made.Load())
		s.t.refresh()
		if session.ctx.Err() != nil {
			continue // there will be another one
		}
		if said.isNew(err) {
			s.t.o.log.Warn("amqp: consuming again", "queue", s.q.name, "error", err)
		}
		if isPermanent(err) {
			failures = max(failures, 5)
		}
		select {
		case <-time.After(s.t.o.backoff.wait(failures)):
		case <-s.lost:
			return
		}
	}
}

// waitsUntil is when it is of no use any more to wait for a connection: after Close, if
// there is nothing to be finished at the broker.
func (s *subscription) waitsUntil() <-chan struct{} {
	if !s.made.Load() || s.q.durable {
		return s.leaving
	}
	return s.lost
}

// errOver is why a subscription that has ended does not go on.
var errOver = errors.New("amqp: the subscription has ended")

// end is after everything else.
func (s *subscription) end() {
	if !s.made.Load() {
		select {
		case s.first <- transport.ErrClosed:
		default: // it has been told why
		}
	}
	s.mu.Lock()
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.wake.Broadcast()
	s.mu.Unlock()
}

// attach declares the queue, unless it is only to be emptied, and consumes. What it has declared may
// be gone before it consumes, if the last member of its group leaves just then: that is tried again.
func (s *subscription) attach(session *session) (*attachment, error) {
	there := true
	if s.made.Load() {
		var err error
		if there, err = exists(session.Connection, s.q.name); err != nil {
			return nil, err
		}
	}
	if s.isLeaving() && (!there || !s.made.Load()) {
		if s.made.Load() && !s.q.durable {
			s.deleteRest(session)
		}
		return nil, errOver
	}
	at, err := s.open(session)
	switch {
	case err == nil:
	case !s.made.Load() && session.ctx.Err() == nil && (s.t.o.passive || !isNotFound(err)):
		s.first <- err
		return at, errOver
	default:
		return at, err
	}
	if s.made.CompareAndSwap(false, true) {
		s.first <- nil
	}
	s.missing.Store(false)
	s.t.refresh()
	gap := s.gapped || !there
	if s.gapped = false; gap && s.request.OnGap != nil {
		s.request.OnGap(transport.Gap{})
	}
	return at, nil
}

// open opens a channel that consumes. With an error it may return one that has begun to.
func (s *subscription) open(session *session) (*attachment, error) {
	ch, err := session.Channel()
	if err != nil {
		return nil, err
	}
	at := &attachment{
		s: session, ch: ch, closed: ch.NotifyClose(make(chan *amqp.Error, 1)), acks: acker{ch: ch, next: 1},
		cancelled: ch.NotifyCancel(make(chan string, 2*partitions)),
	}
	s.mu.Lock()
	s.at = at
	s.mu.Unlock()
	if err := s.declareOwn(session, ch); err != nil {
		return at, err
	}
	if s.sticky() {
		if err := s.openShare(at); err != nil {
			return at, err
		}
	}
	if err := s.start(at); err != nil {
		return at, err
	}
	return at, s.startDead(at)
}

// declareOwn declares the subscription's queue, unless that is only to be emptied.
func (s *subscription) declareOwn(session *session, ch *amqp.Channel) error {
	switch {
	case s.isLeaving():
		return nil
	case s.t.o.passive:
		return require(session.Connection, s.needs()...)
	}
	return s.t.declare(ch, &s.q)
}

// start begins to consume. The least loaded member of a group is the one with most
// consumers that have nothing: it has one of a lower priority for each delivery more, and
// the broker gives to the highest.
func (s *subscription) start(at *attachment) error {
	at.consuming = true
	if at.share != nil {
		return s.startShare(at)
	}
	slots := s.slots()
	if len(slots) > 1 {
		at.merging = merge(at.last + 1)
		at.deliveries = at.merging.out
		defer at.merging.finish()
	}
	for i, prefetch := range slots {
		if err := at.ch.Qos(prefetch, 0, false); err != nil {
			return err
		}
		args := amqp.Table{}
		if i > 0 {
			args["x-priority"] = int32(-i)
		}
		tag := fmt.Sprintf("%s-%d", s.id, i)
		d, err := at.ch.Consume(s.q.name, tag, false, false, false, false, args)
		if err != nil {
			return err
		}
		at.tags = append(at.tags, tag)
		if len(slots) == 1 {
			at.deliveries = d
		} else {
			at.merging.add(d)
		}
	}
	return nil
}

// startDead begins to take what the broker drops, by a channel of its own.
func (s *subscription) startDead(at *attachment) (err error) {
	if s.t.o.passive || s.isLeaving() {
		if there, err := exists(at.s.Connection, s.q.dead()); err != nil || !there {
			return err // others may have dropped messages go elsewhere, or have left before
		}
	}
	if at.deadCh, err = at.s.Channel(); err != nil {
		return err
	}
	if err := at.deadCh.Qos(ahead, 0, false); err != nil {
		return err
	}
	at.dead, err = at.deadCh.Consume(s.q.dead(), s.id+"-dead", false, false, false, false, nil)
	return err
}

// ahead is how many deliveries the broker sends ahead where nothing is said of that. They
// wait in the inbox: a round trip for each would be slow.
const ahead = 64

// slots are how many deliveries each consumer may have.
func (s *subscription) slots() []int {
	const most = 8
	switch {
	case s.held != nil:
		return []int{s.room + max(4*s.room, 256)} // what is held back must not keep others away
	case s.request.Group == "" && s.request.Profile.Prefetch == 0:
		return []int{max(s.room, ahead)}
	case s.request.Group == "" || s.request.Policy != transport.LeastLoaded:
		return []int{s.room}
	}
	list := make([]int, min(s.room, most))
	for i := range list {
		list[i] = 1
	}
	list[len(list)-1] += s.room - len(list)
	return list
}

// detach lets go of a channel: what has come by it comes again.
func (s *subscription) detach(at *attachment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil || at != nil && s.at != at {
		return
	}
	if m := s.at.merging; m != nil {
		m.end()
	}
	if s.at.timer != nil {
		s.at.timer.Stop()
	}
	gone := s.at
	s.t.running.Go(gone.close)
	s.at = nil
	back := s.inbox.Len() + s.handed - s.loose + s.behind + s.later.Len()
	s.stats.Accepted -= uint64(back)
	s.inbox.Drain()
	s.later.Clear()
	s.behind, s.handed = 0, s.loose
	clear(s.held)
	clear(s.ids)
}

// news is what other members of a sticky group say, nil for others.
func (at *attachment) news() <-chan amqp.Delivery {
	if at.share == nil {
		return nil
	}
	return at.share.news
}

// tick is when a member of a sticky group says that it is there.
func (at *attachment) tick() <-chan time.Time {
	if at.share == nil {
		return nil
	}
	return at.share.tick.C
}

// close closes the channels; the broker gives to others what is unsettled. They may have
// been closed.
func (at *attachment) close() {
	if at.share != nil {
		close(at.share.over)
	}
	_ = at.ch.Close()
	if at.share != nil {
		at.share.tick.Stop()
		if at.share.ch != nil {
			_ = at.share.ch.Close()
		}
	}
	if at.deadCh != nil {
		_ = at.deadCh.Close()
	}
}

// consume takes what comes, until the channel is lost or the subscription has ended.
func (s *subscription) consume(at *attachment) error {
	for {
		select {
		case d, ok := <-at.deliveries:
			if !ok {
				return s.gone(at)
			}
			s.take(at, &d)
		case d, ok := <-at.dead:
			if !ok {
				return s.gone(at)
			}
			s.takeDead(&d)
		case d, ok := <-at.news():
			if !ok {
				return s.gone(at)
			}
			if err := s.learn(at, &d); err != nil {
				return err
			}
		case <-at.tick():
			if err := s.look(at); err != nil {
				return err
			}
		case _, ok := <-at.cancelled:
			return s.cancelled(at, ok)
		case _, ok := <-at.groupGone():
			return s.cancelled(at, ok)
		case <-s.check:
			if err := s.rebind(at); err != nil {
				return err
			}
		case <-s.leaving:
			return s.depart(at)
		case <-s.lost:
			return s.giveUp(at)
		}
	}
}

// groupGone tells a member of a sticky group that the group's queue was deleted.
func (at *attachment) groupGone() <-chan string {
	if at.share == nil {
		return nil
	}
	return at.share.gone
}

// cancelled is that the broker has cancelled a consumer since its queue was deleted, if it was so,
// and not that the channel was lost. What was in the queue is.
func (s *subscription) cancelled(at *attachment, deleted bool) error {
	if !deleted {
		return s.gone(at)
	}
	s.gapped = true
	return fmt.Errorf("amqp: the queue %s, or a part of it, is gone", s.q.name)
}

// gone says why deliveries have ended: the channel has, or the broker has cancelled the
// consumer since the queue was deleted.
func (s *subscription) gone(at *attachment) error {
	select {
	case e := <-at.closed:
		if e != nil {
			return e
		}
		return amqp.ErrClosed
	default:
		return fmt.Errorf("amqp: the queue %s is gone", s.q.name)
	}
}

func (s *subscription) isLeaving() bool {
	select {
	case <-s.leaving:
		return true
	default:
		return false
	}
}
