package amqp

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// peers are the other members of a group, and when they were last heard of.
type peers map[string]time.Time

// owner is the member that a partition belongs to: of those who are there the one with the
// highest number, which differs for each partition. When one leaves only its own move.
func (p peers) owner(n int, me string) string {
	best, most := me, rank(me, n)
	for id := range p {
		if r := rank(id, n); r > most || r == most && id > best {
			best, most = id, r
		}
	}
	return best
}

func rank(id string, n int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return mix(h.Sum64() + uint64(n)*0x9e3779b97f4a7c15)
}

// How often a member says that it is there, and after what time without a word it is not.
const (
	beat   = time.Second
	absent = 3500 * time.Millisecond
)

// What members tell each other.
const (
	memberHello = "hello" // it is new, and wants an answer
	memberHere  = "here"
	memberBye   = "bye"
)

// members is the name of the exchange by which members of groups hear of each other.
func (t *Transport) membersExchange() string { return t.o.prefix + ".members" }

// hearMembers listens to other members.
func (s *subscription) hearMembers(ch *amqp.Channel) (<-chan amqp.Delivery, error) {
	if s.t.o.passive {
		return ch.Consume(s.newsQueue(), s.id+"-news", true, false, false, false, nil)
	}
	name := s.t.membersExchange()
	if err := ch.ExchangeDeclare(name, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
		return nil, declaring("exchange", name, err)
	}
	q, err := ch.QueueDeclare("", false, true, true, false, nil) // the connection's own
	if err != nil {
		return nil, err
	}
	if err := ch.QueueBind(q.Name, s.request.Group, name, false, nil); err != nil {
		return nil, err
	}
	return ch.Consume(q.Name, s.id+"-news", true, true, false, false, nil)
}

// tell tells the other members something, and returns once the broker has it.
func (s *subscription) tell(ctx context.Context, what string) error {
	m := &transport.Message{Envelope: transport.Envelope{Type: what, Source: s.id}, Profile: &transport.Profile{TTL: absent}}
	return s.t.publisher.send(ctx, s.t.membersExchange(), s.request.Group, m, nil)
}

// learn hears of another member.
func (s *subscription) learn(at *attachment, d *amqp.Delivery) error {
	if d.AppId == s.id || d.AppId == "" {
		return nil
	}
	_, known := at.share.peers[d.AppId]
	if d.Type == memberBye {
		delete(at.share.peers, d.AppId)
		return s.rebalance(at)
	}
	at.share.peers[d.AppId] = time.Now()
	if !known {
		if err := s.rebalance(at); err != nil {
			return err
		}
	}
	if d.Type == memberHello {
		return s.sayHere(at)
	}
	return nil
}

// sayHere tells the others that this member is there, and does not wait.
func (s *subscription) sayHere(at *attachment) error {
	ctx, cancel := context.WithTimeout(at.s.ctx, beat)
	defer cancel()
	m := &transport.Message{Envelope: transport.Envelope{Type: memberHere, Source: s.id}, Profile: &transport.Profile{TTL: absent}}
	_, err := s.t.publisher.begin(ctx, s.t.membersExchange(), s.request.Group, m)
	if errors.Is(err, transport.ErrRejected) {
		return err
	}
	return nil // there is no connection: it is said again
}

// look says that the member is there, and sees who is not any more.
func (s *subscription) look(at *attachment) error {
	for id, last := range at.share.peers {
		if time.Since(last) > absent {
			delete(at.share.peers, id)
		}
	}
	if err := s.sayHere(at); err != nil {
		return err
	}
	return s.rebalance(at)
}
