package gen_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
)

// lampSpec is the machine of hostile topologies.
const lampSpec = `version: 1
machine: lamp
events: {press: {by: string}, ask: {fields: {by: string}, reply: {on: bool}}, drain: {reason: string}}
emits: {lit: {by: string}}
sends: {friend: {nod: {by: string}}}
initial: dark
states: {dark: {on: {press: {actions: [{emit: lit, with: {by: event.by}}, {send: nod, to: friend, with: {by: event.by}}]}, ask: {actions: [{reply: {on: "false"}}]}, drain: dark}}}
`

const moonSpec = `version: 1
machine: moon
events: {rise: {by: string}, drain: {reason: string}}
initial: down
states: {down: {on: {rise: up, drain: up}}, up: {}}
`

// hostile generates from a topology and its two machines.
func hostile(t *testing.T, topology string) gen.Result {
	t.Helper()
	r, err := gen.Generate(gen.Input{Modules: module, Specs: []gen.Spec{
		{Path: "lamp.machine.yaml", Data: []byte(lampSpec)}, {Path: "moon.machine.yaml", Data: []byte(moonSpec)},
		{Path: "sky.topology.yaml", Data: []byte(topology)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func diagnostics(r gen.Result) string {
	var out bytes.Buffer
	_ = diag.Text(&out, r.Diagnostics)
	return out.String()
}

// TestHostileTopologyTexts puts nasty texts into every place of a topology that holds free
// text, and compares what is declared with a harmless one.
func TestHostileTopologyTexts(t *testing.T) {
	const spec = `version: 1
topology: sky
description: TEXT
machines: {lamp: lamp.machine.yaml, moon: moon.machine.yaml}
hosts: {a: {address: TEXT}, b: {}}
nodes: {one: {host: a, machines: [lamp]}, two: {host: b, machines: [moon]}}
transports: {amqp: {url: TEXT, prefix: "${P:-DEFAULT}"}}
links:
  - {from: lamp, emits: lit, to: moon, event: rise, map: {by: EXPR}, where: COMPARED}
  - {from: lamp, sends: friend, to: moon, event: rise, map: {by: EXPR}}
broadcasts: {drain: {fields: {reason: {type: string, description: TEXT}, more: {type: string, default: TEXT}}, description: TEXT}}
`
	nasty := []string{
		"*/", "/*", "\n", "\nfunc init() { panic(1) }\n", "`", `"`, `\`, "//go:generate rm", "\n//go:generate rm", "go:embed x", "+build ignore",
		"\n+build ignore\n", "import \"C\"", "\u2028func x() {}", "\x0bx", "%s%d", "{{.}}", "\uFEFFx", "\u202ex", strings.Repeat("long ", 100),
	}
	fill := func(text string) string {
		s := strings.ReplaceAll(spec, "TEXT", fmt.Sprintf("%q", text))
		s = strings.ReplaceAll(s, "DEFAULT", "d")
		s = strings.ReplaceAll(s, "COMPARED", fmt.Sprintf("%q", fmt.Sprintf("by != %q", text)))
		return strings.ReplaceAll(s, "EXPR", fmt.Sprintf("%q", fmt.Sprintf("%q", text)))
	}
	want := hostile(t, fill("harmless"))
	if len(want.Packages) != 3 {
		t.Fatal(diagnostics(want))
	}
	harmless := declarations(t, want)
	for _, text := range nasty {
		r := hostile(t, fill(text))
		if len(r.Packages) == 0 {
			t.Errorf("%q: refused: %s", text, diagnostics(r))
			continue
		}
		if got := declarations(t, r); !slices.Equal(got, harmless) {
			t.Errorf("%q changes what is declared:\n%s\nwant\n%s", text, strings.Join(got, "\n"), strings.Join(harmless, "\n"))
		}
	}
}

// TestHostileTopologyNames puts names that could escape into Go in every place of a
// topology's name: each is refused, or declares nothing that is not asked for.
func TestHostileTopologyNames(t *testing.T) {
	const spec = "version: 1\ntopology: %[1]s\npackage: %[2]s\nmachines: {lamp: {spec: lamp.machine.yaml, import: %[9]s}, moon: moon.machine.yaml}\nhosts: {%[3]s: {}}\n" +
		"nodes: {%[4]s: {host: %[3]s, machines: [lamp]}, two: {host: %[3]s, machines: [moon], replicas: 2}}\nprofiles: {%[5]s: {base: reliable}}\n" +
		"links: [{from: lamp, emits: lit, to: %[6]s, event: rise, profile: %[5]s}, {from: lamp, sends: friend, to: %[6]s, event: rise}]\n" +
		"groups: {%[6]s: {machine: moon}}\nbroadcasts: {drain: {reason: string}, %[7]s: {x: int}}\nsubscriptions: {%[8]s: {node: two, topics: ['#']}}\n"
	good := []any{"sky", "p", "h", "one", "money", "moons", "bang", "log", "example.com/x/lamp"}
	for _, name := range []string{
		"a b", "a;b", "a\nb", "a*/", "a`", `a"b`, "../x", "init", "func", "ä", "한글", "_", "-", "", "a.b", "main", "C", "x_test", "x_windows", "all", "node",
		"two-config", "machines", "ready", "unimplemented-log-handler", "types", "bus", strings.Repeat("n", 300),
	} {
		for i := range good {
			args := slices.Clone(good)
			args[i] = fmt.Sprintf("%q", name)
			r := hostile(t, fmt.Sprintf(spec, args...))
			if len(r.Packages) == 0 {
				continue
			}
			declared := declarations(t, r)
			for j, d := range declared {
				if strings.HasPrefix(d, "directive") || strings.Contains(d, " init") || j > 0 && d == declared[j-1] && strings.HasPrefix(d, "type Two") {
					t.Errorf("%q as name %d: %s", name, i, d)
				}
			}
		}
	}
	if r := hostile(t, fmt.Sprintf(spec, good...)); len(r.Packages) == 0 {
		t.Error(diagnostics(r))
	}
}
