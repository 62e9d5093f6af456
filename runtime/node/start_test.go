package node_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/transport"
)

func fixed(text string) node.Part { return node.Part{Text: text} }

// configured is a plan with settings of all kinds.
func configured(open transport.Opener) *node.Plan {
	return &node.Plan{Topology: "shop", Node: "web", Transports: []node.TransportPlan{{
		Name: "x", Open: open,
		Settings: []node.Setting{
			{Key: "url", Parts: []node.Part{fixed("amqp://"), {Variable: "USER"}, fixed("@"), {Variable: "HOST", Default: "localhost", HasDefault: true}}},
			{Key: "prefix", Parts: []node.Part{fixed("shop")}},
			{Key: "dir", Parts: []node.Part{{Temporary: true}, fixed("/shop")}},
			{Key: "empty", Parts: []node.Part{{Variable: "NONE", HasDefault: true}}},
		},
		Listen: &node.Setting{Key: "listen", Parts: []node.Part{fixed("tcp://*:"), {Variable: "PORT"}}},
		Peers: []node.PeerPlan{
			{Node: "bank", Replicas: 3},
			{Node: "depot", Replicas: 1, Address: &node.Setting{Key: "address of depot", Parts: []node.Part{{Variable: "DEPOT"}}}},
		},
		Queues: []transport.Queue{{Node: "bank", Name: "payment"}},
	}}}
}

// TestSettings come from the topology and the environment, where what is empty is unset.
func TestSettings(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		environment := map[string]string{"USER": "ann", "HOST": "", "PORT": "7001", "DEPOT": "tcp://10.0.0.2:7000"}
		getenv := func(name string) (string, bool) {
			v, ok := environment[name]
			return v, ok
		}
		var told troubles
		started(t, node.New(configured(w.opener("x")), node.Config{Replica: 2, Getenv: getenv, OnError: told.tell}))
		c := w.port("x", "web").config
		if c.OnError(errors.New("a stranger")); !slices.Equal(told.all(), []string{"node: the transport x: a stranger"}) {
			t.Errorf("of what a transport has to tell, the program hears %q", told.all())
		}
		temporary := strings.TrimSuffix(os.TempDir(), "/") + "/shop"
		if id := os.Getuid(); id >= 0 {
			temporary += fmt.Sprintf("-%d", id)
		}
		want := map[string]string{"url": "amqp://ann@localhost", "prefix": "shop", "dir": temporary, "empty": ""}
		if !maps.Equal(c.Settings, want) {
			t.Errorf("%q, want %q", c.Settings, want)
		}
		peers := []transport.Peer{{Node: "bank", Replicas: 3}, {Node: "depot", Replicas: 1, Address: "tcp://10.0.0.2:7000"}}
		if c.Topology != "shop" || c.Node != "web" || c.Replica != 2 || c.Listen != "tcp://*:7001" || !slices.Equal(c.Peers, peers) || len(c.Queues) != 1 {
			t.Errorf("%+v", c)
		}
	})
}

// TestDirectories get the user's id where the topology puts them below the directory for
// temporary files, which users share, and nowhere else.
func TestDirectories(t *testing.T) {
	t.Setenv("TMPDIR", "/var/tmp/users") // of Unix; /tmp is shared there all the same
	tmp := strings.TrimSuffix(os.TempDir(), "/")
	id := ""
	if n := os.Getuid(); n >= 0 {
		id = fmt.Sprintf("-%d", n)
	}
	variable := func(name, byDefault string) node.Part {
		return node.Part{Variable: name, Default: byDefault, HasDefault: true}
	}
	for _, c := range []struct {
		key   string
		parts []node.Part
		want  string
	}{
		{"dir", []node.Part{{Temporary: true}, fixed("/shop")}, tmp + "/shop" + id},
		{"dir", []node.Part{{Variable: "RUNTIME", Temporary: true}, fixed("/shop")}, tmp + "/shop" + id},
		{"dir", []node.Part{{Variable: "GIVEN", Temporary: true}, fixed("/shop")}, tmp + "/given/shop"},
		{"dir", []node.Part{fixed(tmp + "/shop")}, tmp + "/shop" + id},
		{"dir", []node.Part{fixed("/tmp/shop")}, "/tmp/shop" + id},
		{"dir", []node.Part{variable("RUNTIME", tmp), fixed("/shop")}, tmp + "/shop" + id},
		{"dir", []node.Part{variable("DIR", tmp+"/shop")}, tmp + "/shop" + id},
		{"dir", []node.Part{fixed(tmp + "/"), variable("NAME", "")}, tmp + "/ann" + id},
		{"dir", []node.Part{fixed(tmp + "//a/b/")}, tmp + "/a" + id + "/b"},
		{"dir", []node.Part{variable("GIVEN", tmp), fixed("/shop")}, tmp + "/given/shop"},
		{"dir", []node.Part{fixed("/run/shop")}, "/run/shop"},
		{"dir", []node.Part{fixed(tmp + "er/shop")}, tmp + "er/shop"},
		{"dir", []node.Part{fixed(tmp + "/")}, tmp + "/"},
		{"prefix", []node.Part{fixed(tmp + "/shop")}, tmp + "/shop"},
	} {
		inNetwork(t, func(t *testing.T, w *network) {
			getenv := func(name string) (string, bool) {
				v, ok := map[string]string{"GIVEN": tmp + "/given", "NAME": "ann", "RUNTIME": ""}[name]
				return v, ok
			}
			started(t, node.New(&node.Plan{Node: "web", Transports: []node.TransportPlan{{
				Name: "x", Open: w.opener("x"), Settings: []node.Setting{{Key: c.key, Parts: c.parts}},
			}}}, node.Config{Getenv: getenv}))
			if got := w.port("x", "web").config.Settings[c.key]; got != c.want {
				t.Errorf("%s %+v: %q, want %q", c.key, c.parts, got, c.want)
			}
		})
	}
}

// TestWhatIsMissing is told all at once, and nothing is opened.
func TestWhatIsMissing(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		p := configured(w.opener("x"))
		p.Transports = append(p.Transports, node.TransportPlan{Name: "y"})
		n := node.New(p, node.Config{Getenv: func(string) (string, bool) { return "", true }})
		err := n.Start(t.Context())
		var got []string
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			got = append(got, e.Error())
			if v, ok := errors.AsType[*node.VariableError](e); ok && (v.Transport != "x" || v.Setting == "") {
				t.Errorf("%+v", v)
			}
		}
		want := []string{
			"node: the environment variable USER is not set, and the setting url of the transport x needs it",
			"node: the environment variable PORT is not set, and the setting listen of the transport x needs it",
			"node: the environment variable DEPOT is not set, and the setting address of depot of the transport x needs it",
			`node: Config.Transports["y"] is not set`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		if w.port("x", "web") != nil {
			t.Error("x was opened")
		}
		if err := n.Start(t.Context()); err == nil || errors.Is(err, transport.ErrClosed) {
			t.Errorf("a second Start: %v", err)
		}
	})
}

func TestRequire(t *testing.T) {
	if err := node.Require("Order", true); err != nil {
		t.Error(err)
	}
	err := node.Require("WebConfig.Order", false)
	if e, ok := errors.AsType[*node.MissingError](err); !ok || e.Field != "WebConfig.Order" || err.Error() != "node: WebConfig.Order is not set" {
		t.Errorf("%v", err)
	}
}

// TestTransportsOfTheConfiguration stand in for those that are built in.
func TestTransportsOfTheConfiguration(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		builtIn := func(context.Context, transport.Config) (transport.Transport, error) { return nil, errNo }
		p := &node.Plan{Node: "web", Transports: []node.TransportPlan{{Name: "x", Open: builtIn}}}
		started(t, node.New(p, node.Config{Transports: map[string]transport.Opener{"x": w.opener("x")}}))
		if w.port("x", "web") == nil {
			t.Error("it was not opened")
		}
	})
}

// steps is a machine that notes when it is connected, opened and closed, and may fail at that.
func steps(log *heard, id, fails string) node.Machine {
	at := func(what string) error {
		log.note(id + " " + what)
		if what == fails {
			return errNo
		}
		return nil
	}
	m := machineOf(id)
	m.Connect = func(*bus.Bus) error { return at("connect") }
	m.Open = func(context.Context) error { return at("open") }
	m.Close = func(context.Context) error { return at("close") }
	return m
}

// TestTheOrderOfMachines is that in which they were added, and the reverse at the end.
func TestTheOrderOfMachines(t *testing.T) {
	var log heard
	n := node.New(&node.Plan{Node: "web"}, node.Config{})
	n.AddMachine(steps(&log, "a", ""))
	n.AddMachine(steps(&log, "b", ""))
	if n.Ready() {
		t.Error("ready before Start")
	}
	started(t, n)
	if !n.Ready() {
		t.Error("not ready after Start")
	}
	shut(t, n)
	if n.Ready() {
		t.Error("ready after Shutdown")
	}
	log.expect(t, "the log", "a connect", "b connect", "a open", "b open", "b close", "a close")
	if err := n.Start(t.Context()); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Start after Shutdown: %v", err)
	}
}

// TestAStartThatFails closes everything that it had opened, and says who has failed.
func TestAStartThatFails(t *testing.T) {
	nobody := func(context.Context, transport.Config) (transport.Transport, error) { return nil, nil }
	broken := func(context.Context, transport.Config) (transport.Transport, error) { return nil, errNo }
	hear := func(name, via string) node.Inbox {
		return node.Inbox{Name: name, Routes: []node.Route{{Pattern: "emit.#", Local: true, Via: []string{via}}}}
	}
	for name, c := range map[string]struct {
		change  func(p *node.Plan, n *node.Node)
		machine string // what the second machine fails at
		says    string
		opened  bool // the first machine was
	}{
		"an opener fails":        {change: func(p *node.Plan, _ *node.Node) { p.Transports[1].Open = broken }, says: "node: the transport y: no"},
		"an opener returns none": {change: func(p *node.Plan, _ *node.Node) { p.Transports[1].Open = nobody }, says: "node: the transport y: its opener has returned none"},
		"connecting fails":       {machine: "connect", says: "node: the machine b: no"},
		"opening fails":          {machine: "open", says: "node: the machine b: no", opened: true},
		"a name is there twice": {change: func(_ *node.Plan, n *node.Node) {
			n.AddSubscription(node.Subscription{Name: "in", Routes: []node.Route{{Pattern: "emit.#", Via: []string{"x"}}}})
		}, says: `node: web has two inboxes or subscriptions called "in"`},
		"a transport is not there": {change: func(_ *node.Plan, n *node.Node) { n.AddMachine(machineOf("c", hear("other", "z"))) },
			says: "node: other has routes by transports that the node does not open"},
		"a direct inbox by a transport": {change: func(_ *node.Plan, n *node.Node) {
			in := hear("other", "x")
			in.Direct = true
			n.AddMachine(machineOf("c", in))
		}, says: "node: the inbox other is direct, and has routes by transports"},
		"nothing leaves by a transport that is not there": {change: func(p *node.Plan, _ *node.Node) { p.Outgoing = append(p.Outgoing, hellos("z")) },
			says: "node: emit.ann.* leaves by z, which the node does not open"},
		"a profile is refused": {change: func(p *node.Plan, _ *node.Node) {
			p.Outgoing = append(p.Outgoing, node.Outgoing{Pattern: "emit.#", Via: "x", Profile: transport.Profile{Durable: transport.DurableRequired}})
		}, says: "node: emit.# by x: "},
		"an inbox's profile is refused": {change: func(_ *node.Plan, n *node.Node) {
			in := hear("other", "x")
			in.Routes[0].Local = false
			in.Profile.Durable = transport.DurableRequired
			n.AddMachine(machineOf("c", in))
		}, says: "node: other on x: "},
		"a pattern is none": {change: func(_ *node.Plan, n *node.Node) {
			in := hear("other", "x")
			in.Routes[0].Pattern = "a..b"
			n.AddMachine(machineOf("c", in))
		}, says: "node: other: "},
	} {
		t.Run(name, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, w *network) {
				var log heard
				p := w.plan("web", []string{"x", "y"})
				n := node.New(p, node.Config{OnError: func(error) {}})
				first := steps(&log, "a", "")
				first.Inboxes = []node.Inbox{hear("in", "x")}
				n.AddMachine(first)
				n.AddMachine(steps(&log, "b", c.machine))
				if c.change != nil {
					c.change(p, n)
				}
				err := n.Start(t.Context())
				if err == nil || !strings.HasPrefix(err.Error(), c.says) {
					t.Errorf("%v, want %s", err, c.says)
				}
				if closed := slices.Contains(log.all(), "a close"); closed != c.opened {
					t.Errorf("%q", log.all())
				}
				for _, name := range []string{"x", "y"} {
					if port := w.port(name, "web"); port != nil && port.open() == nil {
						t.Errorf("%s is open", name)
					}
				}
				if _, err := bus.NewPublisher[said](n.Bus(), "emit.ann.hello"); !errors.Is(err, bus.ErrClosed) {
					t.Errorf("the bus: %v", err)
				}
				if n.Ready() {
					t.Error("it is ready")
				}
				shut(t, n) // may follow, and does nothing
			})
		})
	}
}

// TestReady follows the transports' states.
func TestReady(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var told troubles
		n := started(t, node.New(w.plan("web", []string{"x"}), node.Config{OnError: told.tell}))
		status := &w.port("x", "web").status
		for _, c := range []struct {
			state transport.State
			err   error
			ready bool
		}{{transport.Blocked, nil, false}, {transport.Ready, nil, true}, {transport.Reconnecting, errNo, false}, {transport.Ready, nil, true}} {
			status.Set(c.state, c.err)
			if n.Ready() != c.ready {
				t.Errorf("%v: ready is %v", c.state, !c.ready)
			}
		}
		synctest.Wait()
		told.expect(t, "OnError", "node: the transport x is reconnecting: no")
	})
}

// TestEventsWaitForTheirMachine until it is open: those of the bus, of transports, and of
// direct inboxes; and what one machine sends when it opens, another one hears that opens later.
func TestEventsWaitForTheirMachine(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var direct, queued, far heard
		n := node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{})
		early := machineOf("ann")
		var hello *bus.Publisher[said]
		early.Connect = func(b *bus.Bus) (err error) {
			hello, err = bus.NewPublisher[said](b, "emit.ann.hello")
			return err
		}
		early.Open = func(ctx context.Context) error {
			foreign(t, w, transport.Envelope{Topic: "emit.ann.bye"}, "\x82\xa4from\xa1x\xa1n\x01")
			for i := range uint64(3) {
				if err := hello.Publish(ctx, &said{From: "a", N: i + 1}); err != nil {
					return err
				}
			}
			synctest.Wait()
			return nil
		}
		late := machineOf("bob",
			node.Inbox{Name: "bob.direct", Direct: true, Routes: []node.Route{{Pattern: "emit.ann.hello", Local: true, Take: direct.take}}},
			node.Inbox{Name: "bob.queued", Routes: []node.Route{{Pattern: "emit.ann.hello", Local: true, Take: queued.take}}},
			node.Inbox{Name: "bob.far", Routes: []node.Route{{Pattern: "emit.ann.bye", Via: []string{"x"}, Take: far.take}}})
		late.Open = func(context.Context) error {
			for _, h := range []*heard{&direct, &queued, &far} {
				h.expect(t, "bob, who is not open,")
			}
			return nil
		}
		n.AddMachine(early)
		n.AddMachine(late)
		started(t, n)
		say(t, hello, "b", 1)
		synctest.Wait()
		direct.expect(t, "bob", "a1", "a2", "a3", "b1")
		queued.expect(t, "bob", "a1", "a2", "a3", "b1")
		far.expect(t, "bob", "x1")
	})
}

// TestADirectInboxOfAMachineThatIsNotOpen keeps only so many events, refuses requests, and
// tells of errors that nobody waits for any more.
func TestADirectInboxOfAMachineThatIsNotOpen(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var told troubles
		n := node.New(w.plan("here", nil), node.Config{OnError: told.tell})
		early := machineOf("ann")
		early.Open = func(ctx context.Context) error {
			p := publisher(t, n.Bus(), "emit.ann.hello")
			if _, err := bus.Request[said, said](ctx, p, &said{}); err == nil || !strings.Contains(err.Error(), "not open") {
				t.Errorf("a request: %v", err)
			}
			say(t, p, "a", bus.DefaultCapacity)
			if err := p.Publish(ctx, &said{}); !errors.Is(err, bus.ErrFull) {
				t.Errorf("one too many: %v", err)
			}
			return nil
		}
		n.AddMachine(early)
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Direct: true, Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: func(_ context.Context, e *bus.AnyEvent) error {
			if e.Value().(*said).N == 3 {
				return errNo
			}
			return nil
		}}}}))
		started(t, n)
		if all := told.all(); len(all) != 1 || !strings.Contains(all[0], "published before the machine was open: no") {
			t.Errorf("%q", all)
		}
	})
}
