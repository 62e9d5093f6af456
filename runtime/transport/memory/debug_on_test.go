//go:build xsgendebug

package memory

import (
	"bytes"
	"context"
	"testing"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestReleasedBuffer looks at a buffer that two subscriptions have shared: it is
// overwritten with the last reference, and no other message gets it.
func TestReleasedBuffer(t *testing.T) {
	tr := New()
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: []byte("sound")}
	p := tr.pack(m, []*line{newLine(tr, transport.SubscribeRequest{})})
	p.retain()
	body := p.Body
	p.release()
	if string(body) != "sound" {
		t.Errorf("%q is overwritten though somebody has it", body)
	}
	p.release()
	if !bytes.Equal(body, []byte("\xc1\xc1\xc1\xc1\xc1")) {
		t.Errorf("%q is left, which nobody has", body)
	}
	if b := buffers.Get().(*[]byte); cap(*b) > 0 {
		t.Error("the buffer is used again")
	}
}

// TestKeptAfterSettle has a receiver keep what it got; another one, which has not settled
// the message yet, has it as it was.
func TestKeptAfterSettle(t *testing.T) {
	tr := New()
	got := make(chan *transport.Delivery, 2)
	for range 2 {
		_, err := tr.Subscribe(t.Context(), transport.SubscribeRequest{
			Patterns: []topic.Pattern{"#"}, Receive: func(_ context.Context, d *transport.Delivery) { got <- d },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a", ID: "7", Headers: map[string]string{"a": "b"}}, Body: []byte("sound")}
	if err := transport.Publish(t.Context(), tr, m); err != nil {
		t.Fatal(err)
	}
	first, second := <-got, <-got
	body, headers := first.Body, first.Headers
	if err := first.Settle(nil); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(body, []byte("s")) || headers["a"] == "b" || first.ID == "7" {
		t.Errorf("the message can still be read: %q, %v, %s", body, headers, first.ID)
	}
	if string(second.Body) != "sound" || second.Headers["a"] != "b" || second.ID != "7" {
		t.Errorf("the other one has %+v", second.Message)
	}
	if err := second.Settle(nil); err != nil {
		t.Fatal(err)
	}
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
