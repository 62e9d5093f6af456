package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/examples/shop/nodes"
	"github.com/xsgen/xsgen/internal/debian"
	"github.com/xsgen/xsgen/internal/rabbit"
)

// pikaOrders is a program in another language that does as the node web: it sends the depot an order
// and its states, with plain properties and as little of them as docs/wire.md asks for, and takes
// what the depot emits.
const pikaOrders = `
import sys, pika, msgpack
url, prefix = sys.argv[1:3]
ch = pika.BlockingConnection(pika.URLParameters(url)).channel()
ch.confirm_delivery()
q = ch.queue_declare("", exclusive=True).method.queue
ch.queue_bind(q, prefix + ".emits", "emit.shipping.#")
ch.basic_publish(prefix + ".events", "event.shipping.dispatch", msgpack.packb({"order": "o-1", "customer": "ada"}),
    pika.BasicProperties(message_id="d-1", content_type="application/msgpack", delivery_mode=2), mandatory=True)
ch.basic_publish(prefix + ".state", "state.order.o-1.closed", msgpack.packb({
    "state": "closed", "from": ["shipping"], "active": ["closed"], "trigger": "shipped", "seq": 1,
    "at": msgpack.Timestamp(1700000000, 5), "done": True}), pika.BasicProperties(headers={"x-xsgen-key": "o-1"}), mandatory=True)
for method, p, body in ch.consume(q, inactivity_timeout=60):
    print(p.type, p.app_id, p.content_type, p.delivery_mode, p.headers["x-xsgen-topic"], p.headers["x-xsgen-causation"],
          method.routing_key, msgpack.unpackb(body), flush=True)
    ch.basic_ack(method.delivery_tag)
    break
`

// TestPika has a node of the shop as generated take what a Python program publishes, by a machine
// and by a subscription, and the program take what the generated machine emits.
func TestPika(t *testing.T) {
	b := rabbit.Own(t)
	prefix := strings.ToLower(t.Name())
	t.Setenv("AMQP_URL", b.URL)
	t.Setenv("SHOP_PREFIX", prefix)
	seen := newScreen()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	depot, err := nodes.StartDepot(ctx, nodes.DepotConfig{Screen: seen})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := depot.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}()
	cmd, err := debian.Unpack(t, "python3", "python3-pika", "python3-msgpack").Command(ctx, "python3", "-c", pikaOrders, b.URL, prefix)
	if err != nil {
		t.Fatal(err)
	}
	got, err := firstLine(cmd)
	if err != nil {
		t.Fatal(err)
	}
	want := "shipping.left depot application/msgpack 2 emit.shipping.left d-1 emit.shipping.left {'order': 'o-1', 'parcel': 'parcel-o-1'}"
	if got != want {
		t.Errorf("Python has found\n%s, want\n%s", got, want)
	}
	for !seen.has("o-1", 1) {
		if ctx.Err() != nil {
			t.Fatal("the subscription has not seen the state that Python has published")
		}
		time.Sleep(time.Millisecond)
	}
}

// has reports whether the screen has an order's nth state as the latest.
func (s *screen) has(order string, n uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest[order] == n && s.ended == 1
}

// firstLine runs a program, and returns the first line that it prints.
func firstLine(cmd *exec.Cmd) (string, error) {
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if ended := cmd.Wait(); ended != nil || err != nil {
		return "", fmt.Errorf("%w, %w: %s", err, ended, &errs)
	}
	return strings.TrimSuffix(line, "\n"), nil
}
