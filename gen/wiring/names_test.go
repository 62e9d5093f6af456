package wiring_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/wiring"
)

// TestNames: of each queue at a broker the longest name, as docs/wire.md says them.
func TestNames(t *testing.T) {
	top := linked(t, `
nodes:
  a: {host: h1, replicas: 12, machines: [cell]}
  b: {host: h2, replicas: 2, machines: [lamp]}
  c: {host: h2, machines: []}
groups: {lamps: {machine: lamp}}
profiles:
  again: {retry: {attempts: 11, initial: 1s}}
  firm: {retry: {attempts: 11, initial: 1s}, order: key}
links:
  - {from: c, sends: go, to: cell, profile: again}
  - {from: c, sends: ask, to: cell, profile: firm}
  - {from: cell, emits: did, to: lamps, event: note}
  - {from: c, sends: dim, to: lamps, profile: again}
  - {from: c, sends: drain, to: lamps, profile: firm}
broadcasts: {drain: {}}
subscriptions:
  each: {node: a, topics: ["emit.lamp.#"], profile: again}
  one: {node: a, topics: ["emit.lamp.#"], shared: true}
`)
	i := slices.IndexFunc(top.Transports, func(x *model.Transport) bool { return x.Kind.NameLimit > 0 })
	var got []string
	for _, n := range wiring.Names(top, top.Transports[i]) {
		got = append(got, fmt.Sprint(n.Of.Value, " ", n.Text))
	}
	expect(t, "names", got,
		"cell .group.cell.retry.10", "cell .group.cell.firm.dead", "cell .group.cell.broadcasts.dead",
		"each .a/11.each.retry.10", "one .group.a.one.dead",
		"lamps .group.lamps.dead", "lamps .group.lamps.again.retry.10", "lamps .group.lamps.firm.dead", "b .b/1.lamp.dead")
}
