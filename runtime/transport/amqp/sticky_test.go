package amqp_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// sharing is what the members of a sticky group have handled.
type sharing struct {
	mu    sync.Mutex
	seen  map[string][]int // numbers, by key, in the order in which they were handled
	owner map[string]string
	moved int

	ordered bool // not sticky: one member has everything
}

// member is a node of its own that joins the group.
func (s *sharing) member(t *testing.T, l *lab, name string) transport.Transport {
	t.Helper()
	n := l.node(name, amqp.Heartbeat(2*time.Second))
	if _, err := n.Subscribe(t.Context(), s.request(name)); err != nil {
		t.Fatal(err)
	}
	return n
}

// request is what a member on a node subscribes to.
func (s *sharing) request(name string) transport.SubscribeRequest {
	p := transport.Profile{Durable: transport.Durable, Order: transport.OrderKey, Prefetch: 5}
	policy := transport.Sticky
	if s.ordered {
		policy = transport.RoundRobin
	}
	return transport.SubscribeRequest{
		Name: "jobs", Patterns: []topic.Pattern{"group.workers.#"}, Group: "workers", Policy: policy, Profile: p,
		Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
			k, err := strconv.Atoi(string(d.Body))
			s.mu.Lock()
			defer s.mu.Unlock()
			s.seen[d.Key] = append(s.seen[d.Key], k)
			if was := s.owner[d.Key]; was != "" && was != name {
				s.moved++
			}
			s.owner[d.Key] = name
			return err
		}),
	}
}

// round has each of a number of keys get a number, and waits until they are handled.
func (s *sharing) round(t *testing.T, n transport.Transport, keys, number int) {
	t.Helper()
	s.publish(t, n, keys, number)
	until(t, func() bool { return s.complete(keys, number) }, "round %d is handled", number)
}

// publish has each of a number of keys get a number.
func (s *sharing) publish(t *testing.T, n transport.Transport, keys, number int) {
	t.Helper()
	for k := range keys {
		m := &transport.Message{
			Envelope: transport.Envelope{ID: fmt.Sprintf("%d-%d", k, number), Topic: "group.workers.do", Key: fmt.Sprint("k", k)},
			Body:     []byte(strconv.Itoa(number)), Profile: &transport.Profile{Durable: transport.Durable},
		}
		if err := transport.Publish(t.Context(), n, m); err != nil {
			t.Fatal(err)
		}
	}
}

// complete reports whether each of a number of keys has numbers up to one.
func (s *sharing) complete(keys, upTo int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range keys {
		if !slices.Contains(s.seen[fmt.Sprint("k", k)], upTo) {
			return false
		}
	}
	return true
}

// TestStickyNodes has a sticky group on three nodes, each of which has some keys. One
// leaves in order, and one loses its connections: its keys go to others, and nothing is
// lost.
func TestStickyNodes(t *testing.T) {
	const keys = 40
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	away := newLab(t, rabbit.Shared(t)) // the way of one member
	away.prefix = l.prefix
	s := &sharing{seen: map[string][]int{}, owner: map[string]string{}}
	a, b, c := s.member(t, l, "a"), s.member(t, l, "b"), s.member(t, away, "c")
	number := 0
	round := func() {
		t.Helper()
		number++
		s.round(t, a, keys, number)
	}
	round()
	round()
	owners := s.owners()
	if len(owners) != 3 || s.moved > 0 {
		t.Errorf("the keys are with %v, and %d have moved", owners, s.moved)
	}
	shut(t, b)
	round()
	away.up.set(func(w *way) { w.hole = true }) // c goes, and cannot say so
	away.cut()
	round()
	away.up.set(func(w *way) { w.hole = false })
	away.cut()
	if err := c.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	round()
	for key, list := range s.seen {
		if first := slices.Compact(slices.Clone(list)); !slices.IsSorted(first) || len(first) != number {
			t.Errorf("%s was handled as %v", key, list)
		}
	}
	shut(t, a, c)
	dropGroup(t, l)
}

// TestOrderedNodes has a group of two nodes that keeps keys in order, of which the broker has one take
// everything: when that is gone the other one does, and nothing is lost.
func TestOrderedNodes(t *testing.T) {
	const keys = 10
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	away := newLab(t, rabbit.Shared(t)) // the way of the first member
	away.prefix = l.prefix
	s := &sharing{seen: map[string][]int{}, owner: map[string]string{}, ordered: true}
	a, b, writer := s.member(t, away, "a"), s.member(t, l, "b"), l.node("writer")
	s.round(t, writer, keys, 1)
	s.round(t, writer, keys, 2)
	if got := s.owners(); got["a"] != keys {
		t.Errorf("the keys are with %v, want all with the first one", got)
	}
	away.up.set(func(w *way) { w.hole = true })
	away.down.set(func(w *way) { w.hole = true })
	s.round(t, writer, keys, 3)
	if got := s.owners(); got["b"] != keys {
		t.Errorf("the keys are with %v, want all with the second one", got)
	}
	away.up.set(func(w *way) { w.hole = false })
	away.down.set(func(w *way) { w.hole = false })
	away.cut()
	if err := a.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	s.round(t, writer, keys, 4)
	for key, list := range s.seen {
		if first := slices.Compact(slices.Clone(list)); !slices.IsSorted(first) || len(first) != 4 {
			t.Errorf("%s was handled as %v", key, list)
		}
	}
	shut(t, writer, a, b)
	dropGroup(t, l)
}

// owners are how many keys each member has handled last.
func (s *sharing) owners() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[string]int{}
	for _, o := range s.owner {
		n[o]++
	}
	return n
}

// dropGroup deletes the queues of a durable group.
func dropGroup(t *testing.T, l *lab) {
	ch := l.channel()
	names := []string{"", ".dead"}
	for n := range 32 {
		names = append(names, "."+strconv.Itoa(n))
	}
	for _, end := range names {
		if _, err := ch.QueueDelete(l.prefix+".group.workers"+end, false, false, false); err != nil {
			t.Error(err)
		}
	}
	_ = ch.Close()
}
