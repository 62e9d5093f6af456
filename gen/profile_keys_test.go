package gen_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

func nothing(context.Context, *bus.AnyEvent) error { return nil }

// keyUses are a use of each key of a profile: in a topology, and at run time.
var keyUses = map[string]struct {
	yaml    string
	profile transport.Profile
}{
	"batch-size":             {"batch-size: 10", transport.Profile{BatchSize: 10}},
	"batch-timeout":          {"batch-size: 10, batch-timeout: 5ms", transport.Profile{BatchSize: 10, BatchTimeout: 5 * time.Millisecond}},
	"capacity":               {"capacity: 5", transport.Profile{Capacity: 5}},
	"capacity-bytes":         {"capacity-bytes: 100", transport.Profile{CapacityBytes: 100}},
	"overflow":               {"overflow: error", transport.Profile{Overflow: transport.Reject}},
	model.OverflowDropNewest: {model.OverflowDropNewest, transport.Profile{Overflow: transport.DropNewest}},
	"durable":                {"durable: true", transport.Profile{Durable: transport.Durable}},
	model.DurableRequired:    {model.DurableRequired, transport.Profile{Durable: transport.DurableRequired}},
	"ack":                    {"ack: manual", transport.Profile{ManualAck: transport.On}},
	"confirm":                {"confirm: true", transport.Profile{Confirm: transport.On}},
	"prefetch":               {"prefetch: 5", transport.Profile{Prefetch: 5}},
	"retry":                  {"retry: {attempts: 3}", transport.Profile{Retry: transport.Retry{Attempts: 3}}},
	"dead-letter":            {"dead-letter: true", transport.Profile{DeadLetter: true}},
	"ttl":                    {"ttl: 5s", transport.Profile{TTL: 5 * time.Second}},
	"order":                  {"order: key", transport.Profile{Order: transport.OrderKey}},
	"concurrency":            {"concurrency: 2", transport.Profile{Concurrency: 2}},
	"dedup-window":           {"dedup-window: 10", transport.Profile{DedupWindow: 10}},
	"publish-timeout":        {"publish-timeout: 5s", transport.Profile{PublishTimeout: 5 * time.Second}},
	"sensitive":              {"sensitive: true", transport.Profile{Sensitive: true}},
}

// linkOf is a topology with one link of a kind that has a profile.
func linkOf(kind, profile string) string {
	nodes, link := "{one: {host: h, machines: [payment]}, two: {host: h, machines: [shipping]}}", "via: "+kind
	switch kind {
	case "direct":
		link = "inline: true"
		fallthrough
	case "memory":
		nodes = "{one: {host: h, machines: [payment, shipping]}}"
		link = strings.TrimPrefix(link, "via: memory")
	}
	return fmt.Sprintf(`
version: 1
topology: keys
machines: {payment: payment.machine.yaml, shipping: shipping.machine.yaml}
hosts: {h: {}}
nodes: %s
profiles: {p: {%s}}
links:
  - {from: payment, states: "*", to: shipping, event: watch, map: {order: state}, profile: p, %s}
`, nodes, profile, link)
}

// TestProfileKeys gives one key of a profile to a link of each kind: the key is refused
// when the topology is generated, and when the program starts, or it is taken, as the
// table of docs/topology.md says.
func TestProfileKeys(t *testing.T) {
	machines := shopMachines(t)
	for _, k := range model.TransportKinds {
		if !k.Available {
			continue
		}
		for _, key := range model.Rows() {
			use, ok := keyUses[key]
			if !ok {
				t.Errorf("no use of %s", key)
			}
			refused := k.Answers[key] == model.Refused
			if got := refusedBy(t, checkTopology([]byte(linkOf(k.Name, use.yaml)), machines), k.Name); got != refused {
				t.Errorf("%s and %s: refused when it is generated is %v, want %v", k.Name, key, got, refused)
			}
			for _, check := range proofs[k.Name].checks {
				if err := check(use.profile); errors.Is(err, transport.ErrInvalidProfile) != refused || !refused && err != nil {
					t.Errorf("%s and %s: at the start the error is %v, want refused %v", k.Name, key, err, refused)
				}
			}
		}
	}
}

// refusedBy reports whether a profile is refused, by a transport that it names; nothing
// else may be wrong.
func refusedBy(t *testing.T, l *diag.List, kind string) (refused bool) {
	t.Helper()
	for _, d := range l.Sorted() {
		switch {
		case d.Rule == diag.ProfileRefused:
			refused = true
			if !strings.Contains(d.Message, kind) {
				t.Errorf("%s is not named: %s", kind, d.Message)
			}
		case d.Rule.Severity == diag.Error:
			t.Errorf("%s: %s", kind, d.Message)
		}
	}
	return refused
}
