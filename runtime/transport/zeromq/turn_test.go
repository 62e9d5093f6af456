//go:build linux || darwin

package zeromq_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

// turns are two processes: in one of them receivers are called by who reads the connection.
type turns struct {
	*testing.T
	web, depot *zeromq.Transport
	heard      chan string // ids
	let        chan struct{}
}

func newTurns(t *testing.T) *turns {
	dir := shortDir(t)
	x := &turns{
		T: t, web: openNode(t, zeromq.Config{Node: "web", Dir: dir}), depot: openNode(t, zeromq.Config{Node: "depot", Dir: dir}),
		heard: make(chan string, 1000), let: make(chan struct{}),
	}
	x.subscribe("event.a.*", x.receive)
	x.subscribe("event.b", func(_ context.Context, d *transport.Delivery) {
		x.heard <- d.ID
		_ = d.Settle(nil)
	})
	return x
}

func (x *turns) subscribe(p topic.Pattern, f transport.Receiver) {
	if _, err := x.depot.Subscribe(x.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{p}, Receive: f}); err != nil {
		x.Error(err)
	}
}

// receive does what the topic says.
func (x *turns) receive(ctx context.Context, d *transport.Delivery) {
	id := d.ID
	switch d.Topic {
	case "event.a.hold":
		x.heard <- "holds"
		<-x.let
	case "event.a.end":
		_ = d.Settle(nil)
		x.heard <- "ends"
		runtime.Goexit()
	case "event.a.subscribe":
		x.subscribe("event.c", func(_ context.Context, d *transport.Delivery) { _ = d.Settle(nil) })
	}
	_ = d.Settle(nil)
	x.heard <- id
}

func (x *turns) publish(name topic.Name, id string) {
	x.Helper()
	if _, err := x.web.Begin(x.Context(), &transport.Message{Envelope: transport.Envelope{ID: id, Topic: name}}); err != nil {
		x.Fatal(err)
	}
}

func (x *turns) hears(id string) {
	x.Helper()
	select {
	case got := <-x.heard:
		if got != id {
			x.Fatalf("%s is heard, not %s", got, id)
		}
	case <-time.After(30 * time.Second):
		x.Fatalf("%s is not heard", id)
	}
}

// prove has the receiver be called by who reads: a busy machine may make it look slow.
func (x *turns) prove() {
	x.Helper()
	for until := time.Now().Add(30 * time.Second); ; {
		before := x.depot.Calls()
		x.publish("event.a.brisk", "proof")
		x.hears("proof")
		if x.depot.Calls() > before {
			return
		}
		if time.Now().After(until) {
			x.Fatal("the receiver is never called by who reads")
		}
	}
}

// TestSlowReceiverHoldsUpNobody has a receiver that is called by who reads wait for what comes
// later by the same connection, also if that has been read already.
func TestSlowReceiverHoldsUpNobody(t *testing.T) {
	x := newTurns(t)
	for range 3 {
		x.prove()
		x.publish("event.a.hold", "held")
		for i := range 200 {
			x.publish("event.a.brisk", strconv.Itoa(i))
		}
		x.publish("event.b", "passes")
		x.hears("holds")
		x.hears("passes")
		x.let <- struct{}{}
		x.hears("held")
		for i := range 200 {
			x.hears(strconv.Itoa(i))
		}
	}
}

// TestReceiverSubscribes has a receiver that is called by who reads wait for an answer that
// comes by the same connection.
func TestReceiverSubscribes(t *testing.T) {
	x := newTurns(t)
	for range 3 {
		x.prove()
		x.publish("event.a.subscribe", "subscribed")
		x.hears("subscribed")
	}
}

// TestReceiverEndsReader has a receiver end the goroutine that reads: what it has got counts as
// taken all the same, and others go on.
func TestReceiverEndsReader(t *testing.T) {
	x := newTurns(t)
	for range 3 {
		x.prove()
		m := &transport.Message{Envelope: transport.Envelope{ID: "end", Topic: "event.a.end"}}
		if err := transport.Publish(t.Context(), x.web, m); err != nil {
			t.Fatal(err)
		}
		x.hears("ends")
		x.publish("event.b", "goes on")
		x.hears("goes on")
		x.publish("event.a.brisk", "as well")
		x.hears("as well")
	}
}
