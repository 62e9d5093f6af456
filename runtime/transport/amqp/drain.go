package amqp

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Close implements transport.Transport.
func (t *Transport) Close(ctx context.Context) error {
	t.mu.Lock()
	first := t.closing.CompareAndSwap(false, true)
	t.mu.Unlock()
	if first {
		t.status.Set(transport.Draining, nil)
		go t.drain()
	}
	if transport.InReceiver(ctx) || transport.Drained(ctx, t.done) {
		return nil
	}
	t.requests.Close() // before they are told that the connection is lost
	left := 0
	for _, s := range t.all() {
		left += s.abandon()
	}
	left += t.publisher.close(transport.ErrClosed)
	t.giveUp.Do(func() { close(t.abandoned) })
	return &transport.DrainError{Left: left}
}

// all are the subscriptions that have not ended.
func (t *Transport) all() []*subscription {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.AppendSeq(make([]*subscription, 0, len(t.subs)), maps.Keys(t.subs))
}

// drain ends subscriptions, and then the connections. It is the goroutine of Close.
func (t *Transport) drain() {
	var subs sync.WaitGroup
	for _, s := range t.all() {
		s.leave.Do(func() { close(s.leaving) })
		subs.Go(func() { <-s.done })
	}
	subs.Wait()
	t.publisher.drain(t.abandoned)
	t.requests.Close()
	t.deleted()
	t.cancel()
	t.publisher.close(transport.ErrClosed)
	t.consuming.Wait()
	t.running.Wait()
	t.links.Wait()
	t.status.Set(transport.Closed, nil)
	close(t.done)
}

// deleted waits, but not for long, until subscriptions that were given up have deleted what only
// they have needed.
func (t *Transport) deleted() {
	done := make(chan struct{})
	t.running.Go(func() {
		defer close(done)
		t.consuming.Wait()
	})
	select {
	case <-done:
	case <-time.After(closeTimeout): // what is left expires
	}
}
