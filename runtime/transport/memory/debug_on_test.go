//go:build xsgendebug

package memory_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
)

// TestKeptAfterSettle has a receiver keep what it got; another one, which has not settled
// the message yet, has it as it was.
func TestKeptAfterSettle(t *testing.T) {
	tr := memory.New()
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
