package gen_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
)

const largeHead = "version: 1\nmachine: m\n"

// many writes n times the format, for the numbers from 0 and from 1 on.
func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i, i+1)
	}
	return b.String()
}

// large are specs over which a careless walk would take for ever, and the tests be ended:
// each takes a fraction of a second on a machine that does nothing else.
var large = map[string]string{
	"types of types": largeHead + "types:\n" + many(3000, "  t%[1]d: {fields: {a: t%[2]d, b: t%[2]d}}\n") + "  t3000: {enum: [x]}\ninitial: a\nstates: {a: {}}\n",
	"duplicate keys": largeHead + "events:\n" + many(20000, "  e: {}\n  f%d: {a: int%.0[2]d}\n") + "initial: a\nstates: {a: {}}\n",
	"a chain":        largeHead + "initial: s0\nstates:\n" + many(5000, "  s%d: {always: s%d}\n") + "  s5000: {always: s0}\n",
	"one line":       "{version: 1, machine: m, events: {" + many(30000, "e%[1]d: {n: int}, ") + "}, initial: a, states: {a: {}}}\n",
	"one wide line":  "{version: 1, machine: m, events: {" + many(20000, "e%[1]d: {n: {type: int, description: 'ä'}}, ") + "}, initial: a, states: {a: {}}}\n",
	"negations":      largeHead + "context: {n: int}\nevents: {e: {}}\ninitial: a\nstates: {a: {on: {e: [" + many(40, "{guard: {and: [g%d, "+strings.Repeat("{not: ", 80)+"{or: ['context.n == %[2]d', h]}"+strings.Repeat("}", 80)+"]}}, ") + "]}}}\n",
	"regions": largeHead + "context: {n: int}\nevents: {e: {}, back: {}}\ninitial: p\nstates:\n  q: {on: {e: p}}\n  p:\n    type: parallel\n    on: {back: q}\n    states:\n" +
		many(3000, "      r%[1]d: {entry: [{assign: {n: %[2]d}}], exit: [{assign: {n: 0}}], on: {e: {actions: [{assign: {n: 1}}]}}}\n"),
	"lost targets": largeHead + "events: {e: {}}\ninitial: s0\nstates:\n" + many(8000, "  s%[1]d: {on: {e: x%[1]d}}\n"),
	"lost types": largeHead + "types:\n" + many(8000, "  t%[1]d: {fields: {a: int}}\n") + "context:\n" + many(8000, "  c%[1]d: u%[1]d\n") +
		"initial: a\nstates: {a: {}}\n",
	"lost fields": largeHead + "context:\n" + many(8000, "  c%[1]d: int\n") + "initial: a\nstates:\n  a:\n    entry:\n      assign:\n" + many(8000, "        d%[1]d: 1\n"),
	"lost events": largeHead + "events:\n" + many(4000, "  e%[1]d: {}\n") + "initial: a\nstates:\n  a:\n    on:\n" + many(4000, "      f%[1]d: a\n"),
}

func TestLargeSpecsEnd(t *testing.T) {
	for name, spec := range large {
		l := gen.Check(gen.Input{Specs: []gen.Spec{{Path: "m.machine.yaml", Data: []byte(spec)}}, Modules: module})
		var out bytes.Buffer
		_ = diag.Text(&out, l)
		if l.Len() == 0 && name != "negations" {
			t.Errorf("%s: nothing is found", name)
		}
		if strings.HasPrefix(name, "lost") && !strings.Contains(out.String(), "did you mean") {
			t.Errorf("%s: there are no hints at all", name)
		}
	}
}

// TestARowOfStates is a large spec with nothing wrong in it.
func TestARowOfStates(t *testing.T) {
	spec := largeHead + "events: {e: {}}\ninitial: s0\nstates:\n" + many(5000, "  s%d: {on: {e: s%d}}\n") + "  s5000: {}\n"
	if l := gen.Check(gen.Input{Specs: []gen.Spec{{Path: "m.machine.yaml", Data: []byte(spec)}}, Modules: module}); l.Len() > 0 {
		t.Errorf("%d findings", l.Len())
	}
}
