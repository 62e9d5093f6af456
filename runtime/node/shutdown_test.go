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
	"github.com/xsgen/xsgen/runtime/transport"
)

// left is how much a Shutdown says that it has left, -1 if it says something else.
func left(err error) int {
	e, ok := err.(*transport.DrainError)
	switch {
	case err == nil:
		return 0
	case !ok:
		return -1
	}
	return e.Left
}

// TestShutdownDrains has events be on their way when it is called: what has come from
// another node, what is in queues, and what handlers send on, also to that node, are handled.
func TestShutdownDrains(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var got, back heard
		listener(t, w, "there", "y", &back, func(in *node.Inbox) { in.Routes[0].Pattern = "emit.ann.bye" })
		n := node.New(w.plan("here", []string{"x", "y"}, node.Outgoing{Pattern: "emit.ann.bye", Via: "y"}), node.Config{})
		var bye *bus.Publisher[said]
		m := machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{
			{Pattern: "emit.ann.hello", Via: []string{"x"}, Take: func(ctx context.Context, e *bus.AnyEvent) error {
				time.Sleep(time.Second)
				return bye.Publish(ctx, e.Value().(*said))
			}},
		}}, node.Inbox{Name: "bob.too", Routes: []node.Route{{Pattern: "emit.ann.bye", Local: true, Take: func(ctx context.Context, e *bus.AnyEvent) error {
			time.Sleep(time.Second)
			return got.take(ctx, e)
		}}}})
		m.Connect = func(b *bus.Bus) (err error) {
			bye, err = bus.NewPublisher[said](b, "emit.ann.bye")
			return err
		}
		n.AddMachine(m)
		started(t, n)
		other := started(t, node.New(w.plan("other", []string{"x"}, hellos("x")), node.Config{}))
		say(t, publisher(t, other.Bus(), "emit.ann.hello"), "a", 10)
		shut(t, n)
		got.expect(t, "bob", numbered("a", 10)...)
		back.expect(t, "who is there", numbered("a", 10)...)
	})
}

// TestShutdownGivesUp counts what was left: what a handler has, what waits on the bus and what
// has come by a transport.
func TestShutdownGivesUp(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		wait := func(ctx context.Context, _ *bus.AnyEvent) error {
			<-ctx.Done()
			return ctx.Err()
		}
		var told troubles
		n := node.New(w.plan("here", []string{"x"}), node.Config{OnError: told.tell})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.ann.hello", Local: true, Via: []string{"x"}, Take: wait}}}))
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		say(t, publisher(t, n.Bus(), "emit.ann.hello"), "a", 3)
		other := started(t, node.New(w.plan("other", []string{"x"}, hellos("x")), node.Config{}))
		say(t, publisher(t, other.Bus(), "emit.ann.hello"), "b", 4)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		start := time.Now()
		err := n.Shutdown(ctx)
		if left(err) != 7 || !errors.Is(err, transport.ErrDrainTimeout) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if again := n.Shutdown(context.Background()); again != err {
			t.Errorf("again: %v", again)
		}
		told.none(t)
	})
}

// TestWhoeverWaitsForAShutdown may end it, whoever has begun it: all get its error.
func TestWhoeverWaitsForAShutdown(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		n := node.New(w.plan("here", nil), node.Config{})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: func(ctx context.Context, _ *bus.AnyEvent) error {
			<-ctx.Done()
			return nil
		}}}}))
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		say(t, publisher(t, n.Bus(), "emit.ann.hello"), "a", 2)
		errs := make([]error, 3)
		var wg sync.WaitGroup
		for i, d := range []time.Duration{time.Hour, time.Minute, time.Second} {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), d)
				defer cancel()
				time.Sleep(time.Duration(i) * time.Millisecond)
				errs[i] = n.Shutdown(ctx)
			})
		}
		start := time.Now()
		wg.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
		for _, err := range errs {
			if left(err) != 2 {
				t.Errorf("%v", err)
			}
		}
	})
}

// TestShutdownFromWithin is called by what it waits for: it begins, and does not wait.
func TestShutdownFromWithin(t *testing.T) {
	within := func(*testing.T, *network, *node.Node, func()) {}
	for name, c := range map[string]struct {
		add func(n *node.Node, shutdown func(context.Context) error)
		do  func(t *testing.T, w *network, n *node.Node, shutdown func())
	}{
		"a handler of the bus": {add: func(n *node.Node, shutdown func(context.Context) error) {
			n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: func(ctx context.Context, _ *bus.AnyEvent) error { return shutdown(ctx) }}}}))
		}, do: func(t *testing.T, _ *network, n *node.Node, _ func()) {
			say(t, publisher(t, n.Bus(), "emit.ann.hello"), "a", 1)
		}},
		"a direct handler": {add: func(n *node.Node, shutdown func(context.Context) error) {
			n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Direct: true, Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: func(ctx context.Context, _ *bus.AnyEvent) error { return shutdown(ctx) }}}}))
		}, do: func(t *testing.T, _ *network, n *node.Node, _ func()) {
			say(t, publisher(t, n.Bus(), "emit.ann.hello"), "a", 1)
		}},
		"a handler of a transport": {add: func(n *node.Node, shutdown func(context.Context) error) {
			n.AddSubscription(node.Subscription{Name: "in", Routes: []node.Route{{Pattern: "emit.#", Via: []string{"x"}, Take: func(context.Context, *bus.AnyEvent) error { return shutdown(context.Background()) }}}})
		}, do: func(t *testing.T, w *network, _ *node.Node, _ func()) {
			foreign(t, w, transport.Envelope{Topic: "emit.ann.hello"}, "\x80")
		}},
		"a send": {do: func(t *testing.T, _ *network, n *node.Node, shutdown func()) {
			if err := n.Send(func() error { shutdown(); return nil }); err != nil {
				t.Error(err)
			}
			if err := n.Send(func() error { return errNo }); !errors.Is(err, errNo) && !errors.Is(err, transport.ErrClosed) {
				t.Errorf("%v", err)
			}
		}},
		"a machine that is opened": {add: func(n *node.Node, shutdown func(context.Context) error) {
			m := machineOf("bob")
			m.Open = shutdown
			n.AddMachine(m)
		}, do: within},
		"a machine that is closed": {add: func(n *node.Node, shutdown func(context.Context) error) {
			m := machineOf("bob")
			m.Close = shutdown
			n.AddMachine(m)
		}, do: func(_ *testing.T, _ *network, _ *node.Node, shutdown func()) { shutdown() }},
		"OnError": {add: func(n *node.Node, _ func(context.Context) error) {
			n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: func(context.Context, *bus.AnyEvent) error { return errNo }}}}))
		}, do: func(t *testing.T, _ *network, n *node.Node, _ func()) {
			say(t, publisher(t, n.Bus(), "emit.ann.hello"), "a", 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, w *network) {
				var n *node.Node
				called := 0
				shutdown := func(ctx context.Context) error {
					called++
					return n.Shutdown(ctx)
				}
				n = node.New(w.plan("here", []string{"x"}), node.Config{OnError: func(error) { _ = shutdown(context.Background()) }})
				if c.add != nil {
					c.add(n, shutdown)
				}
				if err := n.Start(t.Context()); err != nil {
					t.Error(err)
				}
				c.do(t, w, n, func() { _ = shutdown(context.Background()) })
				synctest.Wait()
				time.Sleep(time.Second) // it looks now and then
				if n.Ready() || called == 0 || w.port("x", "here").open() == nil {
					t.Errorf("ready %v, called %d times", n.Ready(), called)
				}
				shut(t, n)
			})
		})
	}
}

// TestShutdownWhileItStarts ends the ctx of a machine that is being opened, and waits for it;
// what was opened is closed.
func TestShutdownWhileItStarts(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var log heard
		n := node.New(w.plan("here", []string{"x"}), node.Config{})
		m := steps(&log, "slow", "")
		m.Open = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		n.AddMachine(steps(&log, "quick", ""))
		n.AddMachine(m)
		start := make(chan error, 1)
		go func() { start <- n.Start(context.Background()) }()
		synctest.Wait()
		if err := n.Start(t.Context()); err == nil || errors.Is(err, transport.ErrClosed) {
			t.Errorf("a second Start: %v", err)
		}
		shut(t, n)
		if err := <-start; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		log.expect(t, "the log", "quick connect", "slow connect", "quick open", "slow close", "quick close")
	})
}

// TestAllAtOnce has starts, shutdowns, sends and looks be called at once, many times.
func TestAllAtOnce(t *testing.T) {
	for range 200 {
		w := newNetwork()
		n := node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.#", Local: true, Via: []string{"x"}, Take: new(heard).take}}}))
		p := publisher(t, n.Bus(), "emit.ann.hello")
		var all sync.WaitGroup
		for _, f := range []func(){
			func() { _ = n.Start(context.Background()) }, func() { _ = n.Start(context.Background()) },
			func() { shut(t, n) }, func() { shut(t, n) }, func() { n.Ready() },
			func() { _ = n.Send(func() error { return p.Publish(context.Background(), &said{}) }) },
		} {
			all.Go(f)
		}
		all.Wait()
		shut(t, n)
		if n.Ready() {
			t.Error("it is ready")
		}
		w.close()
	}
}

// TestShutdownSaysAll joins the errors of all that it closes.
func TestShutdownSaysAll(t *testing.T) {
	var log heard
	n := node.New(&node.Plan{Node: "here"}, node.Config{})
	n.AddMachine(steps(&log, "a", "close"))
	n.AddMachine(node.Machine{ID: "idle"})
	n.AddMachine(steps(&log, "b", "close"))
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := n.Shutdown(t.Context())
	if err == nil || err.Error() != "node: the machine b: no\nnode: the machine a: no" || !errors.Is(err, errNo) {
		t.Errorf("%v", err)
	}
}

// TestWhatAMachineSaysLast is too late for machines of its node, and left; who else hears it
// does, in the process and elsewhere.
func TestWhatAMachineSaysLast(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var got, near, far heard
		var told troubles
		listener(t, w, "there", "x", &far)
		n := node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{OnError: told.tell})
		bye := publisher(t, n.Bus(), "emit.ann.bye")
		m := machineOf("ann")
		m.Close = func(ctx context.Context) error { return bye.Publish(ctx, &said{From: "a", N: 1}) }
		n.AddMachine(m)
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: got.take}}}))
		n.AddSubscription(node.Subscription{Name: "near", Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: near.take}}})
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := n.Shutdown(t.Context()); left(err) != 1 {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		got.expect(t, "bob")
		near.expect(t, "a subscription", "a1")
		far.expect(t, "who is elsewhere", "a1")
		told.none(t)
	})
}

// TestSendsThatAreRunning are waited for, and later ones refused.
func TestSendsThatAreRunning(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var got heard
		n := node.New(w.plan("here", nil), node.Config{})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.#", Local: true, Take: got.take}}}))
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := publisher(t, n.Bus(), "emit.ann.hello")
		sent := make(chan error, 1)
		go func() {
			sent <- n.Send(func() error {
				time.Sleep(time.Minute)
				return p.Publish(t.Context(), &said{From: "a", N: 1})
			})
		}()
		synctest.Wait()
		shut(t, n)
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if err := n.Send(func() error { t.Error("it is called"); return nil }); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("%v", err)
		}
		got.expect(t, "bob", "a1")
	})
}
