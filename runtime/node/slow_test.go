package node_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// stuck is a transport that takes nothing until ctx ends or the publish-timeout passes, or
// the channel is closed.
func stuck(release <-chan struct{}) func(context.Context, *transport.Message) error {
	return func(ctx context.Context, m *transport.Message) error {
		var late <-chan time.Time
		if m.Profile != nil && m.Profile.PublishTimeout > 0 {
			late = time.After(m.Profile.PublishTimeout)
		}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return transport.TimeoutError(ctx.Err())
		case <-late:
			return transport.ErrTimeout
		}
	}
}

// TestATransportThatIsStuck delays its publisher, and nobody who hears the event
// elsewhere: neither in the process, those included who have subscribed later or to one
// key, nor by another transport.
func TestATransportThatIsStuck(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var near, late, key, far heard
		n := node.New(w.plan("here", []string{"x", "y"}, node.Outgoing{Pattern: "emit.cell.#", Via: "x"}, node.Outgoing{Pattern: "emit.cell.#", Via: "y"}), node.Config{})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Routes: []node.Route{{Pattern: "emit.cell.#", Local: true, Take: near.take}}}))
		listener(t, w, "there", "y", &far, func(in *node.Inbox) { in.Routes[0].Pattern = "emit.cell.#" })
		started(t, n)
		release := make(chan struct{})
		w.port("x", "here").hold(stuck(release))
		for pattern, h := range map[topic.Pattern]*heard{"emit.cell.+.split": &late, "emit.cell.k.split": &key} {
			if _, err := bus.SubscribeAny(n.Bus(), pattern, h.take); err != nil {
				t.Fatal(err)
			}
		}
		p, err := bus.NewKeyedPublisher[said](n.Bus(), topic.MustFamily("emit.cell", "split"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- p.Publish(t.Context(), "k", &said{From: "a", N: 1}) }()
		synctest.Wait()
		for who, h := range map[string]*heard{"who is near": &near, "who is late": &late, "who hears a key": &key, "who is far": &far} {
			h.expect(t, who, "a1")
		}
		if len(done) > 0 {
			t.Error("the publish did not wait for the transport")
		}
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestAQueueThatIsFull delays its publisher, if its profile blocks, until there is room, or no
// longer than its publish-timeout. Who is far gets the event at once, and each event once.
func TestAQueueThatIsFull(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var near, far heard
		room := make(chan struct{})
		n := node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{})
		n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Profile: transport.Profile{Capacity: 1, PublishTimeout: time.Second}, Routes: []node.Route{
			{Pattern: "emit.ann.*", Local: true, Take: func(ctx context.Context, e *bus.AnyEvent) error {
				<-room
				return near.take(ctx, e)
			}},
		}}))
		listener(t, w, "there", "x", &far)
		started(t, n)
		p := publisher(t, n.Bus(), "emit.ann.hello")
		done := make(chan error, 1)
		publish := func(from string) {
			go func() { done <- p.Publish(t.Context(), &said{From: from, N: 1}) }()
			synctest.Wait()
		}
		say(t, p, "a", 1) // fills the queue
		start := time.Now()
		publish("b")
		far.expect(t, "who is far, while there is no room,", "a1", "b1")
		if err := <-done; !errors.Is(err, bus.ErrTimeout) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		publish("c")
		far.expect(t, "who is far, while there is no room again,", "a1", "b1", "c1")
		close(room)
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		far.expect(t, "who is far", "a1", "b1", "c1")
		near.expect(t, "who is near", "a1", "c1")
	})
}

// TestAQueueThatIsFullAndDoesNotBlock holds nobody back.
func TestAQueueThatIsFullAndDoesNotBlock(t *testing.T) {
	for overflow, want := range map[transport.Overflow]error{transport.DropOldest: nil, transport.DropNewest: nil, transport.Reject: bus.ErrFull} {
		inNetwork(t, func(t *testing.T, w *network) {
			var far heard
			room := make(chan struct{})
			n := node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{})
			n.AddMachine(machineOf("bob", node.Inbox{Name: "bob", Profile: transport.Profile{Capacity: 1, Overflow: overflow}, Routes: []node.Route{
				{Pattern: "emit.ann.*", Local: true, Take: func(context.Context, *bus.AnyEvent) error { <-room; return nil }},
			}}))
			listener(t, w, "there", "x", &far)
			started(t, n)
			p := publisher(t, n.Bus(), "emit.ann.hello")
			say(t, p, "a", 1)
			synctest.Wait() // it is being handled
			start := time.Now()
			if err := p.Publish(t.Context(), &said{From: "b", N: 1}); !errors.Is(err, want) || time.Since(start) > 0 {
				t.Errorf("%v: %v after %v", overflow, err, time.Since(start))
			}
			synctest.Wait()
			far.expect(t, "who is far", "a1", "b1")
			close(room)
		})
	}
}

// TestPublishTimeout bounds how long a transport is waited for, each by its own profile; the
// error says which messages are not sent, and can be sent again.
func TestPublishTimeout(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		var far heard
		profile := func(d time.Duration) transport.Profile { return transport.Profile{PublishTimeout: d} }
		n := started(t, node.New(w.plan("here", []string{"x", "y", "z"},
			node.Outgoing{Pattern: "emit.ann.hello", Via: "x", Profile: profile(time.Second)},
			node.Outgoing{Pattern: "emit.ann.*", Via: "x", Profile: profile(3 * time.Second)},
			node.Outgoing{Pattern: "emit.ann.*", Via: "y", Profile: profile(2 * time.Second)},
			hellos("z")), node.Config{}))
		listener(t, w, "there", "z", &far)
		for _, name := range []string{"x", "y"} {
			w.port(name, "here").hold(stuck(nil))
		}
		start := time.Now()
		err := publisher(t, n.Bus(), "emit.ann.hello").Publish(t.Context(), &said{From: "a", N: 1})
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		e, ok := errors.AsType[*transport.PublishError](err)
		if !ok || !errors.Is(err, transport.ErrTimeout) || e.Outcome() != transport.OutcomeNotSent || !e.Retryable() {
			t.Errorf("%v", err)
		}
		if both, ok := err.(interface{ Unwrap() []error }); !ok || len(both.Unwrap()) != 2 {
			t.Errorf("%v", err)
		}
		far.expect(t, "who is far", "a1")
		for _, name := range []string{"x", "y"} { // what was not sent has used no number
			w.port(name, "here").hold(func(context.Context, *transport.Message) error { return nil })
		}
		say(t, publisher(t, n.Bus(), "emit.ann.hello"), "b", 1)
		for name, want := range map[string]uint64{"x": 1, "y": 1, "z": 2} {
			if sent := w.port(name, "here").sent(); sent[len(sent)-1].Seq != want {
				t.Errorf("%s: %+v", name, sent)
			}
		}
	})
}

// TestWhoeverWaitsForATurn waits no longer than its publish may, and gives the number back
// that it did not use: nobody takes it for a gap.
func TestWhoeverWaitsForATurn(t *testing.T) {
	inNetwork(t, func(t *testing.T, w *network) {
		n := started(t, node.New(w.plan("here", []string{"x"}, hellos("x")), node.Config{}))
		release := make(chan struct{})
		w.port("x", "here").hold(stuck(release))
		p := publisher(t, n.Bus(), "emit.ann.hello")
		done := make(chan error, 2)
		go func() { done <- p.Publish(t.Context(), &said{From: "a", N: 1}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Publish(ctx, &said{From: "b", N: 1}); !errors.Is(err, transport.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		other := publisher(t, n.Bus(), "emit.ann.bye") // has a line of its own
		go func() { done <- other.Publish(t.Context(), &said{From: "c", N: 1}) }()
		synctest.Wait()
		close(release)
		if err := errors.Join(<-done, <-done); err != nil {
			t.Error(err)
		}
		say(t, p, "d", 1)
		seqs := map[topic.Name][]uint64{}
		for _, e := range w.port("x", "here").sent() {
			seqs[e.Topic] = append(seqs[e.Topic], e.Seq)
		}
		if got := seqs["emit.ann.hello"]; len(got) != 2 || got[0] != 1 || got[1] != 2 {
			t.Errorf("%v", got)
		}
	})
}
