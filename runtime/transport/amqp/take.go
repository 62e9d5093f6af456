package amqp

import (
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/fifo"
)

// take sees what has come, and puts it into the inbox.
func (s *subscription) take(at *attachment, d *amqp.Delivery) {
	a, err := read(d)
	if err == nil {
		err = a.within(s.t.o.maxBody)
	}
	at.last = max(at.last, d.DeliveryTag)
	p := &parcel{at: at, tag: d.DeliveryTag, left: max(a.count, 1)}
	switch {
	case err != nil:
		s.unreadable(p, &a, d.RoutingKey, err)
		return
	case !wanted(s.request.Patterns, a.Topic):
		s.drop(p)
		return
	case at.foreign(d), s.goesBack(d, &a):
		s.giveBack(at, d.DeliveryTag)
		return
	}
	if s.request.Observer {
		a.ReplyTo = ""
	}
	if a.count == 0 {
		s.accept(p, &a, a.Message, d.Expiration)
		return
	}
	events, err := unpack(&a, d, s.t.o.maxBody)
	if err != nil {
		p.left = 1
		s.unreadable(p, &a, d.RoutingKey, err)
		return
	}
	for _, m := range events {
		s.accept(p, &a, m, d.Expiration)
	}
}

// goesBack reports whether a message is for another member of the group: one that this
// member has failed for, and, where chance decides, every second one. It goes back once.
func (s *subscription) goesBack(d *amqp.Delivery, a *arrival) bool {
	switch {
	case s.request.Group == "" || s.request.Policy == transport.Sticky || s.isLeaving():
		return false
	case slices.Contains(a.failed, s.id):
		return s.bounced.Add(a.again)
	}
	return s.request.Policy == transport.Random && !d.Redelivered && a.attempts == 0 && rand.IntN(2) == 0 && !s.alone()
}

// alone reports whether the group has no other member, as far as this one knows.
func (s *subscription) alone() bool {
	if time.Since(s.looked) > time.Second && s.at != nil {
		s.looked = time.Now()
		if q, err := inspect(s.at.s.Connection, s.q.name); err == nil {
			s.others = q.Consumers > 1
		}
	}
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	return !s.others && len(s.t.groups[s.request.Group]) == 1
}

// giveBack has the broker deliver a message to somebody else.
func (s *subscription) giveBack(at *attachment, tag uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at.acks.forget(tag)
	_ = at.ch.Nack(tag, false, true) // or its connection is lost, and that does the same
}

// drop lets go of a message that nobody here wants.
func (s *subscription) drop(p *parcel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.left = 1
	s.finishParcel(p)
}

// accept puts an event into the inbox, unless the filter does not want it or it came
// before.
func (s *subscription) accept(p *parcel, a *arrival, m transport.Message, expiration string) {
	i := &item{Message: m, p: p, attempts: a.attempts, failed: a.failed, expires: s.expiry(a, expiration)}
	if a.attempts == 0 && !s.wants(i) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.away, a.again)
	s.stats.Accepted++
	if s.seen != nil && a.attempts == 0 {
		if _, here := s.ids[i.ID]; here || s.seen.Has(i.ID) {
			s.stats.Duplicate++
			s.t.unanswered(&i.Message, nil)
			s.finishParcel(p)
			return
		}
		s.ids[i.ID] = struct{}{}
	}
	if s.held != nil {
		if after, busy := s.held[i.Key]; busy {
			after.Push(i)
			s.behind++
			return
		}
		s.held[i.Key] = &fifo.List[*item]{}
		i.holds = true
	}
	s.inbox.Push(i)
	s.wake.Signal()
}

// expiry is when a message has been here too long. How long it has waited at the broker
// the broker knows; a message that has failed does not expire here.
func (s *subscription) expiry(a *arrival, expiration string) time.Time {
	ttl := s.request.Profile.TTL
	if ms, err := strconv.ParseInt(expiration, 10, 64); err == nil {
		if of := time.Duration(ms) * time.Millisecond; ttl == 0 || of < ttl {
			ttl = of
		}
	}
	if ttl == 0 || a.attempts > 0 {
		return time.Time{}
	}
	return time.Now().Add(ttl)
}

// wants asks the filter.
func (s *subscription) wants(i *item) (wanted bool) {
	if s.request.Where == nil {
		return true
	}
	defer func() {
		if r := recover(); r != nil {
			if err := s.dead(i, 0, &transport.PanicError{Value: r, Stack: debug.Stack()}); err != nil {
				s.again(i.p)
				return
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.stats.Accepted++
			s.stats.Dead++
			s.finishParcel(i.p)
		}
	}()
	if s.request.Where(&i.Message) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Filtered++
	s.finishParcel(i.p)
	return false
}

// unreadable gives up a message that cannot be read, or is longer than one may be: it is counted,
// and has a dead letter, or, if it is a request, an answer.
func (s *subscription) unreadable(p *parcel, a *arrival, key string, err error) {
	m := a.legible(key)
	if s.dead(&item{Message: m}, 1, err) != nil {
		s.again(p)
		return
	}
	if !s.request.Observer {
		s.t.unanswered(&m, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Accepted++
	s.stats.Dead++
	p.left = 1
	s.finishParcel(p)
}

// again gives back a message, all of a pack, whose dead letter the broker has refused: after a
// pause, or it would come again at once.
func (s *subscription) again(p *parcel) {
	_ = s.pause(0) // it is given back in any case
	s.mu.Lock()
	told := p.told
	p.told = true
	s.mu.Unlock()
	if !told {
		s.giveBack(p.at, p.tag)
	}
}

// takeDead counts what the broker has dropped.
func (s *subscription) takeDead(d *amqp.Delivery) {
	a, err := read(d)
	n := uint64(max(a.count, 1))
	reason := deathOf(d.Headers, s.q.name)
	if reason == deliveryLimitReason {
		if err == nil {
			err = errPoison
		}
		if s.dead(&item{Message: a.Message}, deliveryLimit+1, err) != nil {
			_ = s.pause(0)          // it is given back in any case
			_ = d.Nack(false, true) // or its connection is lost, and that does the same
			return
		}
	}
	if !s.request.Observer {
		s.t.unanswered(&a.Message, nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Accepted += n
	switch reason {
	case "expired":
		s.stats.Expired += n
	case deliveryLimitReason:
		s.stats.Dead += n
	default:
		s.stats.Dropped += n
	}
	_ = d.Ack(false) // or it comes again, and is counted again
}

// deliveryLimitReason is why the broker gives up a message that comes back too often.
const deliveryLimitReason = "delivery_limit"

// errPoison is the error of a message that has ended whoever took it.
var errPoison = errors.New("amqp: it was delivered too often and never settled")

// deathOf is why a queue has dropped a message, as the broker has noted it.
func deathOf(h amqp.Table, queue string) string {
	list, _ := h["x-death"].([]any)
	for _, e := range list {
		if t, ok := e.(amqp.Table); ok && text(t, "queue") == queue {
			return text(t, "reason")
		}
	}
	return ""
}
