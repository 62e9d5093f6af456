//go:build linux || darwin

package zeromq_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

// TestFailedGoesElsewhere has a member of a group fail for all that it gets: a member in
// another process handles it, with the attempts counted.
func TestFailedGoesElsewhere(t *testing.T) {
	const n = 20
	dir := shortDir(t)
	web := openNode(t, zeromq.Config{Node: "web", Dir: dir})
	bad := openNode(t, zeromq.Config{Node: "bad", Dir: dir})
	good := openNode(t, zeromq.Config{Node: "good", Dir: dir})
	profile := transport.Profile{ManualAck: transport.On, Retry: transport.Retry{Attempts: 3, Initial: time.Millisecond}}
	join := func(at *zeromq.Transport, f transport.Receiver) transport.Subscription {
		s, err := at.Subscribe(t.Context(), transport.SubscribeRequest{Group: "workers", Patterns: []topic.Pattern{"event.#"}, Profile: profile, Receive: f})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var failed atomic.Int32
	join(bad, func(_ context.Context, d *transport.Delivery) {
		failed.Add(1)
		_ = d.Settle(errors.New("it is the bad one"))
	})
	got := make(chan uint64, n)
	s := join(good, func(_ context.Context, d *transport.Delivery) {
		got <- d.Attempt
		_ = d.Settle(nil)
	})
	for i := range n {
		if err := transport.Publish(t.Context(), web, job(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	again := int32(0)
	for range n {
		select {
		case attempt := <-got:
			if attempt > 1 {
				again++
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%d failed, and only %d came to the other process", failed.Load(), s.Stats().Handled)
		}
	}
	if failed.Load() == 0 || again != failed.Load() {
		t.Errorf("%d failed, and %d were tried again elsewhere", failed.Load(), again)
	}
	eventually(t, "nothing is kept", func() bool { return web.Kept() == 0 && bad.Kept() == 0 })
}
