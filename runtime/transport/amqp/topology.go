package amqp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// queue is a queue at the broker, of a subscription or a group.
type queue struct {
	name     string
	durable  bool // it outlives those who take from it
	args     amqp.Table
	bindings []binding
}

// deliveryLimit is how often the broker delivers a message anew that was neither
// acknowledged nor given back in order, as when it ends the process; after that it is
// dead. Without a limit it would come for ever with RabbitMQ 3, and be lost with 4.
const deliveryLimit = 20

// idle is how long the queue of a volatile subscription stays while nobody takes from it.
const idle = 30 * time.Minute

// queueOf is the queue that a node's subscription, or a group, takes from. Those who send
// declare the same.
func (t *Transport) queueOf(r *transport.Queue, observer bool) queue {
	p := &r.Profile
	q := queue{durable: p.Durable != transport.Volatile || t.o.passive, bindings: t.bindings(r.Patterns, observer)}
	owner, name := ownerOf(r.Node, r.Name)
	if q.name = t.o.prefix + "." + owner + "." + name; r.Group != "" {
		q.name = t.o.prefix + ".group." + r.Group
	}
	q.args = queueArgs(q.durable, p.Overflow != transport.DropOldest)
	q.args["x-dead-letter-exchange"] = "" // the default one: its key is a queue's name
	q.args["x-dead-letter-routing-key"] = q.dead()
	q.args["x-max-length"] = int64(p.Room())
	if p.CapacityBytes > 0 {
		q.args["x-max-length-bytes"] = p.CapacityBytes
	}
	if p.TTL > 0 {
		q.args["x-message-ttl"] = millis(p.TTL)
	}
	if p.Order == transport.OrderKey || r.Group != "" && r.Policy == transport.Sticky {
		q.args["x-single-active-consumer"] = true
	}
	return q
}

// ownerOf is whose a subscription is, as <node> or <node>/<replica>, and its name without that
// of its node and the number of a replica, with which topologies have it begin. Who takes says
// itself which replica it is; who sends knows it by the name alone.
func ownerOf(node, name string) (owner, short string) {
	base, replica, more := strings.Cut(node, "/")
	short, mine := strings.CutPrefix(name, base+".")
	if !mine {
		return node, name
	}
	number, rest, found := strings.Cut(short, ".")
	if _, err := strconv.ParseUint(number, 10, 16); err != nil || !found || more && number != replica {
		return node, short
	}
	return base + "/" + number, rest
}

// dead is the queue for what the broker has dropped: too old, too many, or too often
// delivered. Only what such a queue refuses is lost unseen.
func (q *queue) dead() string { return q.name + ".dead" }

// queueArgs are the arguments of a durable queue, which is replicated and written to disk
// by RabbitMQ's own protocol, or of another one, which goes away when it is not used. A
// queue that refuses what it has no room for hands on dead messages at least once.
func queueArgs(durable, refuses bool) amqp.Table {
	args := amqp.Table{"x-overflow": "drop-head"}
	if refuses {
		args["x-overflow"] = "reject-publish"
	}
	if !durable {
		args["x-queue-type"], args["x-expires"] = "classic", idle.Milliseconds()
		return args
	}
	args["x-queue-type"], args["x-delivery-limit"] = "quorum", int64(deliveryLimit)
	args["x-dead-letter-strategy"] = "at-most-once"
	if refuses {
		args["x-dead-letter-strategy"] = "at-least-once"
	}
	return args
}

// maxDead is how many dropped messages are kept until the subscription has counted them.
const maxDead = 100_000

// deadArgs are those of the queue for what was dropped.
func (q *queue) deadArgs() amqp.Table {
	args := amqp.Table{"x-queue-type": "classic", "x-max-length": int64(maxDead), "x-overflow": "drop-head"}
	if !q.durable {
		args["x-expires"] = idle.Milliseconds()
	}
	return args
}

// millis is a time in milliseconds, at least one.
func millis(d time.Duration) int64 { return max((d + time.Millisecond - 1).Milliseconds(), 1) }

// declareExchanges declares the exchanges, which last. A passive node looks whether they are there.
func (t *Transport) declareExchanges(s *session) error {
	if t.o.passive {
		var needs []*MissingError
		for _, name := range t.allExchanges() {
			needs = append(needs, t.needsExchange(name))
		}
		return require(s.Connection, needs...)
	}
	ch, err := s.Channel()
	if err != nil {
		return err
	}
	defer ch.Close() // it may have ended
	for _, name := range t.allExchanges() {
		if err := ch.ExchangeDeclare(name, t.kindOf(name), true, false, false, false, nil); err != nil {
			return declaring("exchange", name, err)
		}
	}
	return nil
}

// allExchanges are those that every node needs.
func (t *Transport) allExchanges() []string {
	return append([]string{t.mandatory, t.observers}, t.exchanges[:]...)
}

// kindOf is what AMQP calls the type of an exchange.
func (t *Transport) kindOf(exchange string) string {
	if exchange == t.exchanges[len(t.exchanges)-1] {
		return amqp.ExchangeFanout
	}
	return amqp.ExchangeTopic
}

// declare declares a queue, the one for what it drops, and its bindings.
func (t *Transport) declare(ch *amqp.Channel, q *queue) error {
	for _, d := range []struct {
		name string
		args amqp.Table
	}{{q.dead(), q.deadArgs()}, {q.name, q.args}} {
		if _, err := ch.QueueDeclare(d.name, true, false, false, false, d.args); err != nil {
			return declaring("queue", d.name, err)
		}
	}
	return t.bind(ch, q)
}

// bind binds a queue.
func (t *Transport) bind(ch *amqp.Channel, q *queue) error {
	for _, b := range q.bindings {
		if err := ch.QueueBind(q.name, b.key, b.exchange, false, nil); err != nil {
			return declaring("binding of", q.name, err)
		}
	}
	return nil
}

// declaring says what could not be declared. What the broker refuses stays refused until
// somebody changes something there.
func declaring(what, name string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("amqp: declaring the %s %s: %w", what, name, err)
	if isPermanent(err) {
		return &permanentError{wrapped}
	}
	return wrapped
}

// exists asks whether there is a queue. A channel of its own asks, for the answer no ends
// it.
func exists(c *amqp.Connection, name string) (bool, error) {
	_, err := inspect(c, name)
	if e, ok := errors.AsType[*amqp.Error](err); ok && e.Code == amqp.NotFound {
		return false, nil
	}
	return err == nil, err
}

// inspect asks how many messages and consumers a queue has.
func inspect(c *amqp.Connection, name string) (amqp.Queue, error) {
	ch, err := c.Channel()
	if err != nil {
		return amqp.Queue{}, err
	}
	defer ch.Close() // it may have ended
	return ch.QueueDeclarePassive(name, true, false, false, false, nil)
}

// declareTarget declares a queue of others.
func (t *Transport) declareTarget(s *session, ch *amqp.Channel, q *queue) error {
	if t.o.passive {
		return require(s.Connection, needsTarget(q))
	}
	return t.declare(ch, q)
}
