package amqp

import (
	"errors"
	"slices"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Who deletes an exchange deletes its bindings, and no receiver is told: the next publisher
// makes the exchange anew, and the broker confirms what it then passes on to nobody. So a
// node looks from time to time, and at once when its own publisher was told.
//
// So it is with the queues of those it sends to: one that nobody takes from expires, and one
// that somebody deletes is missed by its receiver only if that is there.

// watch looks after exchanges and bindings until the connection is lost. Its error is that
// of a broker at which they cannot be had.
func (c *consumer) watch(s *session) error {
	tick := time.NewTicker(c.t.o.recheck)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return nil
		case <-tick.C:
		case <-c.look:
		}
		if err := c.recheck(s); err != nil && s.ctx.Err() == nil {
			return err
		}
	}
}

// found is told of exchanges that were gone.
func (c *consumer) found(gone []string) {
	c.mu.Lock()
	c.gone = append(c.gone, gone...)
	c.mu.Unlock()
	select {
	case c.look <- struct{}{}:
	default: // it is about to look
	}
}

// recheck declares exchanges and queues of others that are gone, and has all subscriptions bind
// their queues: that an exchange is there does not say that its bindings are.
func (c *consumer) recheck(s *session) error {
	gone, err := c.t.goneExchanges(s)
	if err != nil {
		return err
	}
	if c.t.o.passive {
		if len(gone) == 0 {
			return nil
		}
		missing := c.t.needsExchange(gone[0])
		missing.Err = errors.New("it is gone")
		return missing
	}
	if err := c.t.declareExchanges(s); err != nil {
		return err
	}
	c.mu.Lock()
	gone = append(gone, c.gone...)
	c.gone = nil
	c.mu.Unlock()
	for _, sub := range c.t.all() {
		sub.recheck(gone)
	}
	if !c.t.closing.Load() { // for what would wait there would be no sender
		c.redeclare(s)
	}
	return nil
}

// redeclare declares the queues that the node sends to, by which they also expire later. If the
// broker will not have that, it is said, and no reason to consume no longer: the publisher is
// refused when it connects the next time.
func (c *consumer) redeclare(s *session) {
	var errs []error
	for i := range c.t.queues {
		ch, err := s.Channel() // its own, for a refusal ends it
		if err != nil {
			return // the connection is lost
		}
		errs = append(errs, c.t.declare(ch, &c.t.queues[i]))
		_ = ch.Close() // it may have ended
	}
	err := errors.Join(errs...)
	if s.ctx.Err() == nil && c.said.isNew(err) {
		c.t.o.log.Warn("amqp: a queue that messages are sent to cannot be declared", "error", err)
	}
}

// goneExchanges are those exchanges that are not there.
func (t *Transport) goneExchanges(s *session) (gone []string, err error) {
	names := t.allExchanges()
	if t.hasSticky() {
		names = append(names, t.membersExchange())
	}
	var ch *amqp.Channel
	for _, name := range names {
		if ch == nil {
			if ch, err = s.Channel(); err != nil {
				return nil, err
			}
		}
		err := ch.ExchangeDeclarePassive(name, t.kindOf(name), true, false, false, false, nil)
		switch {
		case isNotFound(err):
			gone, ch = append(gone, name), nil // the answer has ended the channel
		case err != nil:
			return nil, err
		}
	}
	if ch != nil {
		return gone, ch.Close()
	}
	return gone, nil
}

// hasSticky reports whether a subscription is of a sticky group, whose members have an
// exchange of their own.
func (t *Transport) hasSticky() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.subs {
		if s.sticky() && s.made.Load() {
			return true
		}
	}
	return false
}

// isNotFound reports whether the broker says that something does not exist.
func isNotFound(err error) bool {
	e, ok := errors.AsType[*amqp.Error](err)
	return ok && e.Code == amqp.NotFound
}

// recheck has the subscription's goroutine bind its queue.
func (s *subscription) recheck(gone []string) {
	s.mu.Lock()
	s.vanished = append(s.vanished, gone...)
	s.mu.Unlock()
	select {
	case s.check <- struct{}{}:
	default: // it is about to
	}
}

// rebind binds the queue to what it was bound to. The subscriber is told if that was gone.
func (s *subscription) rebind(at *attachment) error {
	s.mu.Lock()
	gone := s.vanished
	s.vanished = nil
	s.mu.Unlock()
	if s.sticky() && slices.Contains(gone, s.t.membersExchange()) {
		return errors.New("amqp: the exchange of the group's members is gone")
	}
	if err := s.t.bind(at.ch, &s.q); err != nil {
		return err
	}
	lost := slices.IndexFunc(s.q.bindings, func(b binding) bool { return slices.Contains(gone, b.exchange) })
	if lost < 0 {
		return nil
	}
	s.t.o.log.Warn("amqp: an exchange was gone", "exchange", s.q.bindings[lost].exchange, "queue", s.q.name)
	if s.request.OnGap != nil {
		s.request.OnGap(transport.Gap{})
	}
	return nil
}
