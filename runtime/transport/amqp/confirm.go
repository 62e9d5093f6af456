package amqp

import (
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// replyTo is the queue by which a broker hands a reply straight to the channel that has
// asked.
const replyTo = "amq.rabbitmq.reply-to"

// serve is a link's: it publishes by a connection until that is lost.
func (p *publisher) serve(s *session, up func()) error {
	ch, err := p.prepare(s)
	if err != nil {
		return err
	}
	// As many as can come at once: what is not taken at once would be dropped.
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	returns := ch.NotifyReturn(make(chan amqp.Return, 2*p.t.o.window+1))
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, 2*p.t.o.window+1))
	alarms := s.NotifyBlocked(make(chan amqp.Blocking, 16))
	replies, err := ch.Consume(replyTo, "", true, false, false, false, nil)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.takeReplies(replies)
	}()
	confirmed := make(chan struct{})
	go func() {
		defer close(confirmed)
		p.confirm(confirms, returns)
	}()
	p.set(func() { p.open, p.refused, p.session = true, nil, s })
	up()
	err = p.write(s, ch, closed, alarms)
	s.end(err)
	s.close()
	<-confirmed
	<-ended
	p.lost(err)
	p.misses = isNotFound(err)
	return err
}

// prepare declares what publishing needs, and opens the channel for it.
func (p *publisher) prepare(s *session) (*amqp.Channel, error) {
	var gone []string
	var err error
	if p.misses {
		if gone, err = p.t.goneExchanges(s); err != nil {
			return nil, err
		}
	}
	if err := p.t.declareExchanges(s); err != nil {
		return nil, err
	}
	if p.misses {
		p.t.consumer.found(gone)
		p.misses = false
	}
	ch, err := s.Channel()
	if err != nil {
		return nil, err
	}
	for i := range p.t.queues {
		if err := p.t.declareTarget(s, ch, &p.t.queues[i]); err != nil {
			return nil, err
		}
	}
	return ch, ch.Confirm(false)
}

// refuse has publishing fail at once while the broker refuses us.
func (p *publisher) refuse(err error) {
	var all []*outgoing
	p.set(func() { p.refused, all = err, p.unsent.Drain() })
	for _, o := range all {
		p.finish(o, transport.OutcomeNotSent, refusal(err))
	}
}

// write writes messages, until the connection or the channel is lost.
func (p *publisher) write(s *session, ch *amqp.Channel, closed <-chan *amqp.Error, alarms <-chan amqp.Blocking) error {
	for {
		select {
		case e := <-closed:
			if e == nil {
				return amqp.ErrClosed
			}
			return e
		case <-s.ctx.Done():
			return amqp.ErrClosed
		case a, ok := <-alarms:
			if ok {
				p.alarm(a.Active)
			} else {
				alarms = nil
			}
		case <-p.wake:
		}
		if p.blocked.Load() {
			continue
		}
		for o := p.next(); o != nil; o = p.next() {
			if err := ch.Publish(o.exchange, o.key, o.mandatory, false, o.content); err != nil {
				return err
			}
		}
	}
}

// alarm is the broker's word that it takes nothing, or something again.
func (p *publisher) alarm(active bool) {
	p.blocked.Store(active)
	p.set(func() { p.open = !active })
	p.t.refresh()
}

// next is the next message to be written.
func (p *publisher) next() *outgoing {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unsent.Len() == 0 || p.blocked.Load() {
		return nil
	}
	o := p.unsent.Pop()
	p.unconfirmed.Push(o)
	return o
}

// confirm tells of each message what the broker says, which the library has put in the
// order of writing. A message that is returned is so before it is confirmed.
func (p *publisher) confirm(confirms <-chan amqp.Confirmation, returns <-chan amqp.Return) {
	for c := range confirms {
		p.noteReturns(returns)
		p.mu.Lock()
		if p.unconfirmed.Len() == 0 { // given up
			p.mu.Unlock()
			continue
		}
		o := p.unconfirmed.Pop()
		reason, back := p.returned[o.id][o.key]
		if back {
			delete(p.returned, o.id)
		}
		p.mu.Unlock()
		switch {
		case back && o.mandatory:
			p.finish(o, transport.OutcomeNotSent, fmt.Errorf("%w: %s", transport.ErrUnroutable, reason))
		case c.Ack:
			p.finish(o, transport.OutcomeStored, nil)
		default:
			p.nacked(o)
		}
	}
}

// noteReturns keeps what has been returned until its confirmation is looked at.
func (p *publisher) noteReturns(returns <-chan amqp.Return) {
	for {
		select {
		case r, ok := <-returns:
			if !ok {
				return
			}
			p.mu.Lock()
			if p.returned == nil {
				p.returned = map[string]reasons{}
			}
			if p.returned[r.MessageId] == nil {
				p.returned[r.MessageId] = reasons{}
			}
			p.returned[r.MessageId][r.RoutingKey] = r.ReplyText
			p.mu.Unlock()
		default:
			return
		}
	}
}

// maxRefusals is how often a durable message is sent to a queue that is full.
const maxRefusals = 8

// nacked deals with what the broker has refused, since a queue is full: other queues may
// have it. What must arrive is sent again, a little later each time.
func (p *publisher) nacked(o *outgoing) {
	o.attempts++
	o.doubtful = true
	if !o.again || o.attempts > maxRefusals {
		p.finish(o, transport.OutcomeUnknown, transport.ErrFull)
		return
	}
	p.t.links.Go(func() {
		select {
		case <-time.After(p.t.o.backoff.wait(o.attempts - 1)):
			p.enqueue(o)
		case <-p.t.ctx.Done():
			p.finish(o, transport.OutcomeUnknown, transport.ErrClosed)
		}
	})
}

// lost tells those whose messages were not confirmed. What must arrive is sent again, by
// the next connection, before anything else.
func (p *publisher) lost(err error) {
	refused := isPermanent(err)
	var unknown, unsent []*outgoing
	p.blocked.Store(false)
	p.set(func() {
		p.open, p.session = false, nil
		p.returned = nil
		var again []*outgoing
		for _, o := range p.unconfirmed.Drain() {
			if o.again && !refused && p.closed == nil {
				o.doubtful = true
				again = append(again, o)
			} else {
				unknown = append(unknown, o)
			}
		}
		p.unsent.Unshift(again)
		if refused {
			p.refused, unsent = err, p.unsent.Drain()
		}
	})
	for _, o := range unsent {
		p.finish(o, transport.OutcomeNotSent, refusal(err))
	}
	why := fmt.Errorf("%w: %w", transport.ErrNotConnected, err)
	if refused {
		why = refusal(err)
	}
	for _, o := range unknown {
		p.finish(o, transport.OutcomeUnknown, why)
	}
}

// errLost is why a request ends whose connection is lost, and with it the address for its
// reply.
var errLost = errors.New("amqp: the connection by which the reply would come is lost")
