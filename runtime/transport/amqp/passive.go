package amqp

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A passive node declares nothing, deletes nothing and binds nothing, for which it needs no
// permission to configure. It looks for what others are to have declared, before it is used and,
// of exchanges, from time to time. Whether a queue has the right arguments and bindings the
// broker tells nobody.

// MissingError is that a passive node does not find what it needs: whoever looks after the broker
// must declare it. Where several things are missing there is one for each, joined.
type MissingError struct {
	Queue bool   // it is a queue, not an exchange
	Name  string // at the broker
	// Type is an exchange's, topic or fanout. It is to be durable, and so is a queue.
	Type string
	// Arguments are what a queue is to be declared with.
	Arguments map[string]any
	// Bindings are what a queue is to be bound to.
	Bindings []Binding
	// Err is what the broker has said.
	Err error
}

// Binding has an exchange pass on to a queue what matches a key.
type Binding struct{ Exchange, Key string }

func (e *MissingError) Error() string {
	if !e.Queue {
		return fmt.Sprintf("amqp: there is no exchange %s (durable, %s): %v", e.Name, e.Type, e.Err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "amqp: there is no queue %s (durable", e.Name)
	for _, k := range slices.Sorted(maps.Keys(e.Arguments)) {
		fmt.Fprintf(&b, ", %s=%v", k, e.Arguments[k])
	}
	for _, to := range e.Bindings {
		fmt.Fprintf(&b, "; bound to %s with the key %q", to.Exchange, to.Key)
	}
	fmt.Fprintf(&b, "): %v", e.Err)
	return b.String()
}

// Unwrap returns the broker's error.
func (e *MissingError) Unwrap() error { return e.Err }

// needsExchange is what the absence of an exchange is reported as.
func (t *Transport) needsExchange(name string) *MissingError {
	return &MissingError{Name: name, Type: t.kindOf(name)}
}

// needsQueue is the same of a queue.
func needsQueue(name string, args amqp.Table, to ...Binding) *MissingError {
	return &MissingError{Queue: true, Name: name, Arguments: args, Bindings: to}
}

// needsTarget is the same of a subscription's queue.
func needsTarget(q *queue) *MissingError {
	to := make([]Binding, len(q.bindings))
	for i, b := range q.bindings {
		to[i] = Binding{Exchange: b.exchange, Key: b.key}
	}
	return needsQueue(q.name, q.args, to...)
}

// require returns errors for those that are not there.
func require(c *amqp.Connection, needs ...*MissingError) error {
	var missing []error
	for _, n := range needs {
		if err := n.look(c); isNotFound(err) {
			n.Err = err
			missing = append(missing, n)
		} else if err != nil {
			return declaring("what should be there,", n.Name, err)
		}
	}
	return errors.Join(missing...)
}

// look asks the broker, by a channel that the answer no ends.
func (e *MissingError) look(c *amqp.Connection) error {
	if e.Queue {
		_, err := inspect(c, e.Name)
		return err
	}
	ch, err := c.Channel()
	if err != nil {
		return err
	}
	defer ch.Close() // it may have ended
	return ch.ExchangeDeclarePassive(e.Name, e.Type, true, false, false, false, nil)
}

// needs are what a subscription of a passive node does not work without.
func (s *subscription) needs() []*MissingError {
	list := []*MissingError{needsTarget(&s.q)}
	for _, n := range s.steps(2) {
		list = append(list, needsQueue(s.retryQueue(n), s.retryArgs(n)))
	}
	if !s.sticky() {
		return list
	}
	for n := range partitions {
		list = append(list, needsQueue(s.q.partition(n), s.q.args))
	}
	members := s.t.membersExchange()
	news := needsQueue(s.newsQueue(), amqp.Table{"x-queue-type": "classic"}, Binding{members, s.request.Group})
	return append(list, s.t.needsExchange(members), news)
}

// newsQueue is where a passive node hears of the other members of a sticky group.
func (s *subscription) newsQueue() string { return s.q.name + ".members." + s.t.node }
