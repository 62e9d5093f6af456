package wiring_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/gen/wiring"
)

// specs are the machines of the tests: cells, of which there are many, and a lamp.
var specs = map[string]string{
	"cell": `
version: 1
machine: cell
keyed: true
events:
  go: {n: int}
  ask: {reply: {n: int}}
  drain: {}
emits: {did: {n: int}}
sends: {light: {note: {n: int}}}
initial: still
states: {still: {on: {go: {actions: [x]}, ask: {actions: [x]}, drain: {actions: [x]}}}}
`,
	"lamp": `
version: 1
machine: lamp
events:
  note: {n: int}
  dim: {reply: {n: int}}
  drain: {}
emits: {lit: {n: int}}
initial: off
states: {off: {on: {note: {actions: [x]}, dim: {actions: [x]}, drain: {actions: [x]}}}}
`,
}

// wired is what the nodes of a topology do.
func wired(t *testing.T, text string) *wiring.Wiring {
	t.Helper()
	return wiring.Of(linked(t, text))
}

// linked is a topology without errors. Its text begins after the machines.
func linked(t *testing.T, text string) *model.Topology {
	t.Helper()
	var l diag.List
	head := "version: 1\ntopology: town\nmachines: {cell: {spec: cell, store: shared}, lamp: lamp}\nhosts: {h1: {address: 10.0.0.1}, h2: {}}\n"
	s := spec.ParseTopology(source.NewFile("town.topology.yaml", []byte(head+text)), &l)
	var top *model.Topology
	if s != nil {
		top = model.LinkTopology(s, &l, func(at spec.Scalar) *model.Machine {
			return model.Build(spec.ParseMachine(source.NewFile(at.Value, []byte(specs[at.Value])), &l), &l)
		})
	}
	for _, d := range l.Sorted() {
		t.Fatalf("%d: %s", d.Pos.Line, d.Message)
	}
	return top
}

// node is one of them.
func node(t *testing.T, w *wiring.Wiring, name string) *wiring.Node {
	t.Helper()
	for _, n := range w.Nodes {
		if n.Name.Value == name {
			return n
		}
	}
	t.Fatalf("there is no node %s", name)
	return nil
}

func kinds(list []*model.Transport) string {
	var out []string
	for _, x := range list {
		out = append(out, x.Kind.Name)
	}
	return strings.Join(out, "+")
}

func names(list []*model.Node) string {
	var out []string
	for _, n := range list {
		out = append(out, n.Name.Value)
	}
	return strings.Join(out, "+")
}

func showRoute(r *wiring.Route) string {
	s := string(r.Topic.Pattern)
	if r.Local {
		s += " here"
	}
	if len(r.Via) > 0 {
		s += " by " + kinds(r.Via)
	}
	for _, via := range r.Via {
		if others := r.Elsewhere[via]; len(others) > 0 {
			s += fmt.Sprintf(" (by %s not from %s)", via.Kind.Name, names(others))
		}
	}
	if r.Way != nil {
		s += " as " + r.Way.Target.Name.Value
	}
	return s
}

var policies = [...]string{"round-robin", "least-loaded", "random", "sticky"}

// inboxes are what the machines of a node hear, one line for each inbox and each forward.
func inboxes(n *wiring.Node) (out []string) {
	for _, m := range n.Machines {
		for _, i := range m.Inboxes {
			s := i.Name + " " + i.Profile.Name.Value
			if i.Direct {
				s += " direct"
			}
			if i.Group != "" {
				s += " of " + i.Group + " " + policies[i.Policy]
			}
			out = append(out, s+routes(i.Routes))
		}
		for _, f := range m.Forwards {
			out = append(out, f.Name+routes(f.Routes))
		}
	}
	return out
}

func routes(list []*wiring.Route) string {
	var out []string
	for _, r := range list {
		out = append(out, showRoute(r))
	}
	return ": " + strings.Join(out, ", ")
}

// outgoing is what leaves a node.
func outgoing(n *wiring.Node) (out []string) {
	for _, o := range n.Outgoing {
		out = append(out, fmt.Sprintf("%s by %s %s", o.Topic.Pattern, o.Via.Kind.Name, o.Profile.Name.Value))
	}
	return out
}

// doors are to whom a node's code sends, and what it may.
func doors(n *wiring.Node) (out []string) {
	for _, d := range n.Doors {
		s := d.Machine.ID.Value
		if d.Group != nil {
			s = d.Group.Name.Value
		}
		if d.Self {
			s += " itself"
		}
		for _, x := range d.Sends {
			s += " " + string(x.Topic.Pattern)
		}
		for _, x := range d.Requests {
			if s += " ?" + string(x.Topic.Pattern); x.Via != nil {
				s += " by " + x.Via.Kind.Name
			}
			if x.Timeout > 0 {
				s += " in " + x.Timeout.String()
			}
		}
		out = append(out, s)
	}
	return out
}

func setting(s *model.Setting) string {
	text := ""
	for _, p := range s.Parts {
		if text += p.Text; p.Variable != "" {
			text += "$" + p.Variable
		}
	}
	return text
}

// transports are those that a node opens, with whom they join it and to which queues it
// sends.
func transports(n *wiring.Node) (out []string) {
	for _, t := range n.Transports {
		s := t.Kind.Name
		if t.Listen != nil {
			s += " at " + setting(t.Listen)
		}
		for _, p := range t.Peers {
			if s += " " + p.Node.Name.Value; p.Address != nil {
				s += "=" + setting(p.Address)
			}
		}
		for _, q := range t.Queues {
			s += fmt.Sprintf(", %s %v", q.Name, q.Patterns)
			if q.Group != "" {
				s += " of " + q.Group
			}
		}
		out = append(out, s)
	}
	return out
}

func subscriptions(n *wiring.Node) (out []string) {
	for _, s := range n.Subscriptions {
		line := s.Name.Value + routes(s.Routes) + "; hears"
		for _, x := range s.Heard {
			line += " " + string(x.Pattern)
		}
		out = append(out, line)
	}
	return out
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
