package transporttest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Bench runs the benchmarks: one-way delivery of bodies of several sizes to one and to
// several subscribers, with as many begun at once as a window has; the time of one
// hop; and a request with its reply. What a subscription cannot take makes the
// publisher wait, so nothing is lost.
func Bench(b *testing.B, f Factory) {
	for _, size := range []int{64, 1024, 64 << 10} {
		b.Run(fmt.Sprintf("one-way/%dB", size), func(b *testing.B) { oneWay(b, f, 1, size) })
	}
	b.Run("one-way/10-subscribers", func(b *testing.B) { oneWay(b, f, 10, 64) })
	b.Run("hop", func(b *testing.B) { hop(b, f) })
	b.Run("request", func(b *testing.B) { roundTrip(b, f) })
}

// window is how many messages are begun and not waited for.
const window = 256

func oneWay(b *testing.B, f Factory, subscribers, size int) {
	e := open(b, f)
	e.ctx = context.Background() // a benchmark may take longer
	var all sync.WaitGroup
	for range subscribers {
		n, done := 0, make(chan struct{})
		all.Go(func() { <-done })
		e.subscribe(transport.SubscribeRequest{
			Patterns: []topic.Pattern{"event.a"}, Profile: transport.Profile{Prefetch: window}, Reuse: true,
			Receive: func(_ context.Context, d *transport.Delivery) {
				if last := d.Type == "last"; d.Settle(nil) == nil && last {
					close(done)
				}
				n++
			},
		})
	}
	m := &transport.Message{Envelope: transport.Envelope{ID: "id", Topic: "event.a"}, Body: make([]byte, size)}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	pending := make([]transport.Pending, window)
	for i := 0; b.Loop(); i++ {
		if p := pending[i%window]; p != nil {
			e.noError(p.Wait(e.ctx), "publishing")
		}
		p, err := e.pub.Begin(e.ctx, m)
		e.noError(err, "publishing")
		pending[i%window] = p
	}
	m.Type = "last"
	e.noError(transport.Publish(e.ctx, e.pub, m), "publishing")
	all.Wait()
}

// hop publishes one message at a time and waits until it was received.
func hop(b *testing.B, f Factory) {
	e := open(b, f)
	came := make(chan struct{})
	e.hear("event.a", transport.Profile{}, func(_ context.Context, d *transport.Delivery) {
		_ = d.Settle(nil)
		came <- struct{}{}
	})
	m := &transport.Message{Envelope: transport.Envelope{ID: "id", Topic: "event.a"}, Body: make([]byte, 64)}
	b.ReportAllocs()
	for b.Loop() {
		e.noError(transport.Publish(context.Background(), e.pub, m), "publishing")
		<-came
	}
}

func roundTrip(b *testing.B, f Factory) {
	e := open(b, f)
	if !e.promised.Requests {
		b.Skip("the transport does not promise requests")
	}
	e.hear("event.a", transport.Profile{}, transport.Serve(1, func(ctx context.Context, d *transport.Delivery) error {
		return d.Reply(ctx, &transport.Message{Body: d.Body})
	}))
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: make([]byte, 64)}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.pub.Request(ctx, m); err != nil {
			b.Fatal(err)
		}
	}
}
