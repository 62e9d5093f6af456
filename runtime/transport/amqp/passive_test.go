package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// missing are the errors within one that say what a passive node has not found.
func missing(err error) (list []*amqp.MissingError) {
	switch e := err.(type) {
	case *amqp.MissingError:
		return []*amqp.MissingError{e}
	case interface{ Unwrap() []error }:
		for _, e := range e.Unwrap() {
			list = append(list, missing(e)...)
		}
	case interface{ Unwrap() error }:
		return missing(e.Unwrap())
	}
	return list
}

// provide declares what a passive node misses, as the errors say, and reports whether there was
// anything.
func (l *lab) provide(err error) bool {
	l.tb.Helper()
	list := missing(err)
	if len(list) == 0 {
		return false
	}
	ch := l.channel()
	defer ch.Close()
	for _, m := range list {
		var err error
		if m.Queue {
			_, err = ch.QueueDeclare(m.Name, true, false, false, false, amqp091.Table(maps.Clone(m.Arguments)))
			l.tb.Cleanup(func() { l.remove(m.Name) })
		} else {
			err = ch.ExchangeDeclare(m.Name, m.Type, true, false, false, false, nil)
		}
		for _, b := range m.Bindings {
			err = errors.Join(err, ch.QueueBind(m.Name, b.Key, b.Exchange, false, nil))
		}
		if err != nil {
			l.tb.Fatal(err)
		}
	}
	return true
}

// remove deletes a queue.
func (l *lab) remove(name string) {
	ch := l.channel()
	defer ch.Close()
	if _, err := ch.QueueDelete(name, false, false, false); err != nil {
		l.tb.Error(err)
	}
}

// passive is a lab with a user who may configure nothing, and the exchanges.
func passive(t *testing.T) (l *lab, node nodes) {
	t.Helper()
	l = newLab(t, rabbit.Own(t))
	l.restrict()("^$", ".*", ".*")
	leaksNothing(t)
	node = func(name string, opts ...amqp.Option) transport.Transport {
		return l.node(name, append([]amqp.Option{amqp.Passive(), amqp.Recheck(50 * time.Millisecond)}, opts...)...)
	}
	n := node("first")
	err := rejects(t, n)
	if list := missing(err); len(list) != 8 || list[0].Type != "topic" || !strings.Contains(err.Error(), "there is no exchange "+l.prefix) {
		t.Errorf("without exchanges: %v", err)
	}
	l.provide(err)
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	shut(t, n)
	return l, node
}

// join subscribes, and declares what is said to be missing until nothing is. It returns the names
// of that.
func (l *lab) join(t *testing.T, n transport.Transport, r transport.SubscribeRequest) (names []string) {
	t.Helper()
	for range 3 {
		_, err := n.Subscribe(t.Context(), r)
		if err == nil {
			return names
		}
		for _, m := range missing(err) {
			names = append(names, strings.TrimPrefix(m.Name, l.prefix))
		}
		if !l.provide(err) {
			t.Fatal(err)
		}
	}
	t.Fatal("something is missing again and again")
	return nil
}

// TestPassive has a broker whose exchanges and queues are others' affair, and a user who may
// declare none: what is missing is said, events that fail are tried again and have dead letters, what
// is sent to others waits for them, and a sticky group shares keys.
func TestPassive(t *testing.T) {
	l, node := passive(t)
	t.Run("failures", func(t *testing.T) { passiveFailures(t, l, node) })
	t.Run("target", func(t *testing.T) { passiveTarget(t, l, node) })
	t.Run("sticky", func(t *testing.T) { passiveSticky(t, l, node) })
}

type nodes func(name string, opts ...amqp.Option) transport.Transport

func passiveFailures(t *testing.T, l *lab, node nodes) {
	reader, writer := node("reader"), node("writer")
	var mu sync.Mutex
	tries := map[string]int{}
	handle := func(_ context.Context, d *transport.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		if tries[d.ID]++; d.ID == "bad" || d.ID == "late" && tries[d.ID] < 3 {
			return errors.New("not yet")
		}
		return nil
	}
	p := transport.Profile{
		Durable: transport.Durable, DeadLetter: true,
		Retry: transport.Retry{Attempts: 5, Initial: 2 * time.Millisecond, Max: 5 * time.Millisecond, Jitter: 0.2},
	}
	names := l.join(t, reader, transport.SubscribeRequest{Name: "jobs", Patterns: []topic.Pattern{"event.job.#"}, Profile: p, Receive: transport.Serve(1, handle)})
	if got, want := fmt.Sprint(names), "[.reader.jobs .reader.jobs.retry.1 .reader.jobs.retry.2 .reader.jobs.retry.3]"; got != want {
		t.Errorf("these were missing: %s, want %s", got, want)
	}
	letters := make(chan *transport.Message, 10)
	l.join(t, reader, transport.SubscribeRequest{
		Name: "letters", Patterns: []topic.Pattern{"error.#"},
		Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error { letters <- d.Clone(); return nil }),
	})
	for _, id := range []string{"good", "late", "bad"} {
		m := &transport.Message{Envelope: transport.Envelope{ID: id, Topic: "event.job.do"}, Profile: &p}
		if err := transport.Publish(t.Context(), writer, m); err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool { return len(letters) > 0 }, "there is a dead letter")
	if m := <-letters; m.Causation != "bad" {
		t.Errorf("there is a dead letter of %q", m.Causation)
	}
	until(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return tries["good"] == 1 && tries["late"] == 3 && tries["bad"] == 5
	}, "all attempts are made")
	shut(t, reader, writer)
}

// passiveTarget has a sender whose target has no queue.
func passiveTarget(t *testing.T, l *lab, node nodes) {
	n := node("writer", amqp.Queues(transport.Queue{Node: "target", Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: jobs}))
	err := rejects(t, n)
	if list := missing(err); len(list) != 1 || list[0].Name != l.prefix+".target.jobs" || len(list[0].Bindings) == 0 {
		t.Errorf("%v", err)
	}
	l.provide(err)
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	publish(t, n, "x")
	if n := l.waits(l.raw(), ".target.jobs"); n != 1 {
		t.Errorf("%d messages wait", n)
	}
	shut(t, n)
}

// passiveSticky has a sticky group of two nodes that may declare nothing: both have keys, and
// when one goes the other one has all.
func passiveSticky(t *testing.T, l *lab, node nodes) {
	const keys = 40
	a, b := node("a"), node("b")
	s := &sharing{seen: map[string][]int{}, owner: map[string]string{}}
	if names := l.join(t, a, s.request("a")); len(names) != 35 { // with partitions, and how members hear of each other
		t.Errorf("these were missing: %s", names)
	}
	if names := l.join(t, b, s.request("b")); len(names) != 1 || names[0] != ".group.workers.members.b" {
		t.Errorf("these were missing for the second member: %s", names)
	}
	if _, err := b.Subscribe(t.Context(), s.request("b")); !errors.Is(err, transport.ErrNameTaken) {
		t.Errorf("a second member on one node: %v", err)
	}
	s.round(t, a, keys, 1)
	if owners := s.owners(); len(owners) != 2 {
		t.Errorf("the keys are with %v", owners)
	}
	shut(t, b)
	s.round(t, a, keys, 2)
	shut(t, a)
}
