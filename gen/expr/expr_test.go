package expr_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

func check(t testing.TB, text string) string {
	t.Helper()
	var l diag.List
	s := spec.ParseMachine(source.NewFile("x.machine.yaml", []byte(text)), &l)
	if s != nil {
		m := model.Build(s, &l)
		table := expr.Check(m, &l)
		for _, e := range table.Guards {
			if e != nil && l.Errors() == 0 {
				e.Part()
			}
		}
		for _, e := range table.Values {
			if e != nil && l.Errors() == 0 {
				e.Part()
			}
		}
	}
	var out strings.Builder
	if err := diag.Text(&out, &l); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// guarded is a machine with one guard, in front of which every type is in reach.
const guarded = `version: 1
machine: m
types:
  money: {fields: {currency: string, cents: int64}}
  region: {enum: [eu, us, on-line]}
  held: {fields: {n: "int?"}}
  holder: {fields: {held: held}}
  twin: {fields: {currency: string, cents: int64}}
context: {held: holder, total: money, tries: int, small: int8, at: time, wait: duration, tags: "[]string", by: "map[string]int", ratio: float64, where: region, raw: bytes, big: uint64}
events: {pay: {amount: money, note: "string?", type: string, at: "time?", 2nd: int, where: region, held: holder, twin: twin}, other: {}}
initial: a
states: {a: {on: {pay: {guard: %q, target: a}, other: a}}}
`

// good are expressions that are accepted; what they become is vetted by the tests
// of package gen.
func good(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/good.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

func TestGood(t *testing.T) {
	for _, e := range good(t) {
		if got := check(t, fmt.Sprintf(guarded, e)); got != "" {
			t.Errorf("%s:\n%s", e, got)
		}
	}
}

func TestBad(t *testing.T) {
	for e, want := range map[string]string{
		"context.tries":                        "cannot use context.tries (variable of type int) as bool value",
		"context.tries == 1 &&":                "not an expression",
		"event.amont == 1":                     "event.amont undefined",
		"context.small + 200 > 0":              "overflows",
		"idle == 1":                            "undefined: idle",
		"event.note == event.note":             "optionals are compared with nil only",
		"event.note == \"x\"":                  "mismatched types",
		"func() bool { return true }()":        "only functions by name",
		"panic(1) == nil":                      "panic cannot be called",
		"&context.tries == nil":                "the operator & is not allowed",
		"context.tags[0:1] == nil":             "expressions have operators",
		"duration(\"5x\") > context.wait":      "\"5x\" is not a duration",
		"context.total == 1":                   "mismatched types",
		"context.at == now":                    "there is no == between times",
		"context.tries > 0 && now < *event.at": "before(t, u)",
		"5s":                                   "hint: a duration is written duration(\"5s\")",
		"string(context.tries) == key":         "not its digits",
		"context.where == \"eu\" + key":        "mismatched types",
		"region.north == context.where":        "region.north undefined",
		"context.tries / 0 == 1":               "division by zero",
		"3i == 3i":                             "complex numbers",
		"append(context.tags, key)[0] == key":  "append cannot be called",
		"money{} == context.total":             "expressions have operators",
		"len(context.tries) == 0":              "invalid argument",
		strings.Repeat("!", 2000) + "true":     "more than 1000",
		"iota == 0":                            "iota is not allowed",
		"contains(key) == true":                "not enough arguments",
	} {
		got := check(t, fmt.Sprintf(guarded, e))
		if !strings.Contains(got, want) || !strings.Contains(got, "XS0201") {
			t.Errorf("%s:\n%s\nwant %q", e, got, want)
		}
	}
}

// TestRefused are expressions that Go's type checker has nothing against.
func TestRefused(t *testing.T) {
	for e, want := range map[string]string{
		"region == region": "XS0201 expression",
		"context.where == region.eu && region != region": "region is a type, not a value",
		"before == nil":                                                         "before is a function",
		"event.held == context.held":                                            "hold an optional",
		"event.twin == context.total":                                           "mismatched types",
		"event == context.total":                                                "mismatched types",
		"event.amount == context":                                               "mismatched types",
		"event == event":                                                        "hold an optional",
		"context.tries == 1 || (context.tries) == 0x1":                          "written twice",
		"context.tries > 2 && event._2nd > 1 && context.tries > 2":              "written twice",
		"context.tries != 1 || context.tries != 2":                              "always true",
		"context.tries == 1 && 2 == context.tries":                              "always false",
		"context.where == region.eu && context.where == region.us":              "always false",
		"context.wait != duration(\"60s\") || context.wait != duration(\"2m\")": "always true",
		"context.wait == duration(\"60s\") || context.wait == duration(\"1m\")": "written twice",
		"context.tries == context.tries":                                        "both sides of == are the same",
		"context.tries & (context.tries) == 0":                                  "both sides of & are the same",
		"region.eu == region.eu":                                                "both sides of == are the same",
		"true == true":                                                          "both sides of == are the same",
		"!!true":                                                                "negation of a negation",
		"!(!(context.tries == 1))":                                              "negation of a negation",
	} {
		if got := check(t, fmt.Sprintf(guarded, e)); !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %q", e, got, want)
		}
	}
}

func TestRefusedGuards(t *testing.T) {
	for g, want := range map[string]string{
		"{and: [g, {not: {not: g}}]}":      "written twice",
		"{or: [g, {or: [{and: [h]}, g]}]}": "written twice",
		`{or: ["context.tries == 1", {in: "#m.a"}, "event._2nd > 1 || context.tries == 1"]}`: "written twice",
		`{and: [{not: "!(context.tries > 1)"}, "context.tries > 1"]}`:                        "written twice",
		`{not: {and: ["context.tries == 1", "context.tries == 2"]}}`:                         "always false",
		`{and: [{or: [g, h]}, i, {or: [g, h]}]}`:                                             "written twice",
		`{and: [{or: [g, h]}, g, {or: [h, g]}, {not: h}, {in: "#m.a"}]}`:                     "",
		`{or: ["context.tries == 1", "context.tries == 2", {not: "context.tries == 1"}]}`:    "",
	} {
		got := check(t, strings.Replace(guarded, "%q", g, 1))
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %q", g, got, want)
		}
	}
}

func TestPlaceOfAnError(t *testing.T) {
	got := check(t, fmt.Sprintf(guarded, "context.tries > 0 && event.amount.dollars == 3"))
	want := "states: {a: {on: {pay: {guard: \"context.tries > 0 && event.amount.dollars == 3\", target: a}, other: a}}}\n" +
		"  " + strings.Repeat(" ", 66) + strings.Repeat("^", len("dollars")) + "\n"
	if !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOrder(t *testing.T) {
	text, err := os.ReadFile("../model/testdata/order.machine.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := check(t, string(text)); got != "" {
		t.Error(got)
	}
}

// TestNamesOfFields are names that mean something where they do not follow a dot.
func TestNamesOfFields(t *testing.T) {
	const text = `version: 1
machine: m
types: {word: {enum: [iota, event]}}
context: {event: word, iota: int, now: bool}
events: {e: {iota: word}}
initial: a
states:
  a: {on: {e: {guard: "event.iota == word.iota && context.iota == 1", target: b}}}
  b: {always: {guard: "context.event == word.event && context.now", target: a}}
`
	if got := check(t, text); got != "" {
		t.Error(got)
	}
}

func TestValues(t *testing.T) {
	const m = `version: 1
machine: m
types:
  money: {fields: {currency: {type: string, default: EUR}, cents: int64}}
context: {total: money, note: "string?", list: "[]money", by: "map[string]int"}
events: {go: {note: "string?"}, quote: {fields: {}, reply: {price: money, note: "string?"}}}
emits: {paid: {total: money, n: int}}
initial: a
states:
  a:
    on:
      go: {actions: [%s]}
      quote: {actions: [{reply: {price: context.total}}]}
`
	for _, a := range []string{
		"{assign: {total: {cents: 5}}}", "{assign: {note: event.note}}", `{assign: {note: '"x"'}}`, "{assign: {note: null}}", "{assign: {list: [{cents: 1}, context.total]}}",
		"{assign: {by: {a: 1, b: len(key)}}}", "{emit: paid, with: {total: context.total, n: 0x10}}", "{log: context.total.cents}", "{log: key}",
	} {
		if got := check(t, fmt.Sprintf(m, a)); got != "" {
			t.Errorf("%s:\n%s", a, got)
		}
	}
	for a, want := range map[string]string{
		"{assign: {totl: context.total}}":          "XS0203",
		"{assign: {total: {currency: '\"EUR\"'}}}": "XS0202",
		"{emit: paid}":             "the event paid needs `total`, `n`",
		"{assign: {total: 5}}":     "XS0201",
		"{assign: {total: [1]}}":   "a value of type money cannot be built of a list",
		"{assign: {list: {a: 1}}}": "a value of type []money cannot be built of a mapping",
		"{log: null}":              "nil has no type here",
		"{assign: {note: 5}}":      "cannot use 5",
	} {
		if got := check(t, fmt.Sprintf(m, a)); !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant %q", a, got, want)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, e := range []string{"context.tries + 1 > 3", "event.note != nil", "len(context.tags)", "duration(\"1s\") < 5", "a.b[c](d)..."} {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, e string) { check(t, fmt.Sprintf(guarded, e)) })
}
