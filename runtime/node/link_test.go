package node_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// inNetwork runs a test in a bubble, with a network.
func inNetwork(t *testing.T, f func(t *testing.T, w *network)) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		t.Cleanup(w.close)
		f(t, w)
	})
}

// hellos are what leaves by a transport in most tests.
func hellos(via string) node.Outgoing { return node.Outgoing{Pattern: "emit.ann.*", Via: via} }

// listener is a node that hears ann by a transport.
func listener(t *testing.T, w *network, id, via string, h *heard, change ...func(*node.Inbox)) *node.Node {
	t.Helper()
	in := node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.ann.*", Via: []string{via}, Take: h.take}}}
	for _, f := range change {
		f(&in)
	}
	n := node.New(w.plan(id, []string{via}), node.Config{})
	n.AddMachine(machineOf("bob", in))
	return started(t, n)
}

// TestALink has a machine hear, in order and with their ids, two kinds of events of
// another node, as they were published.
func TestALink(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var got heard
		listener(t, w, "there", "x", &got, func(in *node.Inbox) {
			in.Routes[0].Take = func(_ context.Context, e *bus.AnyEvent) error {
				got.note(string(e.Topic()) + " " + text(e))
				return nil
			}
		})
		n := started(t, node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{}))
		hello, bye := publisher(t, n.Bus(), "emit.ann.hello"), publisher(t, n.Bus(), "emit.ann.bye")
		say(t, hello, "a", 2)
		say(t, bye, "b", 1)
		say(t, hello, "c", 1)
		synctest.Wait()
		got.expect(t, "bob", "emit.ann.hello a1", "emit.ann.hello a2", "emit.ann.bye b1", "emit.ann.hello c1")
		e := w.port("x", "here").sent()
		if len(e) != 4 || e[2].Type != "Bye" || e[2].Source != "here" || e[2].Epoch != n.Bus().Epoch() || e[2].Time.IsZero() {
			t.Fatalf("%+v", e)
		}
		for i, want := range []uint64{1, 2, 1, 3} { // each topic is numbered by itself
			if e[i].Seq != want || !strings.HasPrefix(e[i].ID, n.Bus().Epoch()) {
				t.Errorf("envelope %d is %+v", i, e[i])
			}
		}
	})
}

// TestAnEventIsEncodedOnce has listeners in the process, on a transport and on another
// one: all get it, and it is encoded once; with those in the process only, never.
func TestAnEventIsEncodedOnce(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var near, far, farther heard
		listener(t, w, "far", "x", &far)
		listener(t, w, "farther", "y", &farther)
		n := node.New(w.plan("here", []string{"x", "y"}, hellos("x"), hellos("y")), node.Config{})
		var count atomic.Int64
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{
			{Pattern: "emit.ann.*", Local: true, Take: near.take},
			{Pattern: "emit.sue.*", Local: true, Take: near.take},
		}}))
		started(t, n)
		for _, name := range []string{"ann", "sue"} {
			p := publisher(t, n.Bus(), topic.Name("emit."+name+".hello"))
			if err := p.Publish(t.Context(), &said{From: name, N: 1, encoded: &count}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		near.expect(t, "who is near", "ann1", "sue1")
		far.expect(t, "who is far", "ann1")
		farther.expect(t, "who is farther", "ann1")
		if got := count.Load(); got != 1 {
			t.Errorf("encoded %d times", got)
		}
	})
}

// TestNothingComesTwice has a node hear what it publishes itself, and what others do, by
// the same transport.
func TestNothingComesTwice(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var got [2]heard
		var nodes []*node.Node
		for i, id := range []string{"left", "right"} {
			n := node.New(w.plan(id, []string{"x"}, hellos("x")), node.Config{})
			n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{
				{Pattern: "emit.ann.hello", Local: true, Via: []string{"x"}, Take: got[i].take},
				{Pattern: "emit.ann.*", Local: true, Via: []string{"x"}, Take: got[i].take},
			}}))
			nodes = append(nodes, started(t, n))
		}
		say(t, publisher(t, nodes[0].Bus(), "emit.ann.hello"), "l", 2)
		synctest.Wait()
		say(t, publisher(t, nodes[1].Bus(), "emit.ann.hello"), "r", 2)
		synctest.Wait()
		for i := range got {
			got[i].expect(t, "node", "l1", "l2", "r1", "r2")
		}
		if s := w.port("x", "left").stats(); s.Filtered != 2 || s.Handled != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// TestFilters are asked at the receiver, one route after the other, and in the process as well.
func TestFilters(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		number := func(e *bus.AnyEvent) uint64 { return e.Value().(*said).N }
		routes := func(h *heard) []node.Route {
			take := func(name string) func(context.Context, *bus.AnyEvent) error {
				return func(_ context.Context, e *bus.AnyEvent) error {
					h.note(name + text(e))
					return nil
				}
			}
			even := func(e *bus.AnyEvent) bool { return number(e)%2 == 0 }
			third := func(e *bus.AnyEvent) bool { return number(e)%3 == 0 }
			return []node.Route{
				{Pattern: "emit.ann.hello", Local: true, Via: []string{"x"}, Where: even, Take: take("even ")},
				{Pattern: "emit.ann.*", Local: true, Via: []string{"x"}, Where: third, Take: take("third ")},
			}
		}
		var near, far heard
		listener(t, w, "there", "x", &far, func(in *node.Inbox) { in.Routes = routes(&far) })
		n := node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: routes(&near)}))
		started(t, n)
		say(t, publisher(t, n.Bus(), "emit.ann.hello"), "a", 6)
		synctest.Wait()
		for _, h := range []*heard{&near, &far} {
			h.expect(t, "bob", "even a2", "third a3", "even a4", "even a6")
		}
	})
}

// TestWhatCannotBeEncoded may be published where nobody else hears it. Otherwise the error is
// the publisher's, and who is in the process hears it all the same.
func TestWhatCannotBeEncoded(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var near heard
		n := node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: func(_ context.Context, e *bus.AnyEvent) error {
			near.note(string(e.Topic()))
			return nil
		}}}}))
		started(t, n)
		raw := func(name topic.Name) error {
			p, err := bus.NewPublisher[strings.Builder](n.Bus(), name)
			if err != nil {
				t.Fatal(err)
			}
			return p.Publish(t.Context(), &strings.Builder{})
		}
		if err := raw("emit.sue.hello"); err != nil {
			t.Error(err)
		}
		err := raw("emit.ann.hello")
		if e, ok := errors.AsType[*transport.PublishError](err); !ok || e.Outcome() != transport.OutcomeNotSent || e.Retryable() {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		near.expectAnyOrder(t, "bob", "emit.sue.hello", "emit.ann.hello")
	})
}

// TestCausation is the id of the event that a handler has got from another node, for all that
// it sends.
func TestCausation(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		n := node.New(w.plan("there", []string{"x"}, node.Outgoing{Pattern: "emit.ann.bye", Via: "x"}), node.Config{OnError: func(error) {}})
		bye := publisher(t, n.Bus(), "emit.ann.bye")
		ask, err := node.NewRequester[said, said](n, "event.bob.ask", "x", 0)
		if err != nil {
			t.Fatal(err)
		}
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.ann.hello", Via: []string{"x"}, Take: func(ctx context.Context, _ *bus.AnyEvent) error {
			_, err := ask.Request(ctx, &said{})
			return errors.Join(err, bye.Publish(ctx, &said{}))
		}}}}))
		started(t, n)
		caused := map[topic.Name]string{}
		if _, err := w.wire("x").Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"#"}, Receive: transport.Serve(1, func(ctx context.Context, d *transport.Delivery) error {
			caused[d.Topic] = d.Causation
			if d.ReplyTo != "" {
				return d.Reply(ctx, &transport.Message{Body: []byte{0x80}})
			}
			return nil
		})}); err != nil {
			t.Fatal(err)
		}
		foreign(t, w, transport.Envelope{Topic: "emit.ann.hello", ID: "the-cause"}, "\x80")
		synctest.Wait()
		if len(caused) != 3 || caused["emit.ann.bye"] != "the-cause" || caused["event.bob.ask"] != "the-cause" {
			t.Errorf("%q", caused)
		}
		say(t, bye, "a", 1)
		synctest.Wait()
		if caused["emit.ann.bye"] != "" {
			t.Errorf("%q", caused)
		}
	})
}
