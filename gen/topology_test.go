package gen_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
)

// theShop is the contract's example, which is run where it is.
const theShop = "../testdata/golden/contract/shop.topology.yaml"

// shopMachines are the machines that a topology of the tests can name.
func shopMachines(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range []string{"order", "payment", "shipping"} {
		data, err := os.ReadFile("model/testdata/shop/" + name + gen.MachineSuffix)
		if err != nil {
			t.Fatal(err)
		}
		out[name+gen.MachineSuffix] = data
	}
	return out
}

func checkTopology(text []byte, machines map[string][]byte) *diag.List {
	return gen.Check(gen.Input{Specs: []gen.Spec{{Path: "x" + gen.TopologySuffix, Data: text}}, Modules: module, Read: fromMap(machines)})
}

// TestTheShop is the contract's example: what it is warned of is what its nodes' code
// is to send.
func TestTheShop(t *testing.T) {
	text, err := os.ReadFile(theShop)
	if err != nil {
		t.Fatal(err)
	}
	l := checkTopology(text, shopMachines(t))
	for _, d := range l.Sorted() {
		if d.Rule != diag.EventNotSent {
			t.Errorf("%d:%d: %s", d.Pos.Line, d.Pos.Col, d.Message)
		}
	}
}

// FuzzTopology feeds anything to the reading of topologies: it must not panic, and
// must end.
func FuzzTopology(f *testing.F) {
	files, _ := filepath.Glob("testdata/diag/*.txtar")
	for _, name := range append(files, theShop) {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(a.Files) == 0 {
			f.Add(a.Comment)
		}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, gen.TopologySuffix) {
				f.Add(file.Data)
			}
		}
	}
	machines := shopMachines(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		l := checkTopology(data, machines)
		var out bytes.Buffer
		if err := diag.Text(&out, l); err != nil {
			t.Fatal(err)
		}
	})
}

const largeTopology = "version: 1\ntopology: t\nmachines: {order: order.machine.yaml, payment: payment.machine.yaml, shipping: shipping.machine.yaml}\nhosts: {h: {}, i: {}}\n"

// largeTopologies are topologies over which a careless walk would take for ever.
var largeTopologies = map[string]string{
	"nodes":        largeTopology + "nodes:\n" + many(14000, "  n%[1]d: {host: h, machines: [order, payment, shipping]}\n") + "broadcasts: {drain: {reason: string}}\nlinks: [{from: order, sends: shipping, to: shipping}]\n",
	"broadcasts":   largeTopology + "nodes:\n" + many(900, "  n%[1]d: {host: h, machines: [order, payment, shipping]}\n") + "broadcasts:\n" + many(10000, "  drain%[1]d: {reason: string}\n"),
	"links":        largeTopology + "nodes: {n: {host: h, machines: [order, payment, shipping]}}\nlinks:\n" + many(8500, "  - {from: order, emits: paid, to: payment, event: book, map: {id: order_id}, where: total.cents > %[1]d}\n"),
	"repeated":     largeTopology + "nodes: {n: {host: h, machines: [order, payment, shipping]}}\nlinks:\n  - {from: order, emits: [" + strings.Repeat("paid, ", 30000) + "paid], to: payment, event: book, map: {id: order_id}}\n",
	"patterns":     largeTopology + "nodes: {n: {host: h, machines: [order, payment, shipping]}}\nsubscriptions:\n" + many(8000, "  s%[1]d: {node: n, topics: [\"#.a.#.b.#.c.#.d.#.e.#.f%[1]d\", \"#.x.#\"]}\n"),
	"bases":        largeTopology + "profiles:\n" + many(20000, "  p%d: {base: p%d}\n"),
	"variables":    largeTopology + "transports: {amqp: {url: \"" + strings.Repeat("${A:-b}$$", 60000) + "\"}}\n",
	"lost links":   largeTopology + "nodes: {n: {host: h}}\nlinks:\n" + many(10000, "  - {from: x%[1]d, emits: y, to: z%[1]d, profile: q}\n"),
	"groups":       largeTopology + "nodes: {n: {host: h, machines: [order, payment, shipping]}}\ngroups:\n" + many(7000, "  g%[1]d: {machine: payment}\n") + "links:\n" + many(7000, "  - {from: order, emits: paid, to: g%[1]d, event: book, map: {id: order_id}}\n"),
	"settings":     largeTopology + "hosts:\n" + many(20000, "  h%[1]d: {address: \"$x\"}\n"),
	"participants": "version: 1\ntopology: t\nmachines:\n" + many(20000, "  m%[1]d: order.machine.yaml\n") + "nodes: {}\n",
}

func TestLargeTopologiesEnd(t *testing.T) {
	machines := shopMachines(t)
	for name, text := range largeTopologies {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			l := checkTopology([]byte(text), machines)
			var out bytes.Buffer
			_ = diag.Text(&out, l)
			// A second on an idle machine; a walk that is not linear takes minutes, and then
			// the time of the test run ends it.
			t.Logf("%d bytes, %d findings, %v", len(text), l.Len(), time.Since(began))
			if l.Len() == 0 {
				t.Error("nothing is found: is it what it should be?")
			}
			if len(text) > 1<<20 {
				t.Error(fmt.Sprint("too large to be read: ", len(text)))
			}
		})
	}
}
