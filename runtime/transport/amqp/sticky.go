package amqp

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// A sticky group has, beside its queue, one for each partition of the keys. One of the
// members, whichever the broker has chosen, passes on what comes to the group's queue to
// the partition of its key, where the broker has stored it before it lets go of it. Each
// partition belongs to one member, which all of them compute alike from who is there; what
// they know of each other they tell each other by an exchange. While they do not agree yet
// the broker gives a partition to one of them only.

// partitions is how many there are: with three members, each has some.
const partitions = 32

// share is a member's part in a sticky group, by one connection.
type share struct {
	peers  peers
	ch     *amqp.Channel        // for all but the partitions
	news   <-chan amqp.Delivery // of other members
	tick   *time.Ticker
	tag    string         // of the consumer of the group's queue; empty while it is stopped
	passed chan struct{}  // closed when all that came to that has been passed on
	owned  map[int]string // consumers, by partition
	gone   chan string    // the consumer of the group's queue, if that was deleted
	over   chan struct{}  // closed when the channels are
}

// partitionOf is the partition of a key.
func partitionOf(key string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int(mix(uint64(h.Sum32())) % partitions)
}

// mix is a number that depends on all bits of x (SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (s *subscription) sticky() bool {
	return s.request.Group != "" && s.request.Policy == transport.Sticky
}

// partition is the name of a partition's queue.
func (q *queue) partition(n int) string { return q.name + "." + strconv.Itoa(n) }

// openShare declares the partitions, and makes the member known: it returns once all
// others have let go of what is this one's now, or have not answered for long.
func (s *subscription) openShare(at *attachment) (err error) {
	h := &share{owned: map[int]string{}, tick: time.NewTicker(beat), peers: peers{}, over: make(chan struct{})}
	at.share = h
	if h.ch, err = at.s.Channel(); err != nil {
		return err
	}
	h.gone = h.ch.NotifyCancel(make(chan string, 2))
	if err := s.declarePartitions(h.ch); err != nil {
		return err
	}
	if h.news, err = s.hearMembers(h.ch); err != nil {
		return err
	}
	if err := s.distribute(at); err != nil {
		return err
	}
	if err := s.tell(s.ctx, memberHello); err != nil {
		return err
	}
	return s.meet(at)
}

func (s *subscription) declarePartitions(ch *amqp.Channel) error {
	if s.t.o.passive {
		return nil // they have been looked for
	}
	for n := range partitions {
		if _, err := ch.QueueDeclare(s.q.partition(n), true, false, false, false, s.q.args); err != nil {
			return declaring("queue", s.q.partition(n), err)
		}
	}
	return nil
}

// meet waits until as many members are known as take from the group's queue.
func (s *subscription) meet(at *attachment) error {
	deadline := time.After(absent)
	for {
		q, err := inspect(at.s.Connection, s.q.name)
		if err != nil {
			return err
		}
		if len(at.share.peers)+1 >= q.Consumers {
			return nil
		}
		select {
		case d, ok := <-at.share.news:
			if !ok {
				return s.gone(at)
			}
			if err := s.learn(at, &d); err != nil {
				return err
			}
		case <-deadline:
			return nil // whoever does not answer is gone, or will be told again
		}
	}
}

// startShare begins to take from what is this member's.
func (s *subscription) startShare(at *attachment) error {
	at.merging = merge(at.last + 1)
	at.deliveries = at.merging.out
	if at.share.tag == "" {
		if err := s.distribute(at); err != nil {
			return err
		}
	}
	return s.rebalance(at)
}

// stopShare cancels all consumers.
func (s *subscription) stopShare(at *attachment) error {
	h := at.share
	if h.tag != "" {
		if err := h.ch.Cancel(h.tag, false); err != nil {
			return err
		}
		select {
		case <-h.passed:
		case <-s.lost:
			return errOver
		}
		h.tag = ""
	}
	for n, tag := range h.owned {
		if err := at.ch.Cancel(tag, false); err != nil {
			return err
		}
		delete(h.owned, n)
	}
	at.merging.finish()
	return nil
}

// rebalance takes the partitions that are this member's now, and lets go of others.
func (s *subscription) rebalance(at *attachment) error {
	if at.merging == nil {
		return nil // it has not begun
	}
	h := at.share
	for n := range partitions {
		tag, have := h.owned[n]
		switch mine := h.peers.owner(n, s.id) == s.id; {
		case mine == have:
		case have:
			if err := at.ch.Cancel(tag, false); err != nil {
				return err
			}
			delete(h.owned, n)
			s.release(at, n)
		default:
			if err := s.own(at, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// own begins to take from a partition.
func (s *subscription) own(at *attachment, n int) error {
	if err := at.ch.Qos(s.slots()[0], 0, false); err != nil {
		return err
	}
	tag := fmt.Sprintf("%s-%d", s.id, n)
	d, err := at.ch.Consume(s.q.partition(n), tag, false, false, false, false, nil)
	if err != nil {
		return err
	}
	at.share.owned[n] = tag
	at.merging.add(d)
	return nil
}

// release gives back what has come of a partition and the receiver has not seen.
func (s *subscription) release(at *attachment, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var back, stay []*item
	for _, i := range s.inbox.Drain() {
		if partitionOf(i.Key) != n {
			stay = append(stay, i)
			continue
		}
		back = append(back, i)
		if i.holds {
			after := s.held[i.Key].Drain()
			s.behind -= len(after)
			back = append(back, after...)
			delete(s.held, i.Key)
		}
	}
	s.inbox.Unshift(stay)
	s.nack(at, back, nil)
}

// foreign reports whether a message belongs to a partition that this member has let go of
// meanwhile.
func (at *attachment) foreign(d *amqp.Delivery) bool {
	if at.share == nil {
		return false
	}
	for _, tag := range at.share.owned {
		if tag == d.ConsumerTag {
			return false
		}
	}
	return true
}

// distribute begins to pass on what comes to the group's queue, if the broker has this
// member do that.
func (s *subscription) distribute(at *attachment) error {
	h := at.share
	if err := h.ch.Qos(ahead, 0, false); err != nil {
		return err
	}
	tag := s.id + "-all"
	d, err := h.ch.Consume(s.q.name, tag, false, false, false, false, nil)
	if err != nil {
		return err
	}
	h.tag, h.passed = tag, make(chan struct{})
	moves := make(chan move, ahead)
	passed := h.passed
	s.t.running.Go(func() { s.passAll(at, d, moves) })
	s.t.running.Go(func() {
		defer close(passed)
		s.settleMoves(at, moves)
	})
	return nil
}

// move is a message on its way to its partition.
type move struct {
	d *amqp.Delivery
	o *outgoing
}

// passAll publishes messages to their partitions, in order.
func (s *subscription) passAll(at *attachment, from <-chan amqp.Delivery, moves chan<- move) {
	defer close(moves)
	for d := range from {
		o, err := s.move(at, &d)
		if err != nil {
			_ = d.Nack(false, true) // or it is lost with its connection, and comes again
			continue
		}
		moves <- move{&d, o}
	}
}

// partitionFor is the number of the partition that a delivery belongs to.
func partitionFor(d *amqp.Delivery) int { return partitionOf(text(d.Headers, headerKey)) }

// move publishes a message to its partition, again and again while that is refused: what is given
// back comes at once, and a few times of that are as many as a message may have.
func (s *subscription) move(at *attachment, d *amqp.Delivery) (*outgoing, error) {
	for tries := 0; ; tries++ {
		o, err := s.t.publisher.forward(at.s.ctx, s.q.partition(partitionFor(d)), d)
		if err == nil || !s.moveAgain(at, tries) {
			return o, err
		}
	}
}

// moveAgain waits, and reports whether to try again.
func (s *subscription) moveAgain(at *attachment, tries int) bool {
	select {
	case <-time.After(s.t.o.backoff.wait(tries)):
		return true
	case <-at.s.ctx.Done():
	case <-at.share.over:
	case <-s.lost:
	}
	return false
}

// settleMoves lets go of what the broker has stored in its partition.
func (s *subscription) settleMoves(at *attachment, moves <-chan move) {
	for m := range moves {
		if s.moved(at, m) {
			_ = m.d.Ack(false)
		} else {
			_ = m.d.Nack(false, true)
		}
	}
}

// moved waits until a message is stored in its partition. One that somebody has deleted its member
// declares anew, when it is told, and nobody before: RabbitMQ 3.10 has consumers of a queue that is
// made again at once get nothing of it.
func (s *subscription) moved(at *attachment, m move) bool {
	<-m.o.done
	for tries := 0; m.o.err != nil; tries++ {
		if !s.moveAgain(at, tries) {
			return false
		}
		o, err := s.move(at, m.d)
		if err != nil {
			return false
		}
		<-o.done
		m.o = o
	}
	return true
}

// forward publishes a delivery as it is to another queue; what the broker has noted of its
// way is left out.
func (p *publisher) forward(ctx context.Context, key string, d *amqp.Delivery) (*outgoing, error) {
	if err := p.admit(ctx, nil); err != nil {
		return nil, err
	}
	h := amqp.Table{headerTopic: d.RoutingKey}
	for k, v := range d.Headers {
		if !strings.HasPrefix(k, "x-") || strings.HasPrefix(k, own) {
			h[k] = v
		}
	}
	o := &outgoing{
		key: key, mandatory: true, again: true, id: d.MessageId, topic: topic.Name(d.RoutingKey), done: make(chan struct{}),
		buf: copyBody(d.Body),
		content: amqp.Publishing{
			Headers: h, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode,
			CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration, MessageId: d.MessageId,
			Timestamp: d.Timestamp, Type: d.Type, AppId: d.AppId,
		},
	}
	o.content.Body = *o.buf
	p.enqueue(o)
	return o, nil
}
