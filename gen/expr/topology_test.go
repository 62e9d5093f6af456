package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// ends are two machines whose types are alike, and not.
var ends = map[string]string{
	"from": `version: 1
machine: from
keyed: true
types:
  money: {fields: {currency: string, cents: int64}}
  region: {enum: [eu, us]}
  line: {fields: {sku: string, n: int}}
emits:
  sold: {id: string, total: money, region: region, note: "string?", lines: "[]line", by: "map[string]region", type: string, at: time, wait: duration, key: string, 2nd: int, maybe: "region?"}
initial: a
states: {a: {}}
`,
	"to": `version: 1
machine: to
types:
  amount: {fields: {cents: int64, currency: string}}
  region: {enum: [apac, us, eu]}
  grade: {enum: [low, high]}
  row: {fields: {n: int, sku: string}}
events:
  book: {id: string, total: "amount?", area: "region?", grade: "grade?", rows: "[]row?", areas: "map[string]region?", n: "int8?", when: "time?", wait: "duration?", text: "string?", flag: "bool?", raw: "bytes?"}
initial: a
states: {a: {on: {book: a}}}
`,
}

// mapped checks a link that sets a field to an expression, and has a filter.
func mapped(t *testing.T, field, value, where string) (*expr.Mapping, *model.Route, string) {
	t.Helper()
	var l diag.List
	text := fmt.Sprintf("version: 1\ntopology: t\nmachines: {from: from, to: to}\nlinks:\n  - {from: from, emits: sold, to: to, event: book, map: {%s: %s}, where: %s}\n", field, value, where)
	s := spec.ParseTopology(source.NewFile("t.topology.yaml", []byte(text)), &l)
	top := model.LinkTopology(s, &l, func(at spec.Scalar) *model.Machine {
		return model.Build(spec.ParseMachine(source.NewFile(at.Value, []byte(ends[at.Value])), &l), &l)
	})
	routes := expr.CheckTopology(top, &l)
	var out strings.Builder
	if err := diag.Text(&out, &l); err != nil {
		t.Fatal(err)
	}
	if len(top.Links[0].Routes) == 0 {
		t.Fatal(out.String())
	}
	r := top.Links[0].Routes[0]
	return routes[r], r, out.String()
}

// TestMapped are expressions that fit, with the types that they are of themselves.
func TestMapped(t *testing.T) {
	for _, c := range []struct{ field, value, want string }{
		{"id", `id + "-" + event.id`, "string"}, {"id", "key", "string"}, {"id", "event.key", "string"}, {"id", "type_", "string"}, {"id", `string(region)`, "string"},
		{"total", "total", "money lifted"}, {"total", "event.total", "money lifted"}, {"total", "nil", "amount?"}, {"total", "~", "amount?"},
		{"area", "region", "region lifted"}, {"area", "region.eu", "region lifted"}, {"area", "by[key]", "region lifted"}, {"area", "maybe", "region?"}, {"area", "*maybe", "region lifted"},
		{"grade", "grade.high", "grade lifted"}, {"rows", "lines", "[]line lifted"}, {"areas", "by", "map[string]region lifted"},
		{"n", "1 + 2", "int8 lifted"}, {"n", "int8(_2nd)", "int8 lifted"}, {"when", "at", "time lifted"}, {"when", "now", "time lifted"}, {"wait", "wait * 2", "duration lifted"},
		{"text", "note", "string?"}, {"text", "*note", "string lifted"}, {"flag", "total.cents > 0 && before(at, now)", "bool lifted"},
	} {
		m, r, diags := mapped(t, c.field, fmt.Sprintf("%q", c.value), `total.cents > 0`)
		if c.value == "~" {
			m, r, diags = mapped(t, c.field, c.value, `region == region.eu && len(lines) > 0`)
		}
		if diags != "" {
			t.Errorf("%s: %s:\n%s", c.field, c.value, diags)
			continue
		}
		for _, s := range r.Sets {
			e := m.Values[s.Value]
			if s.Value == nil || s.Field.Name.Value != c.field {
				continue
			}
			got := e.Type.String()
			if e.Lift {
				got += " lifted"
			}
			if got != c.want {
				t.Errorf("%s: %s is %s, want %s", c.field, c.value, got, c.want)
			}
			e.Part()
			m.Where.Part()
		}
	}
}

func TestNotMapped(t *testing.T) {
	for _, c := range []struct{ field, value, where, want string }{
		{"total", "lines", "true", "cannot use lines (of type []line at its source) as the receiver's amount?"},
		{"total", "'*note'", "true", "(of type string at its source)"},
		{"area", "grade.low", "true", "(of type grade at its source) as the receiver's region?"},
		{"area", "region.apac", "true", "undefined"},
		{"area", `'"eu"'`, "true", "(of type string at its source)"},
		{"rows", "[lines]", "true", "cannot use lines (of type []line at its source) as the receiver's row"},
		{"rows", "{a: 1}", "true", "cannot be built of a mapping"},
		{"areas", "{a: grade.low}", "true", "as the receiver's region"},
		{"n", "total.cents", "true", "cannot use event.total.cents (variable of type int64) as int8 value"},
		{"n", "300", "true", "overflows"},
		{"id", "id", "context.x", "undefined: context"},
		{"id", "id", "region", "cannot use event.region"},
		{"id", "id", "total == total", "both sides of == are the same"},
		{"id", "grade", "true", "cannot use grade"},
		{"grade", "grade", "true", "grade is a type, not a value"},
		{"id", "note", "true", "cannot use event.note"},
	} {
		if _, _, got := mapped(t, c.field, c.value, fmt.Sprintf("%q", c.where)); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, where %s: got\n%s\nwant %s", c.field, c.value, c.where, got, c.want)
		}
	}
}

// TestBuilt are values that are built for the receiver.
func TestBuilt(t *testing.T) {
	m, _, diags := mapped(t, "total", `{cents: total.cents * 2, currency: '"EUR"'}`, "event.total.cents > 0")
	if diags != "" || len(m.Values) != 2 {
		t.Errorf("%d values\n%s", len(m.Values), diags)
	}
	if _, _, diags := mapped(t, "rows", `[{n: 1, sku: id}, {n: len(lines), sku: 'lines[0].sku'}]`, "true"); diags != "" {
		t.Error(diags)
	}
}
