package node_test

import (
	"context"
	"errors"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// parcel is what a sender publishes, and label what its receiver takes.
type parcel struct{ to, what string }

type label struct{ text string }

func receiverOf(_ string, p *parcel) string { return p.to }

// labelOf fails for a parcel without anything in it.
func labelOf(key string, p *parcel) *label {
	if p.what == "" {
		panic(errEmpty)
	}
	return &label{key + ": " + p.what}
}

var errEmpty = errors.New("nothing is in it")

// unmapped wants the error of an expression that has failed, which is not tried again.
func unmapped(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*node.MappingError](err); !ok || !errors.Is(err, errEmpty) || e.Retryable() || !transport.IsPermanent(err) {
		t.Errorf("the error is %v", err)
	}
}

// TestMappedKeyed has events come as their receiver takes them, and by its key.
func TestMappedKeyed(t *testing.T) {
	b := bus.New()
	var got []string
	take := node.MappedKeyed(receiverOf, labelOf, func(_ context.Context, _ *bus.AnyEvent, key string, l *label) error {
		got = append(got, key+" gets "+l.text)
		return nil
	})
	sub, err := bus.SubscribeAny(b, "event.#", take, bus.Direct())
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close(t.Context())
	p, err := bus.NewKeyedPublisher[parcel](b, topic.MustFamily("event.post", "sent"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context(), "ann", &parcel{"bob", "a book"}); err != nil || len(got) != 1 || got[0] != "bob gets ann: a book" {
		t.Errorf("%q, %v", got, err)
	}
	unmapped(t, p.Publish(t.Context(), "ann", &parcel{to: "bob"}))
	other, err := bus.NewPublisher[label](b, "event.other")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Publish(t.Context(), &label{}); !errors.Is(err, bus.ErrTypeMismatch) {
		t.Errorf("an event of another type: %v", err)
	}
}

// TestKeyedWire has a machine's events published as their receiver takes them, under its key.
func TestKeyedWire(t *testing.T) {
	b := bus.New()
	var got []string
	sub, err := bus.SubscribeAny(b, "event.#", func(_ context.Context, e *bus.AnyEvent) error {
		got = append(got, string(e.Topic())+" gets "+e.Value().(*label).text)
		return nil
	}, bus.Direct())
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close(t.Context())
	known := func(key string, _ *parcel) bool { return key != "" }
	wire, err := node.NewKeyedWire(b, topic.MustFamily("event.post", "labelled"), known, receiverOf, labelOf)
	if err != nil {
		t.Fatal(err)
	}
	if err := wire(t.Context(), "1", "ann", &parcel{"bob", "a book"}); err != nil {
		t.Error(err)
	}
	if err := wire(t.Context(), "2", "", &parcel{"bob", "a bomb"}); err != nil {
		t.Error(err)
	}
	if len(got) != 1 || got[0] != "event.post.bob.labelled gets ann: a book" {
		t.Errorf("%q", got)
	}
	unmapped(t, wire(t.Context(), "3", "ann", &parcel{to: "bob"}))
}
