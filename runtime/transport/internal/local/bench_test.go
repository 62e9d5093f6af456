package local

import (
	"context"
	"fmt"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
)

// BenchmarkArrive has messages of 64 bytes come from elsewhere, 64 together, to a receiver that
// settles each at once. Their sender counts what is under way, as senders do.
func BenchmarkArrive(b *testing.B) {
	for _, prefetch := range []int{0, 256} {
		for _, reuse := range []bool{false, true} {
			b.Run(fmt.Sprintf("prefetch-%d/reuse-%v", prefetch, reuse), func(b *testing.B) { benchArrive(b, prefetch, reuse) })
		}
	}
}

// credits are the messages that may be under way.
type credits chan struct{}

func (c credits) Done(number uint64, _ int64, _ bool) {
	if number%64 == 0 {
		<-c
	}
}

func benchArrive(b *testing.B, prefetch int, reuse bool) {
	m := hear(b, transport.SubscribeRequest{
		Reuse: reuse, Profile: transport.Profile{Prefetch: prefetch},
		Receive: func(_ context.Context, d *transport.Delivery) { _ = d.Settle(nil) },
	})
	msg := &transport.Message{Envelope: transport.Envelope{ID: "id", Topic: "event.a"}, Body: make([]byte, 64)}
	var batch Batch
	under := make(credits, 64)
	b.ReportAllocs()
	for n := uint64(1); b.Loop(); n++ {
		batch.Add(m.Line(), Pack(msg, false), 0, under, n)
		if batch.Len() == 64 {
			under <- struct{}{}
			batch.Flush()
		}
	}
	batch.Flush()
}
