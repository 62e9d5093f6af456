package benchmarks

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	watermillamqp "github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// inFlight is how many messages are unconfirmed at most, and sent ahead to a consumer.
const inFlight = 1000

// BenchmarkAMQP sends persistent messages of 64 bytes through RabbitMQ's topic exchange
// and a durable queue, confirmed and acknowledged: by the client library with a window of
// unconfirmed messages, by the transport, one message per event and several in one, and by
// watermill, which confirms each message before the next. A run ends when everything has been handled.
// The profile reliable has a quorum queue, and so has the client library beside it.
func BenchmarkAMQP(b *testing.B) {
	broker := rabbit.Shared(b)
	for _, c := range []struct {
		name string
		run  func(b *testing.B, url string)
	}{
		{"raw", func(b *testing.B, url string) { rawAMQP(b, url, nil) }},
		{"raw-quorum", func(b *testing.B, url string) { rawAMQP(b, url, quorum) }},
		{"xsgen", func(b *testing.B, url string) { ours(b, url, transport.Profile{}) }},
		{"xsgen-reliable", func(b *testing.B, url string) { ours(b, url, transport.Reliable()) }},
		{"xsgen-packed", func(b *testing.B, url string) { ours(b, url, packing) }},
		{"watermill", func(b *testing.B, url string) { viaWatermillAMQP(b, url, 1) }},
		{"watermill-pool", func(b *testing.B, url string) { viaWatermillAMQP(b, url, 50) }},
	} {
		b.Run(c.name, func(b *testing.B) { c.run(b, broker.URL) })
	}
}

// packing is high-throughput, but for what is dropped: nothing may be lost here.
var packing = func() transport.Profile {
	p := transport.HighThroughput()
	p.Overflow = transport.Block
	return p
}()

// quorum are the arguments of a queue like reliable's.
var quorum = amqp091.Table{
	"x-queue-type": "quorum", "x-delivery-limit": int64(20), "x-overflow": "reject-publish", "x-single-active-consumer": true, "x-max-length": int64(1 << 30),
}

// remove deletes what is named at a server: it may not be the benchmark's own.
func remove(b *testing.B, url string, exchanges, queues []string) {
	c, err := amqp091.Dial(url)
	fatal(b, err)
	defer c.Close()
	ch, err := c.Channel()
	fatal(b, err)
	for _, name := range exchanges {
		fatal(b, ch.ExchangeDelete(name, false, false))
	}
	for _, name := range queues {
		_, err := ch.QueueDelete(name, false, false, false)
		fatal(b, err)
	}
}

// exchanges are those of the transport.
var exchanges = []string{"state", "events", "emits", "groups", "errors", "broadcast", "mandatory", "observers"}

// fatal ends the benchmark if there is an error.
func fatal(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func rawAMQP(b *testing.B, url string, args amqp091.Table) {
	name := "bench-" + rand.Text()
	c, err := amqp091.Dial(url)
	fatal(b, err)
	defer c.Close()
	ch, err := c.Channel()
	fatal(b, err)
	fatal(b, ch.ExchangeDeclare(name, "topic", true, false, false, false, nil))
	_, err = ch.QueueDeclare(name, true, false, false, false, args)
	fatal(b, err)
	fatal(b, ch.QueueBind(name, "event.#", name, false, nil))
	defer func() { _, _ = ch.QueueDelete(name, false, false, false); _ = ch.ExchangeDelete(name, false, false) }()
	consumer, err := amqp091.Dial(url)
	fatal(b, err)
	defer consumer.Close()
	cch, err := consumer.Channel()
	fatal(b, err)
	fatal(b, cch.Qos(inFlight, 0, false))
	deliveries, err := cch.Consume(name, "", false, false, false, false, nil)
	fatal(b, err)
	fatal(b, ch.Confirm(false))
	confirms := ch.NotifyPublish(make(chan amqp091.Confirmation, inFlight))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range b.N {
			d := <-deliveries
			_ = d.Ack(false)
		}
	}()
	body := make([]byte, 64)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i >= inFlight {
			<-confirms
		}
		fatal(b, ch.Publish(name, "event.order.submit", false, false, amqp091.Publishing{DeliveryMode: amqp091.Persistent, MessageId: "id", Body: body}))
	}
	for range min(b.N, inFlight) {
		<-confirms
	}
	<-done
}

func ours(b *testing.B, url string, p transport.Profile) {
	ctx := context.Background()
	name := "bench-" + strings.ToLower(rand.Text())
	prefix := amqp.Prefix(name)
	silent := amqp.Log(slog.New(slog.NewTextHandler(io.Discard, nil)))
	pub, err := amqp.New(url, prefix, silent, amqp.Node("a"))
	fatal(b, err)
	sub, err := amqp.New(url, prefix, silent, amqp.Node("b"))
	fatal(b, err)
	fatal(b, pub.Status().Await(ctx, transport.Ready))
	done, n := make(chan struct{}), 0
	consumer := p
	consumer.Capacity, consumer.Prefetch = 1<<30, inFlight
	_, err = sub.Subscribe(ctx, transport.SubscribeRequest{
		Name: "bench", Patterns: []topic.Pattern{"event.#"}, Profile: consumer,
		Receive: func(_ context.Context, d *transport.Delivery) {
			_ = d.Settle(nil)
			if n++; n == b.N {
				close(done)
			}
		},
	})
	fatal(b, err)
	m := &transport.Message{Envelope: transport.Envelope{ID: "id", Topic: "event.order.submit"}, Body: make([]byte, 64), Profile: &p}
	keys := []string{""}
	if p.Order == transport.OrderKey {
		keys = keysOf(100)
	}
	window := inFlight
	if p.BatchSize > 1 {
		window = 50_000
	}
	pending := make([]transport.Pending, window)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if w := pending[i%window]; w != nil {
			fatal(b, w.Wait(ctx))
		}
		m.Key = keys[i%len(keys)]
		w, err := pub.Begin(ctx, m)
		fatal(b, err)
		pending[i%window] = w
	}
	for _, w := range pending {
		if w != nil {
			fatal(b, w.Wait(ctx))
		}
	}
	<-done
	b.StopTimer()
	fatal(b, sub.Close(ctx))
	fatal(b, pub.Close(ctx))
	remove(b, url, prefixed(name, exchanges), prefixed(name, []string{"b.bench", "b.bench.dead"}))
}

// prefixed are names with a prefix.
func prefixed(prefix string, names []string) (list []string) {
	for _, n := range names {
		list = append(list, prefix+"."+n)
	}
	return list
}

// keysOf are keys of events.
func keysOf(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprint("k", i))
	}
	return keys
}

// viaWatermillAMQP has a number of goroutines publish, each by a channel of the pool.
func viaWatermillAMQP(b *testing.B, url string, publishers int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cfg := watermillamqp.NewDurablePubSubConfig(url, watermillamqp.GenerateQueueNameTopicNameWithSuffix("bench"))
	cfg.Publish.ConfirmDelivery, cfg.Publish.ChannelPoolSize = true, publishers
	cfg.Consume.Qos.PrefetchCount = inFlight
	pub, err := watermillamqp.NewPublisher(cfg, watermill.NopLogger{})
	fatal(b, err)
	defer pub.Close()
	sub, err := watermillamqp.NewSubscriber(cfg, watermill.NopLogger{})
	fatal(b, err)
	defer sub.Close()
	name := "bench-" + rand.Text()
	got, err := sub.Subscribe(ctx, name)
	fatal(b, err)
	defer remove(b, url, []string{name}, []string{cfg.Queue.GenerateName(name)})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range b.N {
			m := <-got
			m.Ack()
		}
	}()
	body := make([]byte, 64)
	errs := make(chan error, publishers)
	b.ReportAllocs()
	b.ResetTimer()
	for k := range publishers {
		go func() {
			var err error
			for i := k; i < b.N && err == nil; i += publishers {
				err = pub.Publish(name, message.NewMessage(fmt.Sprint(i), body))
			}
			errs <- err
		}()
	}
	for range publishers {
		fatal(b, <-errs)
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		b.Fatal("not everything was handled")
	}
}
