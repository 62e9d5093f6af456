//go:build linux

package zeromq_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/internal/pyzmq"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

// startPython runs testdata/plain.py with libzmq's own binding.
func startPython(t *testing.T, args ...string) *pyzmq.Program {
	t.Helper()
	return pyzmq.Start(t, filepath.Join("testdata", "plain.py"), args...)
}

// cashiers is a group that the node web sends to.
var cashiers = transport.Queue{Group: "cashiers", Patterns: []topic.Pattern{"event.order.#"}}

func address(dir, name string) string { return "ipc://" + filepath.Join(dir, name+".sock") }

func payload(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.UseCompactInts(true)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func send(t *testing.T, n *zeromq.Transport, name topic.Name, body []byte) {
	t.Helper()
	m := &transport.Message{Envelope: transport.Envelope{Topic: name, Source: "web"}, Body: body}
	if err := transport.Publish(t.Context(), n, m); err != nil {
		t.Fatal(err)
	}
}

// TestPythonSubscribes has a SUB socket hear what begins with what it asks for, while
// heartbeats go to and fro.
func TestPythonSubscribes(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	p := startPython(t, "sub", address(dir, "web-0"))
	p.Ready()
	h := pyzmq.Heard{}
	for h.Topic == "" { // a SUB socket of a program is a slow joiner
		send(t, web, "state.order.first", payload(t, 0))
		select {
		case h = <-p.Lines:
		case <-time.After(10 * time.Millisecond):
		}
	}
	time.Sleep(time.Second) // several heartbeats: without answers the connection would be lost
	send(t, web, "emit.order.paid", payload(t, "not asked for"))
	send(t, web, "state.order.placed", payload(t, map[string]any{"state": "placed"}))
	for h.Topic != "state.order.placed" {
		if h = p.Next(); h.Disconnected || h.Topic == "emit.order.paid" {
			t.Fatalf("%+v", h)
		}
	}
	want := map[string]any{"state": "placed"}
	if fmt.Sprint(h.Payload) != fmt.Sprint(want) || h.Envelope["source"] != "web" || h.Envelope["topic"] != h.Topic || h.Envelope["id"] == "" {
		t.Errorf("%+v", h)
	}
}

// TestPythonPublishes has a PUSH socket send to a subscription.
func TestPythonPublishes(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	got := make(chan *transport.Message, 200)
	_, err := web.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"event.#"}, Receive: func(_ context.Context, d *transport.Delivery) {
		got <- d.Clone()
		_ = d.Settle(nil)
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := startPython(t, "push", address(dir, "web-0"))
	for i := range 100 {
		p.Do("event.order.submit", map[string]any{"id": fmt.Sprint("py-", i), "headers": map[string]any{"a": "b"}}, map[string]any{"n": i})
	}
	for i := range 100 {
		m := <-got
		if m.ID != fmt.Sprint("py-", i) || m.Topic != "event.order.submit" || m.Headers["a"] != "b" || !slices.Equal(m.Body, payload(t, map[string]any{"n": i})) {
			t.Fatalf("%d: %+v, %x", i, m, m.Body)
		}
	}
}

// TestPythonAsks has a REQ socket ask a subscription, and one that nobody hears.
func TestPythonAsks(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	_, err := web.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"event.order.quote"}, Receive: transport.Serve(1, func(ctx context.Context, d *transport.Delivery) error {
		return d.Reply(ctx, &transport.Message{Envelope: transport.Envelope{Type: "Quote"}, Body: d.Body})
	})})
	if err != nil {
		t.Fatal(err)
	}
	p := startPython(t, "request", address(dir, "web-0"))
	p.Do("event.order.quote", map[string]any{"correlation": "c1"}, "how much")
	if h := p.Next(); h.Payload != "how much" || h.Envelope["correlation"] != "c1" || h.Envelope["type"] != "Quote" {
		t.Errorf("%+v", h)
	}
}

// TestPythonPulls has two PULL sockets share the messages of a group.
func TestPythonPulls(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir, Queues: []transport.Queue{cashiers}})
	programs := []*pyzmq.Program{startPython(t, "pull", address(dir, "web-0.cashiers")), startPython(t, "pull", address(dir, "web-0.cashiers"))}
	for _, p := range programs {
		p.Ready()
	}
	const n = 100
	counts := [2]int{}
	for got := map[string]bool{}; len(got) < n; {
		if len(got) == 0 || counts[0] > 0 && counts[1] > 0 {
			send(t, web, "event.order.pay", payload(t, len(got)))
		} else {
			send(t, web, "event.order.pay", payload(t, -1))
		}
		for i, p := range programs {
			for more := true; more; {
				select {
				case h := <-p.Lines:
					id := fmt.Sprint(h.Envelope["id"])
					if got[id] {
						t.Fatalf("%s came twice", id)
					}
					got[id] = true
					counts[i]++
				case <-time.After(2 * time.Millisecond):
					more = false
				}
			}
		}
	}
	if counts[0] < n/4 || counts[1] < n/4 {
		t.Errorf("they got %v", counts)
	}
}

// TestPythonIsAMember has a DEALER socket be a member of a group with acknowledgements, as
// docs/wire.md says, and answer a request.
func TestPythonIsAMember(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir, Queues: []transport.Queue{cashiers}})
	p := startPython(t, "member", address(dir, "web-0"), "cashiers=event.order.#")
	p.Ready()
	for i := range 200 { // more than its capacity: without acknowledgements it would end
		send(t, web, "event.order.pay", payload(t, i))
	}
	for i := range 200 {
		if h := p.Next(); fmt.Sprint(h.Payload) != fmt.Sprint(i) {
			t.Fatalf("%d: %+v", i, h)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := web.Request(ctx, &transport.Message{Envelope: transport.Envelope{Topic: "event.order.quote"}, Body: payload(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Body, payload(t, map[string]any{"price": 42})) || m.Type != "Quote" {
		t.Errorf("%+v, %x", m, m.Body)
	}
}
