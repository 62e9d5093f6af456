package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"github.com/cskr/pubsub/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/xsgen/xsgen/runtime/bus"
)

// room is how many events wait for a subscriber at most.
const room = 1024

// BenchmarkQueued hands values to subscribers in goroutines of their own, by a
// channel for each, by the bus, one by one and in batches, and by other projects. A
// run ends when everything has been handled.
func BenchmarkQueued(b *testing.B) {
	for _, subscribers := range []int{1, 10} {
		for _, c := range []struct {
			name string
			run  func(b *testing.B, subscribers int)
		}{
			{"channel", channels}, {"equal", equals}, {"xsgen", queued}, {"xsgen-batch", batches},
			{"watermill", viaWatermill}, {"nats", viaNATS}, {"cskr", viaCSKR},
			{"xsync", viaXsync},
		} {
			b.Run(fmt.Sprintf("%s-%d", c.name, subscribers), func(b *testing.B) { c.run(b, subscribers) })
		}
	}
}

func channels(b *testing.B, subscribers int) {
	b.ReportAllocs()
	chans := make([]chan *order, subscribers)
	var done sync.WaitGroup
	for i := range chans {
		chans[i] = make(chan *order, room)
		done.Go(func() {
			sum := int64(0)
			for v := range chans[i] {
				sum += v.Cents
			}
		})
	}
	v := &order{"k", 5}
	for range b.N {
		for _, c := range chans {
			c <- v
		}
	}
	for _, c := range chans {
		close(c)
	}
	done.Wait()
}

// equals is what a team would write with a channel that promises what the bus does: a
// handler with a ctx and an error, which may panic, gets an event with its topic, its
// key and its number; a publish ends with its ctx, and when the subscription is closed.
func equals(b *testing.B, subscribers int) {
	b.ReportAllocs()
	var subs []*plain
	for range subscribers {
		sum := int64(0)
		subs = append(subs, subscribePlain(func(_ context.Context, e *plainEvent) error { sum += e.value.Cents; return nil }))
	}
	v, ctx := &order{"k", 5}, context.Background()
	b.ResetTimer()
	for i := range b.N {
		for _, s := range subs {
			_ = s.publish(ctx, plainEvent{topic: "a.b", number: uint64(i), value: v})
		}
	}
	for _, s := range subs {
		s.close()
	}
}

type plainEvent struct {
	topic, key string
	number     uint64
	value      *order
}

type plain struct {
	events       chan plainEvent
	closing      chan struct{}
	publishers   sync.RWMutex // held to read while they publish
	closed       bool
	ended        chan struct{}
	handled, bad atomic.Uint64
}

func subscribePlain(handler func(context.Context, *plainEvent) error) *plain {
	s := &plain{events: make(chan plainEvent, room), closing: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		var e plainEvent // the handler's until it returns
		for e = range s.events {
			if err := s.call(handler, &e); err != nil {
				s.bad.Add(1)
			}
			s.handled.Add(1)
		}
	}()
	return s
}

func (s *plain) call(handler func(context.Context, *plainEvent) error, e *plainEvent) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return handler(context.Background(), e)
}

var errClosed = errors.New("closed")

func (s *plain) publish(ctx context.Context, e plainEvent) error {
	s.publishers.RLock()
	defer s.publishers.RUnlock()
	if s.closed {
		return errClosed
	}
	select {
	case s.events <- e:
		return nil
	default: // a select of one case is much faster than one of three
	}
	select {
	case s.events <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return errClosed
	}
}

// close drains.
func (s *plain) close() {
	close(s.closing)
	s.publishers.Lock()
	s.closed = true
	close(s.events)
	s.publishers.Unlock()
	<-s.ended
}

// subscribed is a bus with subscribers, and a publisher.
func subscribed(b *testing.B, subscribers int) (*bus.Bus, *bus.Publisher[order]) {
	b.Helper()
	eb := bus.New()
	for range subscribers {
		sum := int64(0)
		handler := func(_ context.Context, e *bus.Event[order]) error { sum += e.Value().Cents; return nil }
		if _, err := bus.Subscribe(eb, "a.b", handler, bus.Queued(room)); err != nil {
			b.Fatal(err)
		}
	}
	p, err := bus.NewPublisher[order](eb, "a.b")
	if err != nil {
		b.Fatal(err)
	}
	return eb, p
}

func queued(b *testing.B, subscribers int) {
	b.ReportAllocs()
	eb, p := subscribed(b, subscribers)
	v, ctx := &order{"k", 5}, context.Background()
	b.ResetTimer()
	for range b.N {
		_ = p.Publish(ctx, v)
	}
	_ = eb.Close(ctx)
}

func batches(b *testing.B, subscribers int) {
	b.ReportAllocs()
	eb, p := subscribed(b, subscribers)
	v, ctx := &order{"k", 5}, context.Background()
	batch := slices.Repeat([]*order{v}, 64)
	b.ResetTimer()
	for left := b.N; left > 0; left -= len(batch) {
		_ = p.PublishBatch(ctx, batch[:min(left, len(batch))])
	}
	_ = eb.Close(ctx)
}

func viaWatermill(b *testing.B, subscribers int) {
	b.ReportAllocs()
	ps := gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: room}, watermill.NopLogger{})
	var done sync.WaitGroup
	for range subscribers {
		in, err := ps.Subscribe(context.Background(), "a.b")
		if err != nil {
			b.Fatal(err)
		}
		done.Go(func() {
			for range b.N {
				(<-in).Ack()
			}
		})
	}
	body := []byte("12345678")
	b.ResetTimer()
	for range b.N {
		_ = ps.Publish("a.b", message.NewMessage("", body))
	}
	done.Wait()
	b.StopTimer()
	_ = ps.Close()
}

func viaNATS(b *testing.B, subscribers int) {
	b.ReportAllocs()
	srv, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		b.Fatal(err)
	}
	srv.Start()
	defer srv.Shutdown()
	if !srv.ReadyForConnections(10 * time.Second) {
		b.Fatal("the server does not start")
	}
	connect := func() *nats.Conn {
		c, err := nats.Connect("", nats.InProcessServer(srv))
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	var done sync.WaitGroup
	for range subscribers {
		c := connect()
		defer c.Close()
		got := 0
		done.Add(1)
		sub, err := c.Subscribe("a.b", func(*nats.Msg) {
			if got++; got == b.N {
				done.Done()
			}
		})
		if err != nil || sub.SetPendingLimits(-1, -1) != nil || c.Flush() != nil {
			b.Fatal(err)
		}
	}
	p := connect()
	defer p.Close()
	body := []byte("12345678")
	b.ResetTimer()
	for range b.N {
		_ = p.Publish("a.b", body)
	}
	_ = p.Flush()
	done.Wait()
	b.StopTimer()
}

func viaCSKR(b *testing.B, subscribers int) {
	b.ReportAllocs()
	ps := pubsub.New[string, *order](room)
	var done sync.WaitGroup
	for range subscribers {
		in := ps.Sub("a.b")
		done.Go(func() {
			sum := int64(0)
			for v := range in {
				sum += v.Cents
			}
		})
	}
	v := &order{"k", 5}
	b.ResetTimer()
	for range b.N {
		ps.Pub(v, "a.b")
	}
	ps.Shutdown()
	done.Wait()
}

// viaXsync has a bounded queue for each subscriber that knows no waiting: who finds it
// full, or empty, lets others run.
func viaXsync(b *testing.B, subscribers int) {
	b.ReportAllocs()
	var done sync.WaitGroup
	var queues []*xsync.SPSCQueue[*order]
	for range subscribers {
		q := xsync.NewSPSCQueue[*order](room)
		queues = append(queues, q)
		done.Go(func() {
			sum := int64(0)
			for range b.N {
				v, ok := q.TryDequeue()
				for ; !ok; v, ok = q.TryDequeue() {
					runtime.Gosched()
				}
				sum += v.Cents
			}
		})
	}
	v := &order{"k", 5}
	for range b.N {
		for _, q := range queues {
			for !q.TryEnqueue(v) {
				runtime.Gosched()
			}
		}
	}
	done.Wait()
}

// BenchmarkHop measures the time from a publish to the begin of the handler, where
// nothing else is under way; the median is the figure, in ns/hop.
func BenchmarkHop(b *testing.B) {
	hop := func(b *testing.B, arrived chan time.Time, send func()) {
		times := make([]time.Duration, 0, b.N)
		for range b.N {
			start := time.Now()
			send()
			times = append(times, (<-arrived).Sub(start))
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "ns/hop")
	}
	b.Run("channel", func(b *testing.B) {
		in, arrived := make(chan *order), make(chan time.Time)
		go func() {
			for range in {
				arrived <- time.Now()
			}
		}()
		hop(b, arrived, func() { in <- nil })
		close(in)
	})
	b.Run("xsgen", func(b *testing.B) {
		eb := bus.New()
		arrived := make(chan time.Time)
		if _, err := bus.Subscribe(eb, "a.b", func(context.Context, *bus.Event[order]) error {
			arrived <- time.Now()
			return nil
		}, bus.Queued(room)); err != nil {
			b.Fatal(err)
		}
		p, err := bus.NewPublisher[order](eb, "a.b")
		if err != nil {
			b.Fatal(err)
		}
		v, ctx := &order{"k", 5}, context.Background()
		hop(b, arrived, func() { _ = p.Publish(ctx, v) })
		_ = eb.Close(ctx)
	})
}
