package node_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// asking are the places where who asks and who answers may be. Each starts both, with an
// inbox for the answers, and returns the node that asks, and what it asks by.
var asking = map[string]func(t *testing.T, w *network, in node.Inbox) (n *node.Node, via string){
	"one node": func(t *testing.T, w *network, in node.Inbox) (*node.Node, string) {
		n := node.New(w.plan("here", []string{"x"}), node.Config{OnError: func(error) {}})
		n.AddMachine(machineOf("bob", in))
		return started(t, n), ""
	},
	"two nodes": func(t *testing.T, w *network, in node.Inbox) (*node.Node, string) {
		there := node.New(w.plan("there", []string{"x"}), node.Config{OnError: func(error) {}})
		there.AddMachine(machineOf("bob", in))
		started(t, there)
		return started(t, node.New(w.plan("here", []string{"x"}), node.Config{})), "x"
	},
	"together": func(t *testing.T, w *network, in node.Inbox) (*node.Node, string) {
		all := node.NewTogether(node.Config{OnError: func(error) {}})
		all.New(w.plan("there", []string{"x"}), 0).AddMachine(machineOf("bob", in))
		n := all.New(w.plan("here", []string{"x"}), 0)
		if err := all.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { shut(t, all) })
		return n, "x"
	},
}

// answers is an inbox of what answers requests.
func answers(take func(context.Context, *bus.AnyEvent) error) node.Inbox {
	in := node.Inbox{Name: "bob"}
	for _, p := range []topic.Pattern{"event.bob.ask", "event.cell.+.grow"} {
		in.Routes = append(in.Routes, node.Route{Pattern: p, Local: true, Via: []string{"x"}, Take: take})
	}
	return in
}

// reply answers with one more.
func reply(_ context.Context, e *bus.AnyEvent) error {
	e.Respond(&said{From: e.Key() + "re", N: e.Value().(*said).N + 1})
	return nil
}

// TestRequests has the answer, the error and the silence of who is asked be the same wherever
// that is.
func TestRequests(t *testing.T) {
	for place, start := range asking {
		for name, c := range map[string]struct {
			take    func(context.Context, *bus.AnyEvent) error
			want    string
			err     error
			replied bool // the error is the receiver's
		}{
			"a reply":  {take: reply, want: "re2"},
			"no reply": {take: func(context.Context, *bus.AnyEvent) error { return nil }, err: bus.ErrNoReply},
			"an error": {take: func(context.Context, *bus.AnyEvent) error { return errNo }, replied: true},
			"a panic":  {take: func(context.Context, *bus.AnyEvent) error { panic("oh") }, replied: true},
			"a late reply": {take: func(ctx context.Context, e *bus.AnyEvent) error {
				e = e.Clone()
				time.AfterFunc(time.Second, func() { _ = reply(ctx, e) })
				return nil
			}, want: "re2"},
			"a reply that is too late": {take: func(ctx context.Context, e *bus.AnyEvent) error {
				time.Sleep(3 * time.Second)
				return reply(ctx, e)
			}, err: bus.ErrTimeout},
		} {
			t.Run(place+", "+name, func(t *testing.T) {
				inNetwork(t, func(t *testing.T, w *network) {
					n, via := start(t, w, answers(c.take))
					r, err := node.NewRequester[said, said](n, "event.bob.ask", via, 2*time.Second)
					if err != nil {
						t.Fatal(err)
					}
					got, err := r.Request(t.Context(), &said{From: "a", N: 1})
					_, replied := errors.AsType[*bus.ReplyError](err)
					switch {
					case c.want != "" && (err != nil || got.String() != c.want):
						t.Errorf("%v, %v", got, err)
					case c.want == "" && (err == nil || got != nil || replied != c.replied || c.err != nil && !errors.Is(err, c.err)):
						t.Errorf("%v, %v", got, err)
					}
				})
			})
		}
	}
}

// TestKeyedRequests go to the topic of a key, and one that cannot be in a topic nowhere.
func TestKeyedRequests(t *testing.T) {
	for place, start := range asking {
		t.Run(place, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, w *network) {
				n, via := start(t, w, answers(reply))
				r, err := node.NewKeyedRequester[said, said](n, topic.MustFamily("event.cell", "grow"), via, 0)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := r.Request(t.Context(), "a key", &said{N: 1}); err != nil || got.String() != "a keyre2" {
					t.Errorf("%v, %v", got, err)
				}
				if _, err := r.Request(t.Context(), "", &said{}); !errors.Is(err, topic.ErrInvalidKey) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// TestNobodyAnswers has observers hear a request, and nobody answer it.
func TestNobodyAnswers(t *testing.T) {
	for place, start := range asking {
		t.Run(place, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, w *network) {
				n, via := start(t, w, node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.#", Local: true, Via: []string{"x"}, Take: reply}}})
				var seen heard
				watch := node.New(w.plan("watch", []string{"x"}), node.Config{})
				watch.AddSubscription(node.Subscription{Name: "watch", Routes: []node.Route{{Pattern: "event.#", Via: []string{"x"}, Take: seen.take}}})
				started(t, watch)
				r, err := node.NewRequester[said, said](n, "event.bob.ask", via, time.Second)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.Request(t.Context(), &said{From: "a", N: 1}); !errors.Is(err, bus.ErrNoListener) || !errors.Is(err, transport.ErrNoRoute) {
					t.Errorf("%v", err)
				}
				synctest.Wait()
				if place == "two nodes" {
					seen.expect(t, "who watches", "a1")
				}
			})
		})
	}
}

// TestARequestOfAGroup is answered by one member; a subscription that is shared gets none.
func TestARequestOfAGroup(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var shared heard
		var asked [2]heard
		for i := range asked {
			n := node.New(w.plan("there", []string{"x"}), node.Config{Replica: i})
			in := answers(func(ctx context.Context, e *bus.AnyEvent) error {
				return errors.Join(asked[i].take(ctx, e), reply(ctx, e))
			})
			in.Group = "team"
			for k := range in.Routes {
				in.Routes[k].Local = false
			}
			n.AddMachine(machineOf("bob", in))
			n.AddSubscription(node.Subscription{Name: "log", Shared: true, Routes: []node.Route{{Pattern: "event.#", Via: []string{"x"}, Take: shared.take}}})
			started(t, n)
		}
		n := started(t, node.New(w.plan("here", []string{"x"}), node.Config{}))
		r, err := node.NewRequester[said, said](n, "event.bob.ask", "x", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if got, err := r.Request(t.Context(), &said{From: "a", N: uint64(i)}); err != nil || got.N != uint64(i)+1 {
					t.Errorf("%v, %v", got, err)
				}
			})
		}
		wg.Wait()
		if a, b := len(asked[0].all()), len(asked[1].all()); a+b != 20 {
			t.Errorf("%d and %d", a, b)
		}
		shared.expect(t, "who is shared")
	})
}

// mute is an event without an encoded form.
type mute struct{}

// TestRequestersThatCannotBe are refused when they are made, and by nodes that do not run.
func TestRequestersThatCannotBe(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		n := node.New(w.plan("here", []string{"x"}), node.Config{})
		if _, err := node.NewRequester[said, said](n, "event.bob.ask", "y", 0); err == nil {
			t.Error("by a transport that is not there")
		}
		if _, err := node.NewRequester[mute, said](n, "event.bob.ask", "x", 0); err == nil {
			t.Error("of what cannot be encoded")
		}
		if _, err := node.NewKeyedRequester[said, mute](n, topic.MustFamily("event.cell", "grow"), "x", 0); err == nil {
			t.Error("with a reply that cannot be decoded")
		}
		if _, err := node.NewRequester[mute, mute](n, "event.bob.mute", "", 0); err != nil {
			t.Errorf("in the process: %v", err)
		}
		r, err := node.NewRequester[said, said](n, "event.bob.ask", "x", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Request(t.Context(), &said{}); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("before Start: %v", err)
		}
		started(t, n)
		shut(t, n)
		if _, err := r.Request(t.Context(), &said{}); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("after Shutdown: %v", err)
		}
	})
}

// TestRepliesThatCannotBeRead are errors of one side or the other.
func TestRepliesThatCannotBeRead(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		n, via := asking["two nodes"](t, w, answers(func(_ context.Context, e *bus.AnyEvent) error {
			if e.Value().(*said).N == 1 {
				e.Respond(&mute{})
			} else {
				e.Respond(&transport.Failure{Kind: "x"})
			}
			return nil
		}))
		r, err := node.NewRequester[said, strict](n, "event.bob.ask", via, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Request(t.Context(), &said{N: 1})
		if e, ok := errors.AsType[*bus.ReplyError](err); !ok || !e.Permanent {
			t.Errorf("a reply that cannot be encoded: %v", err)
		}
		if _, err := r.Request(t.Context(), &said{N: 2}); !errors.Is(err, transport.ErrDecode) {
			t.Errorf("a reply that cannot be decoded: %v", err)
		}
	})
}

// strict is an event that nothing can be decoded to.
type strict struct{}

// UnmarshalMsgpack implements what generated events have.
func (*strict) UnmarshalMsgpack([]byte) error { return errNo }
