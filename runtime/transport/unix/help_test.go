//go:build linux || darwin

package unix_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// open opens a node that is closed with the test.
func open(tb testing.TB, c unix.Config) *unix.Transport {
	tb.Helper()
	t, err := unix.New(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { shut(tb, t) })
	if err := t.Status().Await(tb.Context(), transport.Ready); err != nil {
		tb.Fatal(err)
	}
	return t
}

// shut closes a node, whatever is left.
func shut(tb testing.TB, t *unix.Transport) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = t.Close(ctx)
}

func until(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("it never happened that %s", what)
		}
	}
}

// box keeps the ids of what it gets.
type box struct {
	mu  sync.Mutex
	ids []string
}

func (b *box) receive(_ context.Context, d *transport.Delivery) {
	b.mu.Lock()
	b.ids = append(b.ids, d.ID)
	b.mu.Unlock()
	_ = d.Settle(nil)
}

func (b *box) list() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.ids...)
}

func (b *box) wait(tb testing.TB, n int) []string {
	tb.Helper()
	until(tb, fmt.Sprint(n, " messages came"), func() bool { return len(b.list()) >= n })
	return b.list()
}

func subscribe(tb testing.TB, t *unix.Transport, r transport.SubscribeRequest) transport.Subscription {
	tb.Helper()
	if r.Patterns == nil {
		r.Patterns = []topic.Pattern{"event.#"}
	}
	s, err := t.Subscribe(tb.Context(), r)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// message is one of a number; its id is that.
func message(i int) *transport.Message {
	return &transport.Message{Envelope: transport.Envelope{ID: id(i), Topic: "event.a", Type: "A"}, Body: []byte("body")}
}

func id(i int) string { return fmt.Sprintf("%06d", i) }

func publish(tb testing.TB, t *unix.Transport, m *transport.Message) {
	tb.Helper()
	if err := transport.Publish(tb.Context(), t, m); err != nil {
		tb.Fatal(err)
	}
}

// reliably is a profile for which messages are kept.
func reliably() transport.Profile {
	return transport.Profile{ManualAck: transport.On, Confirm: transport.On, Capacity: 2000, Prefetch: 50}
}

// inOrder fails unless the ids are those of n messages, each once and in order.
func inOrder(tb testing.TB, ids []string, n int) {
	tb.Helper()
	for i := range min(len(ids), n) {
		if ids[i] != id(i) {
			tb.Fatalf("%s came in place of %s", ids[i], id(i))
		}
	}
	if len(ids) != n {
		tb.Errorf("%d came, of %d", len(ids), n)
	}
}
