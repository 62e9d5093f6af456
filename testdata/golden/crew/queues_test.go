package crew_test

import (
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/gen/wiring"
	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
	"github.com/xsgen/xsgen/testdata/golden/crew"
	"github.com/xsgen/xsgen/testdata/golden/wires"
)

// beside is what the names of queues beside one end with, and number is which replica's one is:
// of those only the longest name is measured.
var beside, number = regexp.MustCompile(`(\.dead|\.retry\.\d+|\.\d+)$`), regexp.MustCompile(`/\d+\.`)

// base is a name without these.
func base(name string) string {
	return number.ReplaceAllString(beside.ReplaceAllString(name, ""), ".")
}

// TestTheNamesOfQueues compares the names that check measures with those at a broker, once all
// nodes run: those of replicas, groups, profiles, broadcasts and subscriptions.
func TestTheNamesOfQueues(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	broker := rabbit.Shared(t)
	startWith(ctx, t, broker.URL)
	out, err := broker.Ctl(ctx, "list_queues", "name")
	if err != nil {
		t.Fatal(err)
	}
	real := map[string]bool{}
	for _, name := range strings.Fields(out) {
		if strings.HasPrefix(name, "crew.") {
			real[base(name)] = true
		}
	}
	for _, name := range []string{"crew.pool.clerk", "crew.pool/1.clerk", "crew.pool/2.clerk"} {
		if !slices.Contains(strings.Fields(out), name) {
			t.Errorf("there is no queue %s", name)
		}
	}
	measured := map[string]bool{}
	for _, name := range measuredNames(t) {
		measured[base("crew"+name)] = true
	}
	got, want := slices.Sorted(maps.Keys(measured)), slices.Sorted(maps.Keys(real))
	if len(want) < 5 || !slices.Equal(got, want) {
		t.Errorf("measured are\n%s\nthe broker has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// startWith starts all processes, with a broker between hosts, until the test ends.
func startWith(ctx context.Context, t *testing.T, url string) {
	s, net := staff{tally: newTally()}, wires.New(t)
	config := func(replica int) node.Config {
		c := net.Config(replica, "unix")
		c.Transports["amqp"] = func(ctx context.Context, c transport.Config) (transport.Transport, error) {
			c.Settings = maps.Clone(c.Settings)
			c.Settings["url"] = url
			return amqp.Open(ctx, c)
		}
		return c
	}
	tickets, clerks := crew.TicketConfig{Store: machine.NewMemoryStore()}, crew.ClerkConfig{Actions: s}
	started := func(end func(context.Context) error, err error) {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := end(context.WithoutCancel(ctx)); err != nil {
				t.Error(err)
			}
		})
	}
	back, err := crew.StartBack(ctx, crew.BackConfig{Node: config(0), Ticket: tickets, Clerk: clerks})
	started(back.Shutdown, err)
	for i := range 3 {
		pool, err := crew.StartPool(ctx, crew.PoolConfig{Node: config(i), Clerk: clerks, Sample: s})
		started(pool.Shutdown, err)
	}
	for i := range 2 {
		front, err := crew.StartFront(ctx, crew.FrontConfig{Node: config(i), Ticket: tickets})
		started(front.Shutdown, err)
	}
	press, err := crew.StartPress(ctx, crew.PressConfig{Node: config(0), Printer: crew.PrinterConfig{Actions: s}, Log: s})
	started(press.Shutdown, err)
}

// measuredNames are those of the topology's queues as check sees them.
func measuredNames(t *testing.T) []string {
	var l diag.List
	read := func(name string) *source.File {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return source.NewFile(name, data)
	}
	top := model.LinkTopology(spec.ParseTopology(read("crew.topology.yaml"), &l), &l, func(at spec.Scalar) *model.Machine {
		return model.Build(spec.ParseMachine(read(at.Value), &l), &l)
	})
	i := slices.IndexFunc(top.Transports, func(x *model.Transport) bool { return x.Kind.Name == "amqp" })
	var out []string
	for _, n := range wiring.Names(top, top.Transports[i]) {
		out = append(out, n.Text)
	}
	return out
}
