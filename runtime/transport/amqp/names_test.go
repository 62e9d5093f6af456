package amqp

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

func TestBindingKey(t *testing.T) {
	for p, want := range map[topic.Pattern]string{
		"event.order.submit": "event.order.submit", "event.order.#": "event.order.#", "state.*": "state.*.#",
		"*.order.+": "*.order.*", "*": "*.#", "+": "*", "#": "#", "#.a.*": "#.a.*.#",
	} {
		if got := bindingKey(p); got != want {
			t.Errorf("%s is bound as %s, want %s", p, got, want)
		}
	}
}

func TestQueueNames(t *testing.T) {
	a, err := New("amqp://localhost:1", Prefix("shop"), Log(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(t.Context())
	for _, c := range []struct {
		q    transport.Queue
		want string
	}{
		{transport.Queue{Node: "depot", Name: "depot.shipping.money"}, "shop.depot.shipping.money"},
		{transport.Queue{Node: "depot", Name: "jobs"}, "shop.depot.jobs"},
		{transport.Queue{Node: "bank/2", Name: "bank.2.payment.default"}, "shop.bank/2.payment.default"},
		{transport.Queue{Node: "bank", Name: "bank.2.payment.default"}, "shop.bank/2.payment.default"}, // as a sender knows it
		{transport.Queue{Node: "bank/2", Name: "bank.payment"}, "shop.bank/2.payment"},
		{transport.Queue{Node: "bank/2", Name: "2.payment"}, "shop.bank/2.2.payment"},
		{transport.Queue{Group: "cashiers", Name: "x"}, "shop.group.cashiers"},
	} {
		if got := a.queueOf(&c.q, false).name; got != c.want {
			t.Errorf("%+v is called %s, want %s", c.q, got, c.want)
		}
	}
}

// TestNoSecrets has addresses that are wrong in every way: no error shows a password.
func TestNoSecrets(t *testing.T) {
	for _, url := range []string{
		"amqp://user:geheim@[::1", "http://user:geheim@localhost", "amqp://user:geheim@localhost:port", "amqp://user:ge heim@localhost",
		"amqp://user:geheim@example.com", "amqp://localhost/,amqp://user:geheim@example.com/vhost",
	} {
		_, err := New(url)
		if !errors.Is(err, ErrAddress) || strings.Contains(err.Error(), "heim") {
			t.Errorf("%v", err)
		}
	}
	list, err := parseAddresses("amqps://user:geheim@a/v, amqp://localhost:1234")
	if err != nil || len(list) != 2 {
		t.Fatal(err)
	}
	if list[0].String() != "amqps://a:5671/v" || list[1].String() != "amqp://localhost:1234/" {
		t.Errorf("%v", list)
	}
}

func TestInsecure(t *testing.T) {
	for url, fine := range map[string]bool{
		"amqp://localhost": true, "amqp://127.0.0.2:1/": true, "amqp://[::1]/": true, "amqps://example.com": true,
		"amqp://example.com": false, "amqp://10.0.0.1": false,
	} {
		list, err := parseAddresses(url)
		if err != nil {
			t.Fatal(err)
		}
		if err := list[0].check(false); (err == nil) != fine {
			t.Errorf("%s: %v", url, err)
		}
		if err := list[0].check(true); err != nil {
			t.Errorf("%s is allowed: %v", url, err)
		}
	}
}

func TestBackoff(t *testing.T) {
	b := backoff{100 * time.Millisecond, 30 * time.Second}
	for n, want := range []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000} {
		want *= time.Millisecond
		for range 100 {
			if got := b.wait(n); got < want*3/4 || got > want*5/4+1 {
				t.Fatalf("after %d failures it waits %v", n, got)
			}
		}
	}
	if got := b.wait(1000); got > 38*time.Second {
		t.Errorf("at last it waits %v", got)
	}
}

func TestCheck(t *testing.T) {
	var a Transport
	for _, p := range []transport.Profile{{}, transport.Reliable(), transport.HighThroughput(), transport.LowLatency(), {Durable: transport.DurableRequired}} {
		if err := a.Check(p); err != nil {
			t.Error(err)
		}
	}
	for _, p := range []transport.Profile{{Overflow: transport.DropNewest}, {Capacity: -1}} {
		if err := a.Check(p); !errors.Is(err, transport.ErrInvalidProfile) {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// TestLongest compares the limit of a retry queue with the waits that its messages have.
func TestLongest(t *testing.T) {
	for _, r := range []transport.Retry{
		transport.Reliable().Retry, {Initial: time.Second}, {Initial: time.Millisecond, Multiplier: 1, Jitter: 1}, {Initial: time.Hour, Max: 2 * time.Hour, Multiplier: 1000},
	} {
		for n := 1; n < 30; n++ {
			limit := longest(&r, n)
			for range 50 {
				if wait := r.Wait(n); wait > limit {
					t.Fatalf("%+v: wait %d is %v, longer than %v", r, n, wait, limit)
				}
			}
		}
	}
}
