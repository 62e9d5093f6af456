//go:build linux || darwin

package unix_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// pair are two processes, of which one has a subscription to event.a.* that does what the
// topic says, and one to event.b.
type pair struct {
	testing.TB
	near, far *unix.Transport
	heard     chan string // ids
	let       chan struct{}
}

func newPair(tb testing.TB) *pair {
	dir := tempDir(tb)
	p := &pair{
		TB: tb, near: open(tb, unix.Config{Dir: dir, Node: "near"}), far: open(tb, unix.Config{Dir: dir, Node: "far"}),
		heard: make(chan string, 1000), let: make(chan struct{}),
	}
	until(tb, "they are connected", func() bool { return p.near.Peers() == 1 && p.far.Peers() == 1 })
	subscribe(tb, p.far, transport.SubscribeRequest{Patterns: []topic.Pattern{"event.a.*"}, Receive: p.receive})
	subscribe(tb, p.far, transport.SubscribeRequest{Patterns: []topic.Pattern{"event.b"}, Receive: func(_ context.Context, d *transport.Delivery) {
		p.heard <- d.ID
		_ = d.Settle(nil)
	}})
	subscribe(tb, p.near, transport.SubscribeRequest{Patterns: []topic.Pattern{"event.question"}, Receive: transport.Serve(1, func(ctx context.Context, d *transport.Delivery) error {
		return d.Reply(ctx, &transport.Message{})
	})})
	return p
}

func (p *pair) receive(ctx context.Context, d *transport.Delivery) {
	id, name := d.ID, d.Topic
	switch name {
	case "event.a.hold":
		p.heard <- "holds"
		<-p.let
	case "event.a.end":
		p.heard <- "ends"
		runtime.Goexit()
	case "event.a.ask":
		if _, err := p.far.Request(ctx, &transport.Message{Envelope: transport.Envelope{Topic: "event.question"}}); err != nil {
			p.Error(err)
		}
	}
	_ = d.Settle(nil)
	p.heard <- id
}

// say publishes a message and waits until it was heard.
func (p *pair) say(name topic.Name, id string) {
	p.Helper()
	m := &transport.Message{Envelope: transport.Envelope{ID: id, Topic: name}}
	publish(p, p.near, m)
	p.hears(id)
}

func (p *pair) hears(id string) {
	p.Helper()
	select {
	case got := <-p.heard:
		if got != id {
			p.Fatalf("%s is heard, not %s", got, id)
		}
	case <-time.After(patience):
		p.Fatalf("%s is not heard", id)
	}
}

// hearBoth hears two ids in whichever order.
func (p *pair) hearBoth(a, b string) {
	p.Helper()
	select {
	case got := <-p.heard:
		if got == b {
			b = a
		} else if got != a {
			p.Fatalf("%s is heard, neither %s nor %s", got, a, b)
		}
		p.hears(b)
	case <-time.After(patience):
		p.Fatalf("neither %s nor %s is heard", a, b)
	}
}

// prove has readers call the receiver: a busy machine may make it look slow.
func (p *pair) prove() {
	p.Helper()
	until(p, "a reader calls a receiver", func() bool {
		before := p.far.Calls()
		p.say("event.a.brisk", "proof")
		return p.far.Calls() > before
	})
}

// TestSlowReceiverHoldsUpNobody has a receiver that a reader calls wait for what comes later
// by the same connection.
func TestSlowReceiverHoldsUpNobody(t *testing.T) {
	p := newPair(t)
	for range 3 {
		p.prove()
		publish(t, p.near, &transport.Message{Envelope: transport.Envelope{ID: "held", Topic: "event.a.hold"}})
		p.hears("holds")
		p.say("event.b", "passes")
		p.let <- struct{}{}
		p.hears("held")
	}
}

// TestSlowReceiverInBurst has a receiver that a reader calls wait while there is more in what
// was read: another goroutine goes on with that.
func TestSlowReceiverInBurst(t *testing.T) {
	p := newPair(t)
	for range 3 {
		p.prove()
		publish(t, p.near, &transport.Message{Envelope: transport.Envelope{ID: "held", Topic: "event.a.hold"}})
		for i := range 200 {
			publish(t, p.near, &transport.Message{Envelope: transport.Envelope{ID: strconv.Itoa(i), Topic: "event.a.brisk"}})
		}
		publish(t, p.near, &transport.Message{Envelope: transport.Envelope{ID: "passes", Topic: "event.b"}})
		p.hearBoth("holds", "passes")
		p.let <- struct{}{}
		p.hears("held")
		for i := range 200 {
			p.hears(strconv.Itoa(i))
		}
	}
}

// TestReceiverAsks has a receiver that a reader calls wait for a reply that comes by the same
// connection.
func TestReceiverAsks(t *testing.T) {
	p := newPair(t)
	for range 3 {
		p.prove()
		p.say("event.a.ask", "asked")
	}
}

// TestReceiverEndsReader has a receiver end the goroutine that reads.
func TestReceiverEndsReader(t *testing.T) {
	p := newPair(t)
	for range 3 {
		p.prove()
		publish(t, p.near, &transport.Message{Envelope: transport.Envelope{ID: "end", Topic: "event.a.end"}})
		p.hears("ends")
		p.say("event.b", "goes on")
		p.say("event.a.brisk", "goes on")
	}
}

// TestCloseWaitsForReceiver closes a transport while a reader calls a receiver.
func TestCloseWaitsForReceiver(t *testing.T) {
	p := newPair(t)
	p.prove()
	publish(t, p.near, &transport.Message{Envelope: transport.Envelope{ID: "held", Topic: "event.a.hold"}})
	p.hears("holds")
	closed := make(chan error)
	go func() { closed <- p.far.Close(context.Background()) }()
	until(t, "it is draining", func() bool { return p.far.Status().Get().State == transport.Draining })
	select {
	case err := <-closed:
		t.Errorf("Close returns %v before the receiver", err)
	case p.let <- struct{}{}:
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	p.hears("held")
}
