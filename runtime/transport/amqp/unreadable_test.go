package amqp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// pack is a pack's body with events of the given bodies, and the headers that go with it.
func pack(count any, bodies ...string) amqp091.Publishing {
	var b []byte
	for _, body := range bodies {
		b = codec.AppendMap(b, 0)
		b = append(binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(len(body))), body...) // a bin of any length
	}
	return amqp091.Publishing{ContentType: "application/x-xsgen-pack", Headers: amqp091.Table{"x-xsgen-count": count}, Body: b}
}

// with is a message with another body.
func with(p amqp091.Publishing, body []byte) amqp091.Publishing {
	p.Body = body
	return p
}

// unreadable are messages that no publisher of ours would send, by what is wrong with them.
var unreadable = map[string]amqp091.Publishing{
	"a body that is too long":               {Body: make([]byte, codec.MaxSize+1)},
	"a topic that is none":                  {Headers: amqp091.Table{"x-xsgen-topic": "event..x"}},
	"a key that is no text":                 {Headers: amqp091.Table{"x-xsgen-key": "\xff"}},
	"a key that is too long":                {Headers: amqp091.Table{"x-xsgen-key": strings.Repeat("k", 256)}},
	"headers that are too long":             {Headers: amqp091.Table{"a": strings.Repeat("a", 65<<10)}},
	"a pack without a number":               pack("two", "x", "y"),
	"a pack of less than none":              pack(int64(-1), "x"),
	"a pack of more than there are bytes":   pack(int64(1<<40), "x"),
	"a pack of more than there are":         pack(int64(3), "xxxx", "yyyy"),
	"a pack of fewer than there are":        pack(int64(1), "x", "y"),
	"a pack that ends early":                with(pack(int64(2)), []byte{0x80, 0xc4, 1, 'x', 0x80, 0xc4, 9, 'y'}),
	"a pack that claims 4 GiB":              with(pack(int64(1)), []byte{0x80, 0xc6, 0xff, 0xff, 0xff, 0xff}),
	"a pack that is too deep":               with(pack(int64(1)), append(bytes.Repeat([]byte{0x91}, 1000), 0xc4, 0)),
	"a pack that is too long":               pack(int64(2), strings.Repeat("x", codec.MaxSize), strings.Repeat("y", codec.MaxSize)),
	"a pack with an event that is too long": pack(int64(1), strings.Repeat("x", codec.MaxSize+1)),
}

// TestUnreadable has a foreign client send what cannot be read, or is too long: each is counted and
// has a dead letter, at once, and the next event is handled.
func TestUnreadable(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	ch := l.channel()
	leaksNothing(t)
	n := l.node("reader")
	letters := make(chan *transport.Message, 10)
	keep := func(_ context.Context, d *transport.Delivery) error { letters <- d.Clone(); return nil }
	if _, err := n.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"error.#"}, Receive: transport.Serve(1, keep)}); err != nil {
		t.Fatal(err)
	}
	p := jobs
	p.DeadLetter = true
	var handled atomic.Int32
	s, err := n.Subscribe(t.Context(), transport.SubscribeRequest{
		Name: "jobs", Patterns: []topic.Pattern{"event.job.#"}, Profile: p,
		Receive: transport.Serve(1, func(context.Context, *transport.Delivery) error { handled.Add(1); return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range unreadable {
		if err := ch.Publish(l.prefix+".events", "event.job.do", false, false, m); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool { return len(letters) > 0 }, "%s leads to a dead letter", name)
		letter := <-letters
		var f transport.Failure
		if err := f.UnmarshalMsgpack(letter.Body); err != nil || letter.Topic != "error.job.decode" || f.Attempts != 1 || !bytes.HasPrefix(m.Body, f.Original) {
			t.Errorf("%s: the letter is of %s, %d attempts, %q, %v", name, letter.Topic, f.Attempts, f.Message, err)
		}
	}
	if err := ch.Publish(l.prefix+".events", "event.job.do", false, false, pack(int64(2), "x", "y")); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return handled.Load() == 2 }, "the next events are handled")
	if st := s.Stats(); int(st.Dead) != len(unreadable) || st.Retried > 0 || st.Balance() != 0 {
		t.Errorf("%d were unreadable: %+v", len(unreadable), st)
	}
	shut(t, n)
}

// TestUnreadableRequest has a request that is too long, past the limit that its node has: who has
// asked is told.
func TestUnreadableRequest(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	n, asker := l.node("reader", amqp.MaxBody(100)), l.node("writer")
	_, err := n.Subscribe(t.Context(), transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.job.#"}, Receive: transport.Serve(1, func(context.Context, *transport.Delivery) error { return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = asker.Request(t.Context(), &transport.Message{Envelope: transport.Envelope{Topic: "event.job.do"}, Body: make([]byte, 101)})
	if err == nil || !strings.Contains(err.Error(), "101 bytes") {
		t.Errorf("the answer is %v", err)
	}
	shut(t, n, asker)
}

// TestLargeDeadLetter has an event fail that is as long as one may be: who hears of errors can read
// its dead letter, which has as much of it as there is room for.
func TestLargeDeadLetter(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	n := l.node("reader")
	letters := make(chan *transport.Message, 1)
	keep := func(_ context.Context, d *transport.Delivery) error { letters <- d.Clone(); return nil }
	if _, err := n.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"error.#"}, Receive: transport.Serve(1, keep)}); err != nil {
		t.Fatal(err)
	}
	_, err := n.Subscribe(t.Context(), transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.#"}, Profile: transport.Profile{DeadLetter: true},
		Receive: transport.Serve(1, func(context.Context, *transport.Delivery) error { return errors.New("no") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", codec.MaxSize)
	publish(t, n, body)
	until(t, func() bool { return len(letters) > 0 }, "there is a dead letter")
	var f transport.Failure
	if err := f.UnmarshalMsgpack((<-letters).Body); err != nil || len(f.Original) < codec.MaxSize*9/10 || !strings.Contains(f.Message, "is cut") {
		t.Errorf("%d bytes, %q, %v", len(f.Original), f.Message, err)
	}
	shut(t, n)
}
