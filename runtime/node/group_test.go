package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// policies are all of them.
var policies = map[string]transport.GroupPolicy{
	"round-robin": transport.RoundRobin, "least-loaded": transport.LeastLoaded, "random": transport.Random, "sticky": transport.Sticky,
}

// member is an inbox that is one of a group's.
func member(policy transport.GroupPolicy, take func(context.Context, *bus.AnyEvent) error) node.Inbox {
	return node.Inbox{Name: "bob.team", Group: "team", Policy: policy, Routes: []node.Route{
		{Pattern: "emit.ann.*", Via: []string{"x"}, Take: take}, {Pattern: "emit.cell.#", Via: []string{"x"}, Take: take},
	}}
}

// team are processes whose machine is in a group, and which publish themselves.
func team(t *testing.T, w *network, policy transport.GroupPolicy, takes ...func(context.Context, *bus.AnyEvent) error) (nodes []*node.Node) {
	t.Helper()
	out := []node.Outgoing{hellos("x"), {Pattern: "emit.cell.#", Via: "x"}}
	for i, take := range takes {
		id, replica := "first", i
		if i == 2 { // two replicas of one node, and another node
			id, replica = "second", 0
		}
		n := node.New(w.plan(id, []string{"x"}, out...), node.Config{Replica: replica, OnError: func(error) {}})
		n.AddMachine(machineOf("bob", member(policy, take)))
		nodes = append(nodes, started(t, n))
	}
	return nodes
}

// TestAGroup has each event be taken by one member, wherever it was published: in a process
// with a member, or in another one.
func TestAGroup(t *testing.T) {
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, w *network) {
				var got [3]heard
				nodes := team(t, w, policy, got[0].take, got[1].take, got[2].take)
				outside := started(t, node.New(w.plan("outside", []string{"x"}, hellos("x")), node.Config{}))
				var want []string
				for i, n := range append(nodes, outside) {
					from := fmt.Sprintf("%c", 'a'+i)
					say(t, publisher(t, n.Bus(), "emit.ann.hello"), from, 100)
					want = append(want, numbered(from, 100)...)
				}
				synctest.Wait()
				var all heard
				for i := range got {
					members := got[i].all()
					if policy != transport.Sticky && len(members) == 0 { // without a key all are one member's
						t.Errorf("member %d has heard nothing", i)
					}
					for _, s := range members {
						all.note(s)
					}
				}
				all.expectAnyOrder(t, "the group", want...)
			})
		})
	}
}

// TestAStickyGroup has each key be one member's, its events in order, also if two nodes
// publish; when a member leaves, its keys are others', and no others move.
func TestAStickyGroup(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var mu sync.Mutex
		owner := map[string]map[int]bool{}
		last := map[string]uint64{}
		take := func(i int) func(context.Context, *bus.AnyEvent) error {
			return func(_ context.Context, e *bus.AnyEvent) error {
				mu.Lock()
				defer mu.Unlock()
				if owner[e.Key()] == nil {
					owner[e.Key()] = map[int]bool{}
				}
				owner[e.Key()][i] = true
				from := e.Key() + e.Value().(*said).From
				if n := e.Value().(*said).N; n <= last[from] {
					t.Errorf("%s of %s comes after %d", text(e), e.Key(), last[from])
				}
				last[from] = e.Value().(*said).N
				return nil
			}
		}
		nodes := team(t, w, transport.Sticky, take(0), take(1), take(2))
		pubs := make([]*bus.KeyedPublisher[said], 2)
		for i := range pubs {
			var err error
			if pubs[i], err = bus.NewKeyedPublisher[said](nodes[i].Bus(), topic.MustFamily("emit.cell", "split")); err != nil {
				t.Fatal(err)
			}
		}
		number := uint64(0)
		round := func() {
			for range 5 {
				number++
				for k := range 50 {
					for i, p := range pubs {
						if err := p.Publish(t.Context(), fmt.Sprintf("k%d", k), &said{From: fmt.Sprint(i), N: number}); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			synctest.Wait()
		}
		round()
		before := map[string]int{}
		for key, by := range owner {
			if len(by) != 1 {
				t.Errorf("%s is %v's", key, by)
			}
			for i := range by {
				before[key] = i
			}
		}
		shut(t, nodes[2])
		clear(owner)
		round()
		for key, by := range owner {
			if was := before[key]; len(by) != 1 || by[2] || was != 2 && !by[was] {
				t.Errorf("%s was %d's and is %v's", key, was, by)
			}
		}
		if len(last) != 100 || len(owner) != 50 {
			t.Errorf("%d, %d", len(last), len(owner))
		}
	})
}

// TestAMemberThatFails has others take what it cannot, and is told of; what nobody can take
// is a dead letter, once.
func TestAMemberThatFails(t *testing.T) {
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, w *network) {
				var got, dead heard
				broken := func(context.Context, *bus.AnyEvent) error { return errNo }
				picky := func(ctx context.Context, e *bus.AnyEvent) error {
					if e.Value().(*said).N == 7 {
						return bus.Permanent(errors.New("not this one"))
					}
					return got.take(ctx, e)
				}
				attempts := transport.Profile{DeadLetter: true, Retry: transport.Retry{Attempts: 3}}
				for i, take := range []func(context.Context, *bus.AnyEvent) error{broken, picky} {
					in := member(policy, take)
					in.Profile = attempts
					n := node.New(w.plan(fmt.Sprintf("n%d", i), []string{"x"}), node.Config{OnError: func(error) {}})
					n.AddMachine(machineOf("bob", in))
					started(t, n)
				}
				watch := node.New(w.plan("watch", []string{"x"}, hellos("x")), node.Config{})
				watch.AddSubscription(node.Subscription{Name: "dead", Routes: []node.Route{{Pattern: "error.#", Via: []string{"x"}, Take: func(_ context.Context, e *bus.AnyEvent) error {
					f := e.Value().(*transport.Failure)
					var s said
					if err := s.UnmarshalMsgpack(f.Original); err != nil {
						t.Error(err)
					}
					dead.note(fmt.Sprintf("%s %s %v", f.Kind, f.Topic, &s))
					return nil
				}}}})
				started(t, watch)
				say(t, publisher(t, watch.Bus(), "emit.ann.hello"), "a", 20)
				synctest.Wait()
				if policy == transport.Sticky { // all are one member's, whichever that is, and stay there
					if n, d := len(got.all()), len(dead.all()); n+d != 20 || d != 20 && d != 1 {
						t.Errorf("%d are heard and %d dead", n, d)
					}
					return
				}
				want := numbered("a", 20)
				got.expectAnyOrder(t, "who works", append(want[:6:6], want[7:]...)...)
				dead.expect(t, "who watches", "dead emit.ann.hello a7")
			})
		})
	}
}
