//go:build linux || darwin

package zeromq_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

// TestKeysWithoutMeaning has what outlives no process be asked for, where it can be.
func TestKeysWithoutMeaning(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	depot := openNode(t, zeromq.Config{Node: "depot", Dir: dir})
	p := transport.Profile{Durable: transport.Durable}
	got := make(chan string, 1)
	_, err := depot.Subscribe(t.Context(), transport.SubscribeRequest{Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: p, Receive: func(_ context.Context, d *transport.Delivery) {
		got <- d.ID
		_ = d.Settle(nil)
	}})
	if err != nil {
		t.Fatal(err)
	}
	m := job("durable")
	m.Profile = &p
	if err := transport.Publish(t.Context(), web, m); err != nil || <-got != "durable" {
		t.Error(err)
	}
}

// TestConfirm has a peer not say that it has a message: who wants to know waits, and who does
// not is not told.
func TestConfirm(t *testing.T) {
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	c := dealer(t, dir)
	c.hello(t, map[string]any{})
	begin := func(s transport.Switch) transport.Pending {
		m := job("x")
		m.Profile = &transport.Profile{Confirm: s}
		p, err := web.Begin(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if err := begin(transport.Off).Wait(t.Context()); err != nil {
		t.Error(err)
	}
	for i, s := range []transport.Switch{transport.Unset, transport.On} {
		p := begin(s)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		err := p.Wait(ctx)
		if e, ok := errors.AsType[*transport.PublishError](err); !ok || e.Outcome() != transport.OutcomeUnknown || !errors.Is(err, transport.ErrTimeout) {
			t.Errorf("before the peer has it: %v", err)
		}
		c.say(t, "ack", []int{i + 2})
		if err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	c.say(t, "ack", []int{3, 7, 1, 3, 0})
}

// TestAck has a peer be gone with messages that it has: with `ack: manual` they come again
// to the next one of the queue's name, and otherwise not.
func TestAck(t *testing.T) {
	for _, keep := range []bool{true, false} {
		dir := shortDir(t)
		web := openNode(t, zeromq.Config{Node: "web", Dir: dir, OnError: func(error) {}})
		c := dealer(t, dir)
		c.hello(t, map[string]any{"name": "jobs", "keep": keep})
		for _, id := range []string{"1", "2", "3"} {
			if _, err := web.Begin(t.Context(), job(id)); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if _, err := c.r.Read(); err != nil {
				t.Fatal(err)
			}
		}
		c.say(t, "ack", []int{3, 7, 2, 2, 0})
		eventually(t, "the acknowledgement has come", func() bool { return web.Kept() == map[bool]int{true: 2}[keep] })
		c.Close()
		again := dealer(t, dir)
		again.say(t, "hello", map[string]any{"version": 1, "node": "raw-0", "epoch": "another", "queues": []any{
			map[string]any{"id": 1, "name": "jobs", "keep": keep, "patterns": []string{"event.#"}}}})
		if _, err := again.r.Read(); err != nil { // welcome
			t.Fatal(err)
		}
		if _, err := web.Begin(t.Context(), job("4")); err != nil {
			t.Fatal(err)
		}
		want := map[bool][]string{true: {"1", "3", "4"}, false: {"4"}}[keep]
		for _, id := range want {
			m, err := again.r.Read()
			var e transport.Envelope
			if err == nil {
				err = e.UnmarshalMsgpack(m.Frames[1])
			}
			if err != nil || e.ID != id {
				t.Errorf("keep %v: %q came, want %q; %v", keep, e.ID, id, err)
			}
		}
		again.say(t, "ack", []int{100, 1, 1, 100, 0})
	}
}

// TestSensitive has the publisher, or the subscription, want buffers to be wiped: the other
// side is told.
func TestSensitive(t *testing.T) {
	for _, tt := range []struct{ publisher, subscription, want bool }{{true, false, true}, {false, true, true}, {false, false, false}} {
		dir := shortDir(t)
		web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
		c := dealer(t, dir)
		c.hello(t, map[string]any{"sensitive": tt.subscription, "overflow": transport.DropNewest})
		m := job("x")
		m.Profile = &transport.Profile{Sensitive: tt.publisher}
		if _, err := web.Begin(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got, err := c.r.Read()
		if err != nil {
			t.Fatal(err)
		}
		var marks []uint64
		if err := msgpack.Unmarshal(got.Frames[3], &marks); err != nil || (marks[2] == 1) != tt.want {
			t.Errorf("%+v: %v, %v", tt, marks, err)
		}
	}
}
