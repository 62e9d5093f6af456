package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/queue"
)

// event has the size of what the bus queues.
type event [7]uint64

// BenchmarkQueue has one producer and one consumer, in two goroutines: a channel, and
// the queue, item by item and in batches of 64.
func BenchmarkQueue(b *testing.B) {
	b.Run("channel", func(b *testing.B) {
		b.ReportAllocs()
		ch, done := make(chan event, 1024), make(chan struct{})
		go func() {
			defer close(done)
			for range ch {
			}
		}()
		for b.Loop() {
			ch <- event{}
		}
		close(ch)
		<-done
	})
	consume := func(q *queue.Queue[event]) (end func()) {
		done := make(chan struct{})
		c := q.Consumer(0)
		go func() {
			defer close(done)
			buf := make([]event, 64)
			for {
				n, more := c.Take(buf, time.Time{})
				if !more {
					return
				}
				for range n {
					c.Settle(1, 0)
				}
			}
		}()
		return func() { q.End(); <-done }
	}
	b.Run("one-by-one", func(b *testing.B) {
		b.ReportAllocs()
		q := queue.New(queue.Config[event]{Capacity: 1024, Lanes: 1})
		end := consume(q)
		e := event{}
		for b.Loop() {
			_ = q.Put(context.Background(), 0, &e, 0, 0)
		}
		end()
	})
	b.Run("batches", func(b *testing.B) {
		b.ReportAllocs()
		q := queue.New(queue.Config[event]{Capacity: 1024, Lanes: 1})
		end := consume(q)
		batch := make([]event, 64)
		for i := 0; b.Loop(); i++ {
			if i%64 == 63 {
				_, _ = q.PutAll(context.Background(), 0, batch, 0)
			}
		}
		end()
	})
}
