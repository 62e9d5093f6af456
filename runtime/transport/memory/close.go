package memory

import (
	"context"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Subscribe implements transport.Transport. What is published after it has returned is
// delivered. No message is lost on the way, so that OnGap is never called.
func (t *Transport) Subscribe(ctx context.Context, r transport.SubscribeRequest) (transport.Subscription, error) {
	if err := transport.CheckSubscribe(ctx, t, &r); err != nil {
		return nil, err
	}
	m, err := t.node.Subscribe(r)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Close implements transport.Transport.
func (t *Transport) Close(ctx context.Context) error {
	if t.node.Shut() {
		t.status.Set(transport.Draining, nil)
		go t.drain()
	}
	if transport.InReceiver(ctx) || transport.Drained(ctx, t.done) {
		return nil
	}
	t.requests.Close() // before they are told that there is no reply
	return &transport.DrainError{Left: t.node.Abandon()}
}

// drain is the goroutine of Close.
func (t *Transport) drain() {
	t.node.Drain()
	t.requests.Close()
	t.status.Set(transport.Closed, nil)
	close(t.done)
}
