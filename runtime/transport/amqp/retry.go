package amqp

import (
	"errors"
	"sort"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// next attempts are made of the same message: by the same subscription, while it holds
// back its key; or after it has waited in a queue of the broker's, by whoever takes from
// the subscription's queue then.
type whereTo int

const (
	nowhere whereTo = iota // it is given up
	here
	broker
)

// fail does what a failure, or a request without an answer, leads to. An error is that
// the broker could not be told, for it refuses us or the subscription has ended.
func (s *subscription) fail(d *delivery, err error) (whereTo, error) {
	i := d.i
	p := &s.request.Profile
	switch {
	case i.ReplyTo != "" && !d.Answered():
		reply := transport.ErrorReply(err)
		reply.Correlation, reply.Topic = i.Correlation, i.Topic
		return nowhere, s.t.answer(s.ctx, i.ReplyTo, reply)
	case i.ReplyTo != "" || !p.AgainAmong(s.members(i), i.attempts+1, err):
		return nowhere, s.dead(i, i.attempts+1, err)
	case s.held != nil:
		return here, nil
	}
	return broker, s.postpone(i)
}

// members is how many may try a message, this one included: where keys are kept in order it
// stays where it is.
func (s *subscription) members(i *item) int {
	if s.request.Group == "" || s.held != nil || s.sticky() {
		return 1
	}
	s.mu.Lock()
	at := s.at
	s.mu.Unlock()
	if at == nil || i.p.at != at {
		return 1
	}
	q, err := inspect(at.s.Connection, s.q.name)
	if err != nil {
		return 1 // the connection is lost, and it comes again
	}
	return max(q.Consumers/len(s.slots()), 1)
}

// retryHere has an item wait for its next attempt, a while at least if that is since the broker
// has refused what its failure led to; s.mu is held.
func (s *subscription) retryHere(i *item, refused error) {
	next := *i
	next.attempts++
	wait := s.request.Profile.Retry.Wait(next.attempts)
	if next.refusals = 0; refused != nil {
		next.refusals = i.refusals + 1
		wait = max(wait, refusedWait<<min(i.refusals, 5))
	}
	if next.loose {
		s.loose--
	}
	s.handed--
	s.later.Add(time.Now().Add(wait), &next)
	s.wake.Signal()
}

// refusedWait is the least that an event waits here after the broker has refused its retry or its
// dead letter. It is twice as much each time that this happens in a row, up to 32 times.
const refusedWait = 100 * time.Millisecond

// postpone has the broker keep a message until its next attempt is due.
func (s *subscription) postpone(i *item) error {
	n := i.attempts + 1
	wait := s.request.Profile.Retry.Wait(n)
	token := s.t.newID()
	key, step := s.q.name, retryStep(&s.request.Profile.Retry, n)
	if wait >= time.Millisecond {
		key = s.retryQueue(step)
	}
	failed := append(i.failed[:len(i.failed):len(i.failed)], s.id)
	if s.request.Group == "" {
		failed = nil
	}
	m := i.Message
	m.Mandatory = true
	m.Profile = &transport.Profile{Sensitive: s.request.Profile.Sensitive}
	if key != s.q.name {
		m.Profile.TTL = wait
	}
	s.mu.Lock()
	s.away[token] = time.Now().Add(wait + awayGrace)
	s.mu.Unlock()
	err := s.store(step, key, &m, amqp.Table{headerAttempt: int64(n), headerAgain: token, headerFailed: strings.Join(failed, ",")})
	if err != nil {
		s.mu.Lock()
		delete(s.away, token)
		s.mu.Unlock()
	}
	return err
}

// awayGrace is how much later than its time a message may come back.
const awayGrace = 2 * time.Second

// store publishes to a queue, which is declared if there is none (any more), until the
// broker has it, or refuses it.
func (s *subscription) store(n int, key string, m *transport.Message, more amqp.Table) error {
	for tries := 0; ; tries++ {
		if err := s.declareRetry(n, key); err != nil {
			if isPermanent(err) {
				s.sayRefused(err)
				return err
			}
			if err := s.pause(tries); err != nil {
				return err
			}
			continue
		}
		err := s.t.publisher.send(s.ctx, "", key, m, more)
		if !errors.Is(err, transport.ErrUnroutable) {
			return err
		}
		s.mu.Lock()
		clear(s.retries)
		s.mu.Unlock()
	}
}

// sayRefused logs, once, that the broker does not keep what has failed.
func (s *subscription) sayRefused(err error) {
	s.mu.Lock()
	isNew := s.denied.isNew(err)
	s.mu.Unlock()
	if isNew {
		s.t.o.log.Warn("amqp: events that fail wait in this process", "queue", s.q.name, "error", err)
	}
}

// pause waits before another try, and returns an error if there is to be none.
func (s *subscription) pause(tries int) error {
	select {
	case <-time.After(s.t.o.backoff.wait(tries)):
		return nil
	case <-s.ctx.Done():
		return transport.ErrClosed
	}
}

// retryStep is the first attempt after which the wait is as long as after the nth, n from 1: what
// waits equally long shares a queue.
func retryStep(r *transport.Retry, n int) int {
	calm := *r
	calm.Jitter = 0
	longest := calm.Wait(n)
	return 1 + sort.Search(n-1, func(i int) bool { return calm.Wait(i+1) >= longest })
}

// steps are those after which what has failed waits in a queue at the broker. In a group, where
// each member may try once, there may be more attempts than the profile has.
func (s *subscription) steps(attempts int) (list []int) {
	r := &s.request.Profile.Retry
	if s.held != nil {
		return nil // it waits here
	}
	if s.request.Group == "" {
		attempts = r.Attempts
	}
	for n, last := 1, 0; n < max(attempts, r.Attempts) && retryStep(r, n) != last; n++ {
		if last = n; longest(r, n) >= time.Millisecond {
			list = append(list, n)
		}
	}
	return list
}

// retryQueue is the queue for what has failed for the nth time. There is one for each length of
// waiting, since only what is at the head of a queue expires.
func (s *subscription) retryQueue(n int) string { return s.q.name + ".retry." + strconv.Itoa(n) }

// declareRetry declares the queue that keeps messages until their next attempt; what has
// waited long enough goes back to the subscription's, at least once. A volatile one goes
// away when it is not declared for long, so that is done again now and then.
func (s *subscription) declareRetry(n int, name string) error {
	s.mu.Lock()
	at, since := s.at, s.retries[n]
	s.mu.Unlock()
	if name == s.q.name || time.Since(since) < time.Minute {
		return nil
	}
	if at == nil {
		return transport.ErrNotConnected
	}
	differs, err := s.declareStep(at.s, name, s.retryArgs(n))
	if err != nil {
		return err
	}
	if differs != nil && since.IsZero() {
		s.t.o.log.Warn("amqp: a queue for retries is used as it is", "queue", name, "error", differs)
	}
	s.mu.Lock()
	s.retries[n] = time.Now()
	s.denied = ""
	s.mu.Unlock()
	return nil
}

// declareStep declares a queue for retries. One that differs, but will do, is used as it is.
func (s *subscription) declareStep(session *session, name string, args amqp.Table) (differs, err error) {
	if s.t.o.passive {
		return nil, require(session.Connection, needsQueue(name, args))
	}
	ch, err := session.Channel()
	if err != nil {
		return nil, err
	}
	defer ch.Close() // it may have ended
	_, differs = ch.QueueDeclare(name, true, false, false, false, args)
	if !differsInTime(differs) {
		return nil, declaring("queue", name, differs)
	}
	_, err = inspect(session.Connection, name) // which has the queue stay
	return differs, err
}

// retryArgs are those of the queue that keeps what has failed for the nth time.
func (s *subscription) retryArgs(n int) amqp.Table {
	limit := longest(&s.request.Profile.Retry, n)
	args := queueArgs(true, true)
	args["x-message-ttl"] = millis(limit)
	args["x-dead-letter-exchange"], args["x-dead-letter-routing-key"] = "", s.q.name
	if !s.q.durable {
		args["x-expires"] = (idle + limit).Milliseconds()
	}
	return args
}

// differsInTime reports whether the broker has refused a declaration since a queue keeps messages
// for another time, as after a change of the profile's retry. Each message says itself how long it
// waits, so that such a queue will do.
func differsInTime(err error) bool {
	e, ok := errors.AsType[*amqp.Error](err)
	return ok && e.Code == amqp.PreconditionFailed && (strings.Contains(e.Reason, "'x-message-ttl'") || strings.Contains(e.Reason, "'x-expires'"))
}

// longest is the longest that the nth wait of Retry.Wait may be.
func longest(r *transport.Retry, n int) time.Duration {
	calm := *r
	calm.Jitter = 0
	return time.Duration(float64(calm.Wait(n)) * (1 + r.Jitter))
}

// dead publishes the dead letter of an event, and waits until the broker has it. An error is that
// the broker refuses it, or the subscription has ended; an event that can have no letter has none.
func (s *subscription) dead(i *item, attempts int, cause error) error {
	p := &s.request.Profile
	if !p.DeadLetter || i.ReplyTo != "" {
		return nil
	}
	letter, err := transport.DeadLetter(&i.Message, s.request.Label(), attempts, cause)
	if err != nil {
		s.t.o.log.Warn("amqp: an event without a dead letter", "id", i.ID, "topic", i.Topic, "error", err)
		return nil
	}
	letter.Profile = &transport.Profile{Durable: p.Durable, Sensitive: p.Sensitive}
	return s.publishLetter(letter)
}

func (s *subscription) publishLetter(letter *transport.Message) error {
	exchange, err := s.t.exchange(letter.Topic)
	if err != nil {
		return err
	}
	return s.t.publisher.send(s.ctx, exchange, string(letter.Topic), letter, nil)
}
