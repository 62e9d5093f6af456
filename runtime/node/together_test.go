package node_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// system is a topology in small: ann's node, and bob's with two replicas, and what each
// machine has heard. Ann hears her own broadcasts as others do; bob's processes share what
// she says; and a subscription runs in both, another one in one of them.
type system struct {
	nodes                  []*node.Node
	drained                [3]heard
	team, each, one, filed heard
}

// build makes a system of nodes that newNode makes.
func build(w *network, newNode func(p *node.Plan, replica int) *node.Node) *system {
	s := &system{}
	x := []string{"x"}
	out := []node.Outgoing{hellos("x"), {Pattern: "broadcast.#", Via: "x"}, {Pattern: "emit.cell.#", Via: "x"}}
	drain := func(i int) node.Inbox {
		return node.Inbox{Name: "drain", Routes: []node.Route{{Pattern: "broadcast.drain", Local: true, Via: x, Take: s.drained[i].take}}}
	}
	ann := newNode(w.plan("ann", x, out...), 0)
	ann.AddMachine(machineOf("ann", drain(0)))
	s.nodes = append(s.nodes, ann)
	for i := range 2 {
		bob := newNode(w.plan("bob", x, out...), i)
		bob.AddMachine(machineOf("bob", drain(1+i), node.Inbox{
			Name: "bob.team", Group: "team", Profile: transport.Profile{Durable: transport.Durable},
			Routes: []node.Route{{Pattern: "emit.ann.hello", Via: x, Where: func(e *bus.AnyEvent) bool { return e.Value().(*said).N%2 == 0 }, Take: s.team.take}},
		}))
		bob.AddSubscription(node.Subscription{Name: "each", Routes: []node.Route{{Pattern: "emit.ann.*", Local: true, Via: x, Take: s.each.take}}})
		bob.AddSubscription(node.Subscription{Name: "one", Shared: true, Routes: []node.Route{{Pattern: "emit.ann.*", Via: x, Take: s.one.take}}})
		s.nodes = append(s.nodes, bob)
	}
	s.nodes[1].AddSubscription(node.Subscription{Name: "filed", Routes: []node.Route{{Pattern: "emit.cell.k.*", Local: true, Via: x, Take: s.filed.take}}})
	return s
}

// TestTogetherIsTheSame has one topology in one process and in three: everybody hears the same.
func TestTogetherIsTheSame(t *testing.T) {
	for name, start := range map[string]func(t *testing.T, w *network) *system{
		"apart": func(t *testing.T, w *network) *system {
			s := build(w, func(p *node.Plan, replica int) *node.Node { return node.New(p, node.Config{Replica: replica}) })
			for _, n := range s.nodes {
				started(t, n)
			}
			return s
		},
		"together": func(t *testing.T, w *network) *system {
			all := node.NewTogether(node.Config{})
			s := build(w, all.New)
			if all.Ready() {
				t.Error("ready before Start")
			}
			if err := s.nodes[0].Start(t.Context()); err == nil {
				t.Error("one node was started by itself")
			}
			if err := all.Start(t.Context()); err != nil || !all.Ready() {
				t.Fatal(err)
			}
			t.Cleanup(func() { shut(t, all) })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, w *network) {
				s := start(t, w)
				ann := s.nodes[0].Bus()
				say(t, publisher(t, ann, "emit.ann.hello"), "h", 10)
				say(t, publisher(t, ann, "emit.ann.bye"), "b", 2)
				say(t, publisher(t, ann, "broadcast.drain"), "d", 1)
				split, err := node.NewKeyedSender[said](s.nodes[2], topic.MustFamily("emit.cell", "split"))
				if err != nil {
					t.Fatal(err)
				}
				for _, key := range []string{"k", "other", "k"} {
					if err := split.Send(t.Context(), key, &said{From: key, N: 1}); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				for i := range s.drained {
					s.drained[i].expect(t, fmt.Sprintf("machine %d", i), "d1")
				}
				s.team.expectAnyOrder(t, "the team", "h2", "h4", "h6", "h8", "h10")
				hello := append(numbered("h", 10), numbered("b", 2)...)
				s.one.expectAnyOrder(t, "the shared subscription", slices.Clone(hello)...)
				s.each.expectAnyOrder(t, "the subscription of each", slices.Concat(hello, hello)...)
				s.filed.expect(t, "who hears one key", "k1", "k1")
				if together := w.port("x", "ann") == nil; together != (name == "together") {
					t.Error("transports were opened, or were not")
				}
			})
		})
	}
}

// TestTogetherNothingIsEncoded even if it would leave.
func TestTogetherNothingIsEncoded(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		all := node.NewTogether(node.Config{})
		s := build(w, all.New)
		if err := all.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		p, err := bus.NewPublisher[strings.Builder](all.Bus(), "emit.ann.secret")
		if err == nil {
			err = p.Publish(t.Context(), &strings.Builder{})
		}
		if err != nil {
			t.Error(err)
		}
		if s.nodes[0].Bus() != all.Bus() || s.nodes[2].Replica() != 1 {
			t.Error("not the same bus, or not the replica")
		}
		_ = all.Shutdown(t.Context())
	})
}

// TestOneOfTogether is shut down by itself: the others go on, and what its member of a group
// had goes to another one.
func TestOneOfTogether(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		all := node.NewTogether(node.Config{})
		s := build(w, all.New)
		if err := all.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		hello := publisher(t, all.Bus(), "emit.ann.hello")
		say(t, hello, "a", 2)
		shut(t, s.nodes[2])
		if all.Ready() || !s.nodes[1].Ready() {
			t.Error("who is ready")
		}
		say(t, hello, "b", 4)
		synctest.Wait()
		s.team.expectAnyOrder(t, "the team", "a2", "b2", "b4")
		s.one.expectAnyOrder(t, "the shared subscription", "a1", "a2", "b1", "b2", "b3", "b4")
		shut(t, all)
		if err := hello.Publish(t.Context(), &said{}); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

// TestTogetherDoesNotStart if one was shut down before, or fails; everything is closed then.
func TestTogetherDoesNotStart(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		all := node.NewTogether(node.Config{})
		s := build(w, all.New)
		shut(t, s.nodes[1])
		if err := all.Start(t.Context()); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("%v", err)
		}
		shut(t, all)
		var log heard
		all = node.NewTogether(node.Config{})
		all.New(w.plan("a", nil), 0).AddMachine(steps(&log, "a", ""))
		all.New(w.plan("b", nil), 0).AddMachine(steps(&log, "b", "open"))
		if err := all.Start(t.Context()); !errors.Is(err, errNo) {
			t.Errorf("%v", err)
		}
		shut(t, all)
		log.expect(t, "the log", "a connect", "b connect", "a open", "b open", "a close", "b close")
	})
}

// TestTogetherAllAtOnce has the nodes and all of them be started and shut down at once.
func TestTogetherAllAtOnce(t *testing.T) {
	for range 100 {
		w := newNetwork()
		all := node.NewTogether(node.Config{OnError: func(error) {}})
		s := build(w, all.New)
		var log heard
		s.nodes[0].AddMachine(steps(&log, "a", ""))
		p := publisher(t, all.Bus(), "emit.ann.hello")
		var wg sync.WaitGroup
		for _, f := range []func(){
			func() { _ = all.Start(context.Background()) }, func() { shut(t, all) }, func() { shut(t, s.nodes[0]) }, func() { shut(t, s.nodes[2]) },
			func() { _ = s.nodes[1].Send(func() error { return p.Publish(context.Background(), &said{}) }) }, func() { all.Ready() },
		} {
			wg.Go(f)
		}
		wg.Wait()
		shut(t, all)
		if all.Ready() {
			t.Error("ready")
		}
		count := map[string]int{}
		for _, s := range log.all() {
			count[s]++
		}
		if count["a close"] != count["a open"] || count["a open"] > 1 {
			t.Errorf("%v", count)
		}
		w.close()
	}
}

// TestTogetherGivesUp says how much was left of all nodes, and ends with who waits the
// shortest, whoever has begun.
func TestTogetherGivesUp(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		all := node.NewTogether(node.Config{OnError: func(error) {}})
		for _, id := range []string{"a", "b"} {
			all.New(w.plan(id, nil), 0).AddMachine(machineOf(id, node.Inbox{Name: "in", Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: func(ctx context.Context, _ *bus.AnyEvent) error {
				<-ctx.Done()
				return nil
			}}}}))
		}
		if err := all.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		say(t, publisher(t, all.Bus(), "emit.ann.hello"), "a", 3)
		errs := make(chan error, 1)
		go func() { errs <- all.Shutdown(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := all.Shutdown(ctx); left(err) != 6 {
			t.Errorf("%v", err)
		}
		if err := <-errs; left(err) != 6 {
			t.Errorf("%v", err)
		}
	})
}

// TestWhoeverEndsFirst is waited for by the other: all by one, and one by all.
func TestWhoeverEndsFirst(t *testing.T) {
	for _, first := range []string{"one", "all"} {
		inNetwork(t, func(t *testing.T, w *network) {
			all := node.NewTogether(node.Config{})
			one := all.New(w.plan("a", nil), 0)
			m := machineOf("a")
			m.Close = func(context.Context) error { time.Sleep(time.Minute); return nil }
			one.AddMachine(m)
			if err := all.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			before, after := one.Shutdown, all.Shutdown
			if first == "all" {
				before, after = after, before
			}
			done := make(chan error, 1)
			go func() { done <- before(context.Background()) }()
			synctest.Wait()
			if err := after(context.Background()); err != nil || time.Since(start) != time.Minute {
				t.Errorf("%s first: %v after %v", first, err, time.Since(start))
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			shut(t, all)
		})
	}
}
