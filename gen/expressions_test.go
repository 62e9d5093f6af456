package gen_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
)

// typed is a machine in which values of every type are in reach; each transition
// has a line of its own, and is in front of one expression.
const typed = `version: 1
machine: m
types:
  money: {fields: {currency: string, cents: int64}}
  noted: {fields: {note: "string?"}}
  region: {enum: [eu, us, on-line]}
context: {total: money, tries: int, small: int8, at: time, wait: duration, tags: "[]string", by: "map[string]int", ratio: float64, half: float32, where: region, raw: bytes, big: uint64, byte_: uint8, ok: bool, o_tries: "int?", o_wait: "duration?", o_total: "money?", o_tags: "[]string?", o_at: "time?", o_where: "region?"}
events: {pay: {amount: money, note: "string?", type: string, at: "time?", 2nd: int, where: region, same: bool, count: "int?", noted: noted}, twin: {currency: string, cents: int64}, other: {}}
emits: {paid: {total: money, n: int, f: float64, note: "string?", wait: "duration?", list: "[]int", totals: "map[string]money"}}
services: {charge: {input: {amount: money, tries: "int?"}, output: {currency: string, cents: int64, note: "string?"}}}
initial: a
states:
  a:
    invoke:
      src: charge
      input: {amount: context.total, tries: 1 << context.byte_}
      onDone: {guard: 'event.note != nil && *event.note == "x"', target: a, actions: [{assign: {total: {currency: event.currency, cents: event.cents + 1}}}, {log: event}]}
      onError: {guard: 'event.code == "x"', target: a, actions: [{log: event}, {log: event.message}]}
    on:
      other: a
      twin:
        - {guard: "event.cents > 0", target: a}
      error.execution: {actions: [{log: event}, {log: event.code}]}
      pay:
`

// good are the expressions that the tests of package expr accept.
func good(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("expr/testdata/good.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// TestAcceptedExpressionsVet generates expressions, written by hand and at random,
// and lets vet see what they become: what the checks accept must compile.
func TestAcceptedExpressionsVet(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles")
	}
	var lines []string
	for _, e := range good(t) {
		lines = append(lines, fmt.Sprintf("        - {guard: %q, target: a}", e))
	}
	lines = append(lines, values...)
	r := &randomly{rand.New(rand.NewPCG(3, 4))}
	const random = 600
	for range random {
		lines = append(lines, r.transition())
	}
	accepted := acceptedOf(t, lines)
	if len(accepted) < len(lines)-random/4 {
		t.Errorf("only %d of %d expressions are accepted", len(accepted), len(lines))
	}
	vet(t, generate(t, []gen.Spec{{Path: "m.machine.yaml", Data: []byte(typed + strings.Join(accepted, "\n"))}}))
}

// values are ways to write values that are not guards.
var values = []string{
	`        - {guard: event.same, actions: [{emit: paid, with: {total: {currency: key, cents: 1}, n: 1 << context.byte_, f: 3, note: '"x"', wait: 5, list: [], totals: {"a b": event.amount}}}]}`,
	`        - {guard: event.same, actions: [{assign: {o_tries: 1 << context.byte_, o_wait: 'duration("5s") * 2', o_total: {currency: key, cents: 2}, o_tags: [key], o_at: now, o_where: region.eu}}]}`,
	`        - {guard: event.same, actions: [{assign: {o_tries: nil, o_wait: ~, o_total: context.total, o_tags: context.tags, o_at: event.at, by: {a: 1}}}]}`,
	`        - {guard: event.same, actions: [{log: event}, {log: context}, {log: context.o_total}, {log: 1 << context.byte_}, {log: region.eu}, {log: 'true'}]}`,
	`        - {guard: {and: [g, {not: {not: {or: [event.same, h]}}}, {not: "!context.ok"}]}, actions: [act]}`,
	`        - {guard: event.same, actions: [{send: other, after: context.wait * 2, id: x}, {send: other, after: 'duration("5s")'}, {cancel: x}]}`,
}

// acceptedOf are the transitions in which nothing is wrong.
func acceptedOf(t *testing.T, lines []string) []string {
	t.Helper()
	l := gen.Check(gen.Input{Specs: []gen.Spec{{Path: "m.machine.yaml", Data: []byte(typed + strings.Join(lines, "\n"))}}, Modules: module})
	refused := map[int]bool{}
	for _, d := range l.Sorted() {
		if d.Severity() == diag.Error {
			refused[d.Pos.Line-strings.Count(typed, "\n")-1] = true
		}
	}
	var out []string
	for i, line := range lines {
		if !refused[i] {
			out = append(out, line)
		}
	}
	return out
}

// vet lets the go command vet a generated package, as if it were in a directory of
// this module that has no Go.
func vet(t *testing.T, r gen.Result) {
	t.Helper()
	if len(r.Packages) != 1 {
		var out bytes.Buffer
		_ = diag.Text(&out, r.Diagnostics)
		t.Fatal(out.String())
	}
	dir, err := filepath.Abs("testdata/diag")
	if err != nil {
		t.Fatal(err)
	}
	temp, replace := t.TempDir(), map[string]string{}
	for _, f := range r.Packages[0].Files {
		if strings.Contains(f.Name, "/") {
			continue // the test kit imports the package by its path, which it does not have here
		}
		name := filepath.Join(temp, f.Name)
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(dir, f.Name)] = name
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(temp, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", "-overlay", file, "./testdata/diag").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// randomly makes expressions of given types.
type randomly struct{ *rand.Rand }

// atoms are what expressions of a type are made of.
var atoms = map[string][]string{
	"bool":     {"context.ok", "event.same", "true", "context.o_wait == nil", "event.note != nil"},
	"int":      {"context.tries", "event._2nd", "*event.count", "*context.o_tries", "7", "-3", "'a'", "context.by[key]"},
	"int8":     {"context.small", "5"},
	"int64":    {"context.total.cents", "event.amount.cents", "100", "0x10"},
	"uint8":    {"context.byte_", "context.raw[1]", "255"},
	"uint64":   {"context.big", "1"},
	"float64":  {"context.ratio", "0.5", "2"},
	"float32":  {"context.half", "1.5"},
	"string":   {"key", "event.type_", "context.tags[0]", "*event.note", "context.total.currency", `"x"`, "`y`"},
	"duration": {"context.wait", "*context.o_wait", `duration("90s")`, "5"},
	"time":     {"context.at", "now", "*event.at", "*context.o_at"},
	"money":    {"context.total", "event.amount", "*context.o_total"},
	"region":   {"context.where", "event.where", "region.eu", "region.on_line", "*context.o_where"},
}

var integers = []string{"int", "int8", "int64", "uint8", "uint64", "duration"}

func (r *randomly) pick(list ...string) string { return list[r.IntN(len(list))] }

// transition has a random expression as its guard, or as a value.
func (r *randomly) transition() string {
	if r.IntN(3) > 0 {
		return fmt.Sprintf("        - {guard: %q, target: a}", r.of("bool", 4))
	}
	field := r.pick("total money", "tries int", "small int8", "wait duration", "ratio float64", "half float32", "where region", "big uint64", "byte_ uint8", "ok bool",
		"o_tries int", "o_wait duration", "o_total money", "o_at time", "o_where region")
	name, typ, _ := strings.Cut(field, " ")
	return fmt.Sprintf("        - {guard: event.same, actions: [{assign: {%s: %q}}]}", name, r.of(typ, 4))
}

func (r *randomly) of(typ string, depth int) string {
	if depth == 0 || r.IntN(4) == 0 {
		return r.pick(atoms[typ]...)
	}
	sub := func(t string) string { return r.of(t, depth-1) }
	operation := func(ops ...string) string { return "(" + sub(typ) + " " + r.pick(ops...) + " " + sub(typ) + ")" }
	switch typ {
	case "bool":
		return r.boolean(sub)
	case "string":
		return r.pick(operation("+"), "string("+sub("region")+")", "string(context.raw)", "string("+sub("string")+")")
	case "float64", "float32":
		return r.pick(operation("+", "-", "*", "/"), typ+"("+sub(r.pick("int", "uint8", "float32"))+")", "-("+sub(typ)+")")
	case "time", "money", "region":
		return r.pick(atoms[typ]...)
	}
	if !slices.Contains(integers, typ) {
		panic(typ)
	}
	shift := "(" + sub(typ) + r.pick(" << ", " >> ") + sub(r.pick("int", "uint8")) + ")"
	return r.pick(operation("+", "-", "*", "/", "%", "&", "|", "^", "&^"), shift, "-("+sub(typ)+")", "^"+sub(typ),
		typ+"("+sub(r.pick(integers...))+")", typ+"("+sub("float64")+")", typ+"(len("+sub("string")+"))")
}

func (r *randomly) boolean(sub func(string) string) string {
	t := r.pick("int", "int8", "int64", "uint8", "uint64", "float64", "string", "duration", "region")
	return r.pick("!("+sub("bool")+")", "("+sub("bool")+r.pick(" && ", " || ")+sub("bool")+")",
		"("+sub(t)+r.pick(" == ", " != ", " < ", " <= ", " > ", " >= ")+sub(t)+")", "("+sub("money")+r.pick(" == ", " != ")+sub("money")+")",
		"before("+sub("time")+", "+sub("time")+")", "contains("+sub("string")+", "+sub("string")+")")
}
