package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// foreign sends a message as a foreign program may.
func foreign(t *testing.T, w *network, e transport.Envelope, body string) {
	t.Helper()
	if err := transport.Publish(t.Context(), w.wire("x"), &transport.Message{Envelope: e, Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

// failures are what a node hears of errors, by a transport and in its own process.
func failures(h *heard) node.Subscription {
	return node.Subscription{Name: "errors", Routes: []node.Route{{Pattern: "error.#", Local: true, Via: []string{"x"}, Take: func(_ context.Context, e *bus.AnyEvent) error {
		f := e.Value().(*transport.Failure)
		h.note(fmt.Sprintf("%s %s %s %d", e.Topic(), f.Kind, f.Topic, f.Attempts))
		return nil
	}}}}
}

// TestWhatCannotBeRead is told of, once, and never comes again: by a dead letter if the
// profile wants them, or else, if it should have been readable, to who hears errors in the process.
func TestWhatCannotBeRead(t *testing.T) {
	const good = "\x82\xa4from\xa1a\xa1n\x01"
	for name, c := range map[string]struct {
		envelope transport.Envelope
		body     string
		err      error
		letter   string // with dead letters
		failure  string // without
	}{
		"a body": {transport.Envelope{Topic: "emit.ann.hello"}, "\xc1", transport.ErrDecode,
			"error.ann.decode decode emit.ann.hello 1", "error.ann.decode decode emit.ann.hello 1"},
		"no body": {transport.Envelope{Topic: "emit.ann.hello"}, "", transport.ErrDecode, "error.ann.decode decode emit.ann.hello 1", "error.ann.decode decode emit.ann.hello 1"},
		"a topic": {transport.Envelope{Topic: "emit.ann.what"}, good, transport.ErrUnknownEvent, "error.ann.dead dead emit.ann.what 1", ""},
		"a key": {transport.Envelope{Topic: "emit.cell.k.split", Key: "other"}, good, transport.ErrDecode,
			"error.cell.other.decode decode emit.cell.k.split 1", "error.cell.other.decode decode emit.cell.k.split 1"},
		"a failure":              {transport.Envelope{Topic: "error.ann.dead"}, "\xc1", transport.ErrDecode, "", ""},
		"what nobody listens to": {transport.Envelope{Topic: "emit.cell.k.grow"}, good, transport.ErrUnknownEvent, "error.cell.dead dead emit.cell.k.grow 1", ""},
	} {
		for _, letters := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, letters %v", name, letters), func(t *testing.T) {
				inNetwork(t, func(t *testing.T, w *network) {
					var got, errs heard
					var told troubles
					n := node.New(w.plan("here", []string{"x"}), node.Config{OnError: told.tell})
					in := node.Inbox{Name: "bob", Profile: transport.Profile{DeadLetter: letters, Retry: transport.Retry{Attempts: 3}}}
					for _, p := range []topic.Pattern{"emit.ann.*", "emit.cell.*"} {
						in.Routes = append(in.Routes, node.Route{Pattern: p, Via: []string{"x"}, Take: got.take})
					}
					n.AddMachine(machineOf("bob", in))
					n.AddSubscription(failures(&errs))
					started(t, n)
					foreign(t, w, c.envelope, c.body)
					synctest.Wait()
					want := c.failure
					if letters {
						want = c.letter
					}
					if want == "" {
						errs.expect(t, "who hears errors")
					} else {
						errs.expect(t, "who hears errors", want)
					}
					got.expect(t, "bob")
					if all := told.all(); len(all) == 0 || !strings.Contains(all[0], c.err.Error()) || !strings.Contains(all[0], "given up") {
						t.Errorf("told %q", all)
					}
					if s := w.port("x", "here").stats(); s.Retried != 0 || s.Dead != 1 || s.Balance() != 0 {
						t.Errorf("%+v", s)
					}
				})
			})
		}
	}
}

// TestRetries has a handler fail twice, and panic: the profile's attempts count, and the node
// tells of each failure whether the event comes again.
func TestRetries(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var got heard
		var told troubles
		calls := 0
		n := node.New(w.plan("there", []string{"x"}), node.Config{OnError: told.tell})
		n.AddMachine(machineOf("bob", node.Inbox{
			Name: "bob", Profile: transport.Profile{Retry: transport.Retry{Attempts: 3, Initial: time.Second}},
			Routes: []node.Route{{Pattern: "emit.ann.*", Via: []string{"x"}, Take: func(ctx context.Context, e *bus.AnyEvent) error {
				switch calls++; calls {
				case 2:
					panic("oh")
				case 3:
					return got.take(ctx, e)
				}
				return errNo
			}}},
		}))
		started(t, n)
		here := started(t, node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{}))
		for range 2 {
			say(t, publisher(t, here.Bus(), "emit.ann.hello"), "a", 1)
			time.Sleep(time.Minute)
		}
		got.expect(t, "bob", "a1")
		want := []string{"attempt 1, will be retried", "attempt 2, will be retried: xsgen: a handler panicked: oh",
			"attempt 1, will be retried", "attempt 2, will be retried", "attempt 3, given up"}
		for i, s := range told.all() {
			if i >= len(want) || !strings.Contains(s, want[i]) || !strings.HasPrefix(s, "node: bob: event ") {
				t.Errorf("%d: %s", i, s)
			}
		}
		if s := w.port("x", "there").stats(); s.Handled != 1 || s.Dead != 1 || s.Failed != 5 {
			t.Errorf("%+v", s)
		}
	})
}

// raw is an event whose form the topology does not know.
type raw []byte

// TestRawTypes has a type be decoded as what a function makes of it; of several types that
// match the first counts, and an error of it is one of decoding.
func TestRawTypes(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var got heard
		var told troubles
		p := w.plan("here", []string{"x"})
		p.Types = []node.Type{
			{Pattern: "event.odd.*", Name: "Odd", Decode: func([]byte) (any, error) { return nil, errors.New("odd") }},
			{Pattern: "event.#", Name: "Raw", Decode: func(b []byte) (any, error) {
				r := raw(strings.Clone(string(b)))
				return &r, nil
			}},
		}
		n := node.New(p, node.Config{OnError: told.tell})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "event.#", Via: []string{"x"}, Take: func(_ context.Context, e *bus.AnyEvent) error {
			got.note(fmt.Sprintf("%s %q %s", e.Template(), e.Key(), *e.Value().(*raw)))
			return nil
		}}}}))
		started(t, n)
		foreign(t, w, transport.Envelope{Topic: "event.cell.k.grow", Key: "k"}, "keyed")
		foreign(t, w, transport.Envelope{Topic: "event.cell.k.grow"}, "plain")
		foreign(t, w, transport.Envelope{Topic: "event.odd.one"}, "")
		synctest.Wait()
		got.expect(t, "bob", `event.cell.+.grow "k" keyed`, `event.cell.k.grow "" plain`)
		if all := told.all(); len(all) != 1 || !strings.Contains(all[0], "cannot be read: odd") {
			t.Errorf("%q", all)
		}
	})
}

// TestAnyEvent is what all handlers get: its id and topic are those of the publisher, a clone
// outlives the handler and may be changed, and As finds its type.
func TestAnyEvent(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var kept *bus.AnyEvent
		listener(t, w, "there", "x", &heard{}, func(in *node.Inbox) {
			in.Routes = []node.Route{{Pattern: "emit.cell.#", Via: []string{"x"}, Take: func(_ context.Context, e *bus.AnyEvent) error {
				kept = e.Clone()
				kept.Value().(*said).N++
				if as := bus.As[said](e); as == nil || as.Value().N != 1 || as.ID() != e.ID() || bus.As[raw](e) != nil {
					t.Errorf("%v", as)
				}
				return nil
			}}}
		})
		n := started(t, node.New(w.plan("here", []string{"x"}, node.Outgoing{Pattern: "emit.cell.#", Via: "x"}), node.Config{}))
		p, err := bus.NewKeyedPublisher[said](n.Bus(), topic.MustFamily("emit.cell", "split"))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.PublishAs(t.Context(), "my-id", "a key", &said{From: "a", N: 1}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if kept == nil || kept.ID() != "my-id" || kept.Topic() != "emit.cell.a%20key.split" || kept.Key() != "a key" ||
			kept.Template() != "emit.cell.+.split" || text(kept) != "a2" || kept.IsRequest() || kept.Respond(&said{}) {
			t.Errorf("%+v", kept)
		}
	})
}
