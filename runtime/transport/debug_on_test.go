//go:build xsgendebug

package transport_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// unsound looks for something of what a message was.
func unsound(t *testing.T, name string, m *transport.Message, headers map[string]string, body []byte) {
	t.Helper()
	e := &m.Envelope
	for _, s := range []string{e.ID, e.Type, e.Source, e.Key, e.Causation, e.Epoch, e.Group, e.Schema, string(m.Body), string(body)} {
		if s == "" || strings.Contains(s, "sound") {
			t.Errorf("%s: %q is left, which was given back", name, s)
		}
	}
	if headers["a"] != "" || !e.Time.IsZero() || e.Seq == 1 || e.Attempt == 1 {
		t.Errorf("%s: %v and %+v are left", name, headers, e)
	}
}

// TestUseAfterSettle keeps a delivery, its headers and its body beyond Settle.
func TestUseAfterSettle(t *testing.T) {
	const s = "sound"
	sent := transport.Message{Envelope: transport.Envelope{
		ID: s, Type: s, Source: s, Key: s, Causation: s, Epoch: s, Group: s, Schema: s,
		Headers: map[string]string{"a": s}, Time: time.Unix(1, 0), Seq: 1, Attempt: 1, Topic: "event.a", ReplyTo: "here",
	}, Body: []byte(s)}
	for name, settle := range map[string]error{"handled": nil, "failed": errors.New("broken")} {
		var d transport.Delivery
		d.Init(&sent, &fake{})
		headers, body, clone := d.Headers, d.Body, d.Clone()
		if string(body) != s {
			t.Fatalf("it has %q", body)
		}
		if err := d.Settle(settle); err != nil {
			t.Fatal(err)
		}
		unsound(t, name, &d.Message, headers, body)
		if string(clone.Body) != s || clone.Headers["a"] != s || clone.ID != s {
			t.Errorf("a clone is %+v", clone)
		}
		if err := d.Reply(t.Context(), &transport.Message{}); err != transport.ErrStale {
			t.Errorf("a reply after Settle is %v", err)
		}
	}
	if string(sent.Body) != s || sent.Headers["a"] != s {
		t.Errorf("what others have is %+v", sent)
	}
}

// taker has the guarantees that CheckSubscribe asks for.
type taker struct{ transport.Transport }

func (taker) Check(transport.Profile) error { return nil }

// TestUseAfterFilter keeps a message that a filter was asked about.
func TestUseAfterFilter(t *testing.T) {
	var kept *transport.Message
	r := transport.SubscribeRequest{Patterns: []topic.Pattern{"#"}, Receive: func(context.Context, *transport.Delivery) {}, Where: func(m *transport.Message) bool {
		kept = m
		return string(m.Body) == "sound"
	}}
	if err := transport.CheckSubscribe(t.Context(), taker{}, &r); err != nil {
		t.Fatal(err)
	}
	sent := &transport.Message{Envelope: transport.Envelope{ID: "sound"}, Body: []byte("sound")}
	if !r.Where(sent) || sent.ID != "sound" || string(sent.Body) != "sound" {
		t.Errorf("the filter was asked about %+v", sent)
	}
	if kept.ID == "sound" || string(kept.Body) == "sound" {
		t.Error("what the filter has kept is sound")
	}
}
