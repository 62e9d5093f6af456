package amqp_test

import (
	"crypto/rand"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
	"github.com/xsgen/xsgen/runtime/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(rabbit.Tests{M: m, Prefix: "test-"}) }

// lab is a part of a broker that is a test's own: names begin with a prefix that nobody
// else has, and everything goes through a proxy.
type lab struct {
	tb     testing.TB
	broker *rabbit.Broker
	*proxy
	url    string
	prefix string
}

func newLab(tb testing.TB, b *rabbit.Broker) *lab {
	tb.Helper()
	u, err := url.Parse(b.URL)
	if err != nil {
		tb.Fatal("the broker's address is no URL")
	}
	l := &lab{tb: tb, broker: b, proxy: newProxy(tb, u.Host), prefix: "test-" + strings.ToLower(rand.Text())}
	u.Host = l.addr()
	l.url = u.String()
	tb.Cleanup(l.clean)
	return l
}

// node connects a node.
func (l *lab) node(name string, opts ...amqp.Option) transport.Transport {
	l.tb.Helper()
	opts = append([]amqp.Option{amqp.Prefix(l.prefix), amqp.Node(name), amqp.Log(quiet)}, opts...)
	t, err := amqp.New(l.url, opts...)
	if err != nil {
		l.tb.Fatal(err)
	}
	return t
}

var quiet = slog.New(slog.DiscardHandler)

// raw is a plain connection to the broker, past the proxy.
func (l *lab) raw() *amqp091.Connection {
	l.tb.Helper()
	c, err := amqp091.Dial(l.broker.URL)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.tb.Cleanup(func() { _ = c.Close() })
	return c
}

// clean removes what outlives the nodes: exchanges, and the suite's durable queues.
func (l *lab) clean() {
	c, err := amqp091.Dial(l.broker.URL)
	if err != nil {
		return // it has been killed
	}
	defer c.Close()
	ch, err := c.Channel()
	if err != nil {
		l.tb.Error(err)
		return
	}
	for _, e := range []string{"state", "events", "emits", "groups", "errors", "broadcast", "mandatory", "observers", "members"} {
		if err := ch.ExchangeDelete(l.prefix+"."+e, false, false); err != nil {
			l.tb.Error(err)
		}
	}
	for _, q := range []string{"node1", "node2", "worker", "reader", "writer"} {
		for _, end := range []string{"", ".dead", ".retry.1", ".retry.2", ".retry.3"} {
			if _, err := ch.QueueDelete(l.prefix+"."+q+".jobs"+end, false, false, false); err != nil {
				l.tb.Error(err)
			}
		}
	}
}

// factory makes networks for the suite.
func factory(tb testing.TB) transporttest.Network {
	l := newLab(tb, rabbit.Shared(tb))
	return transporttest.Network{
		Node:    func(name string) transport.Transport { return l.node(name) },
		Cut:     l.cut,
		Latency: 10 * time.Millisecond,
	}
}

func TestConformance(t *testing.T) { transporttest.Run(t, factory) }

func BenchmarkAMQP(b *testing.B) { transporttest.Bench(b, factory) }
