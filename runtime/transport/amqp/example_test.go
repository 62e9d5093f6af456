package amqp_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// hello connects to a broker and sends itself an event.
func hello(ctx context.Context, url, prefix string, got func(string)) error {
	t, err := amqp.New(url, amqp.Prefix(prefix), amqp.Node("web"))
	if err != nil {
		return err
	}
	defer t.Close(context.Background())
	if err := t.Status().Await(ctx, transport.Ready); err != nil {
		return err
	}
	done := make(chan struct{})
	_, err = t.Subscribe(ctx, transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.order.*"},
		Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
			defer close(done)
			got(fmt.Sprintf("%s: %s", d.Topic, d.Body))
			return nil
		}),
	})
	if err != nil {
		return err
	}
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.order.submit"}, Body: []byte("hello")}
	if err := transport.Publish(ctx, t, m); err != nil {
		return err
	}
	<-done
	return nil
}

// TestHello runs what docs/transport.md shows.
func TestHello(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got string
	if err := hello(ctx, l.url, l.prefix, func(s string) { got = s }); err != nil || got != "event.order.submit: hello" {
		t.Errorf("%q, %v", got, err)
	}
}
