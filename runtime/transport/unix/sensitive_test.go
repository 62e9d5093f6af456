//go:build (linux || darwin) && !xsgendebug

// With that tag every body is overwritten, sensitive or not.

package unix_test

import (
	"context"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// TestSensitive looks at the body of a message that was settled.
func TestSensitive(t *testing.T) {
	for name, p := range map[string][2]transport.Profile{
		"the publisher's": {{Sensitive: true}, {}}, "the receiver's": {{}, {Sensitive: true}}, "nobody's": {{}, {}},
	} {
		dir := tempDir(t)
		from, to := open(t, unix.Config{Dir: dir, Node: "from"}), open(t, unix.Config{Dir: dir, Node: "to"})
		got := make(chan *transport.Delivery, 1)
		subscribe(t, to, transport.SubscribeRequest{Profile: p[1], Receive: func(_ context.Context, d *transport.Delivery) { got <- d }})
		m := message(0)
		m.Body, m.Profile = []byte("secret"), &p[0]
		publish(t, from, m)
		d := <-got
		body := d.Body
		if string(body) != "secret" {
			t.Errorf("%s: %q came", name, body)
		}
		_ = d.Settle(nil)
		if wiped := string(body) == "\x00\x00\x00\x00\x00\x00"; wiped != p[1].Sensitive && name != "the publisher's" {
			t.Errorf("%s: wiped is %v", name, wiped)
		}
		until(t, name+" is written", func() bool { return !from.Holds("secret") || name == "nobody's" })
	}
}
