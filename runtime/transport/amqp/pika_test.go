package amqp_test

import (
	"bufio"
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/debian"
	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// pikaConsumes takes one event as docs/wire.md says, and prints what it has found.
const pikaConsumes = `
import sys, pika, msgpack
url, prefix = sys.argv[1:3]
ch = pika.BlockingConnection(pika.URLParameters(url)).channel()
q = ch.queue_declare("", exclusive=True).method.queue
ch.queue_bind(q, prefix + ".events", "event.order.#")
print("ready", flush=True)
for method, p, body in ch.consume(q, inactivity_timeout=60):
    print(p.message_id, p.type, p.app_id, p.content_type, p.delivery_mode, p.headers["x-xsgen-topic"],
          p.headers["x-xsgen-key"], p.headers["own"], method.routing_key, msgpack.unpackb(body))
    ch.basic_ack(method.delivery_tag)
    break
`

// pikaPublishes sends an event with nothing but a body, and one with all that there is.
const pikaPublishes = `
import sys, pika, msgpack
url, prefix = sys.argv[1:3]
ch = pika.BlockingConnection(pika.URLParameters(url)).channel()
ch.confirm_delivery()
body = msgpack.packb({"sku": "b-1", "count": 7})
ch.basic_publish(prefix + ".events", "event.order.pack", body, mandatory=True)
ch.basic_publish(prefix + ".events", "event.order.k1.pack", body, pika.BasicProperties(
    message_id="p-1", type="Pack", app_id="shop", content_type="application/msgpack", delivery_mode=2,
    headers={"x-xsgen-key": "k1", "x-xsgen-time": 1700000000123456789, "size": 5}))
`

// python runs a script that knows pika.
func python(t *testing.T, l *lab, script string) *exec.Cmd {
	t.Helper()
	root := debian.Unpack(t, "python3", "python3-pika", "python3-msgpack")
	cmd, err := root.Command(t.Context(), "python3", "-c", script, l.url, l.prefix)
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// order is a body as generated code writes it.
func order(t *testing.T) []byte {
	t.Helper()
	b := codec.AppendMap(nil, 2)
	b, err := codec.AppendString(b, "sku", nil)
	b, err = codec.AppendString(b, "a-1", err)
	b, err = codec.AppendString(b, "count", err)
	if err != nil {
		t.Fatal(err)
	}
	return codec.AppendUint(b, 3)
}

// TestPikaConsumes has a Python program hear what the transport publishes.
func TestPikaConsumes(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	n := l.node("a")
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	cmd := python(t, l, pikaConsumes)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said log
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("%q: %s", lines.Text(), said.String())
	}
	m := &transport.Message{
		Envelope: transport.Envelope{ID: "m-1", Type: "Submit", Source: "web", Key: "k1", Topic: "event.order.k1.submit", Headers: map[string]string{"own": "h"}},
		Body:     order(t),
	}
	if err := transport.Publish(t.Context(), n, m); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() {
		t.Fatalf("it has found nothing: %s", said.String())
	}
	want := "m-1 Submit web application/msgpack 2 event.order.k1.submit k1 h event.order.k1.submit {'sku': 'a-1', 'count': 3}"
	if got := lines.Text(); got != want {
		t.Errorf("it has found\n%s, want\n%s", got, want)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, said.String())
	}
	shut(t, n)
}

// TestPikaPublishes has a subscription take what a Python program publishes.
func TestPikaPublishes(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	n := l.node("a")
	got := make(chan *transport.Message, 2)
	_, err := n.Subscribe(t.Context(), transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.order.#"},
		Receive:  transport.Serve(1, func(_ context.Context, d *transport.Delivery) error { got <- d.Clone(); return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := python(t, l, pikaPublishes).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	plain, full := <-got, <-got
	if plain.Topic != "event.order.pack" || string(plain.Body) != string(full.Body) {
		t.Errorf("%+v", plain)
	}
	if full.ID != "p-1" || full.Type != "Pack" || full.Source != "shop" || full.Key != "k1" || full.Headers["size"] != "5" ||
		!full.Time.Equal(time.Unix(1_700_000_000, 123_456_789)) {
		t.Errorf("%+v", full)
	}
	shut(t, n)
}
