package amqp_test

import (
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// waits is how many messages wait in a queue; -1 if there is none.
func (l *lab) waits(c *amqp091.Connection, queue string) int {
	l.tb.Helper()
	ch, err := c.Channel()
	if err != nil {
		l.tb.Fatal(err)
	}
	defer ch.Close()
	q, err := ch.QueueDeclarePassive(l.prefix+queue, true, false, false, false, nil)
	if err != nil {
		return -1
	}
	return q.Messages
}

// TestTargetDeleted has the queues that a node sends to be deleted while nobody takes from them:
// the sender makes them anew, and what it sends afterwards waits there.
func TestTargetDeleted(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	c, ch := l.raw(), l.channel()
	leaksNothing(t)
	var said log
	patterns := []topic.Pattern{"event.#"}
	n := l.node("writer", amqp.Recheck(50*time.Millisecond), amqp.Log(said.logger()), amqp.Queues(
		transport.Queue{Node: "reader", Name: "other", Patterns: patterns},
		transport.Queue{Node: "reader", Name: "jobs", Patterns: patterns, Profile: transport.Profile{Durable: transport.Durable}},
		transport.Queue{Node: "reader", Name: "volatile", Patterns: patterns},
	))
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return l.waits(c, ".reader.volatile") == 0 }, "the queues are there")
	for _, q := range []string{".reader.jobs", ".reader.volatile"} {
		if _, err := ch.QueueDelete(l.prefix+q, false, false, false); err != nil {
			t.Fatal(err)
		}
	}
	// One that somebody declares otherwise keeps the sender from nothing else, and is said.
	until(t, func() bool { // the sender may be quicker
		ch, err := c.Channel()
		if err != nil {
			t.Fatal(err)
		}
		defer ch.Close()
		if _, err := ch.QueueDelete(l.prefix+".reader.other", false, false, false); err != nil {
			t.Fatal(err)
		}
		_, err = ch.QueueDeclare(l.prefix+".reader.other", true, false, false, false, amqp091.Table{"x-max-length": int32(7)})
		return err == nil
	}, "somebody declares the queue otherwise")
	until(t, func() bool { return l.waits(c, ".reader.jobs") == 0 && l.waits(c, ".reader.volatile") == 0 }, "the queues are there again")
	until(t, func() bool {
		publish(t, n, "x")
		return l.waits(c, ".reader.jobs") > 0 && l.waits(c, ".reader.volatile") > 0
	}, "events reach the queues")
	until(t, func() bool { return strings.Contains(said.String(), "reader.other") }, "it is said that one cannot be had")
	if n := strings.Count(said.String(), "cannot be declared"); n != 1 {
		t.Errorf("that is said %d times:\n%s", n, &said)
	}
	if s := n.Status().Get(); s.State != transport.Ready {
		t.Errorf("the node is %v, %v", s.State, s.Err)
	}
	shut(t, n)
	for _, q := range []string{".reader.other", ".reader.volatile"} {
		for _, end := range []string{"", ".dead"} {
			if _, err := ch.QueueDelete(l.prefix+q+end, false, false, false); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestAttachingAgain has a queue be deleted, and with it an exchange that it needs: the node tries
// again and again, and says once why it cannot.
func TestAttachingAgain(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	c, ch := l.raw(), l.channel()
	leaksNothing(t)
	var said log
	var events listener
	n := l.node("reader", amqp.Recheck(time.Hour), amqp.Log(said.logger()))
	events.subscribe(t, n, transport.SubscribeRequest{Name: "a", Patterns: []topic.Pattern{"event.#"}})
	l.deleteExchange("events")
	remove := func(name string) {
		if _, err := ch.QueueDelete(l.prefix+name, false, false, false); err != nil {
			t.Fatal(err)
		}
	}
	remove(".reader.a")
	for range 3 { // each attempt declares this queue first
		remove(".reader.a.dead")
		until(t, func() bool { return l.waits(c, ".reader.a.dead") == 0 }, "the node tries again")
	}
	if err := ch.ExchangeDeclare(l.prefix+".events", amqp091.ExchangeTopic, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(said.String(), "no exchange"); n != 1 {
		t.Errorf("that there is no exchange is said %d times:\n%s", n, &said)
	}
	shut(t, n)
}
