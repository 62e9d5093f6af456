package model_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// shop is a directory with machines, and contract one with the contract's own topology, which
// is generated and run there.
const (
	shop     = "testdata/shop/"
	contract = "../../testdata/golden/contract/"
)

// join resolves a topology whose machines' specs are in the directory shop.
func join(t testing.TB, text string) (*model.Topology, string) {
	t.Helper()
	var l diag.List
	s := spec.ParseTopology(source.NewFile("x.topology.yaml", []byte(text)), &l)
	var top *model.Topology
	if s != nil {
		top = model.LinkTopology(s, &l, func(at spec.Scalar) *model.Machine {
			data, err := os.ReadFile(shop + filepath.Base(at.Value))
			if err != nil {
				t.Fatal(err)
			}
			return model.Build(spec.ParseMachine(source.NewFile(at.Value, data), &l), &l)
		})
	}
	var out strings.Builder
	if err := diag.Text(&out, &l); err != nil {
		t.Fatal(err)
	}
	return top, out.String()
}

func shopText(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(contract + "shop.topology.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func resolved(t testing.TB, text string) *model.Topology {
	t.Helper()
	top, diags := join(t, text)
	if diags != "" {
		t.Fatalf("unexpected diagnostics:\n%s", diags)
	}
	return top
}

func pairs(list []*model.Pair) string {
	var out []string
	for _, p := range list {
		s := fmt.Sprintf("%s-%s %s %s", p.From.Name.Value, p.To.Name.Value, p.Location, p.Transport.Kind.Name)
		if p.Local {
			s += " local"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n  %s\nwant\n  %s", what, got, want)
	}
}

func TestShopResolves(t *testing.T) {
	top := resolved(t, shopText(t))
	for i, want := range []string{
		"web-depot remote amqp", "web-bank same-machine zeromq", "web-depot remote amqp", "web-web same-process memory local",
	} {
		equal(t, fmt.Sprint("the pairs of link ", i), pairs(top.Links[i].Pairs), want)
	}
	equal(t, "the pairs of drain", pairs(top.Broadcasts[0].Pairs), "web-bank same-machine zeromq, bank-bank same-machine zeromq local, depot-bank remote amqp")
	equal(t, "the pairs of audit", pairs(top.Subscriptions[0].Pairs), "web-depot remote amqp, bank-depot remote amqp, depot-depot same-process memory local")
	for i, want := range []string{"memory zeromq amqp", "zeromq amqp", "memory amqp"} {
		got := ""
		for _, x := range top.Nodes[i].Transports {
			got += " " + x.Kind.Name
		}
		equal(t, "the transports of "+top.Nodes[i].Name.Value, got, " "+want)
	}
	if n := top.Nodes[0]; len(n.Requests) != 1 || n.Requests[0].Routes[0].Target.Name.Value != "quote" || n.Requests[0].Timeout.Seconds() != 2 {
		t.Errorf("web's requests are %+v", n.Requests)
	}
}

// sets says how the fields of a route's target are set.
func sets(r *model.Route) string {
	s := r.Target.Name.Value + ":"
	for _, x := range r.Sets {
		if s += " " + x.Field.Name.Value + "="; x.Value != nil {
			s += x.Value.Scalar.Value
		} else {
			s += "(" + x.From.Name.Value + ")"
		}
	}
	return s
}

func TestRoutesOfTheShop(t *testing.T) {
	top := resolved(t, shopText(t))
	for i, want := range []string{"dispatch: id=(id)", "book: id=order_id total=(total)", "watch: order=key state=state seq=(seq)", "quote:"} {
		equal(t, fmt.Sprint("link ", i), sets(top.Links[i].Routes[0]), want)
	}
	var states []string
	for _, s := range top.Links[2].Routes[0].States {
		states = append(states, s.Path)
	}
	equal(t, "the states", strings.Join(states, " "), "placed.awaiting placed.ready")
	g := top.Groups[0]
	if g.Location != model.SameMachine || g.Transport.Kind.Name != "zeromq" || g.Policy != model.RoundRobin || g.Machine.Processes() != 3 {
		t.Errorf("the group is %+v", g)
	}
	if p := top.Links[0].Profile; p.Retry.Attempts != 8 || !p.DeadLetter || !p.Given["confirm"] || p.Base.Name.Value != "reliable" {
		t.Errorf("the profile is %+v", p)
	}
}

// TestStates: only leaves are published.
func TestStates(t *testing.T) {
	top := resolved(t, strings.Replace(shopText(t), `"placed.*"`, `["*", placed]`, 1))
	var states []string
	for _, s := range top.Links[2].Routes[0].States {
		states = append(states, s.Path)
	}
	equal(t, "the states", strings.Join(states, " "), "idle placed.awaiting placed.ready closed")
}

// TestInlineAndReplicas moves ends of links: where they are is what nodes say.
func TestInlineAndReplicas(t *testing.T) {
	text := strings.Replace(shopText(t), "machines: [order]", "machines: [order, shipping]", 1)
	text = strings.Replace(text, "to: shipping, profile: money}", "to: shipping, inline: true}", 1)
	text = strings.Replace(text, "machines: [shipping]", "replicas: 2", 1)
	top := resolved(t, text)
	equal(t, "an inline link", pairs(top.Links[0].Pairs), "web-web same-thread direct local")
	equal(t, "a subscription", pairs(top.Subscriptions[0].Pairs), "web-depot remote amqp, bank-depot remote amqp")
	text = strings.Replace(text, `map: {id: order_id}`, `map: {id: order_id}, via: unix`, 1)
	top = resolved(t, text)
	equal(t, "a group's link with a way of its own", pairs(top.Links[1].Pairs), "web-bank same-machine unix")
}

// TestNestedSettings are in a mapping, and one of them is a list.
func TestNestedSettings(t *testing.T) {
	for allow, want := range map[string]string{
		`allow: {users: [web, "${OTHER:-bank}", 1000], group: shop}`: "allow.users=[web,  ][ OTHER bank][,1000  ] allow.group=[shop  ] ",
		`allow: {users: web}`: "allow.users=[web  ] allow.group= ",
	} {
		top := resolved(t, strings.Replace(shopText(t), "  zeromq: {", "  zeromq: {"+allow+", ", 1))
		got := ""
		for _, s := range top.Transports[2].Settings[1:] {
			got += s.Key + "="
			for _, p := range s.Parts {
				got += fmt.Sprintf("[%s %s %s]", p.Text, p.Variable, p.Default)
			}
			got += " "
		}
		equal(t, allow, got, want)
	}
	for _, allow := range []string{"allow: {user: [web]}", "allow: web", "allow: {users: [[web]]}", "allow: {users: {web: yes}}", "allow: {users: []}"} {
		if _, said := join(t, strings.Replace(shopText(t), "  zeromq: {", "  zeromq: {"+allow+", ", 1)); !strings.Contains(said, "error") {
			t.Errorf("%s was taken, and said was %q", allow, said)
		}
	}
}

func TestSettings(t *testing.T) {
	top := resolved(t, strings.Replace(shopText(t), `prefix: shop}`, `prefix: "$${a}${B}-$$${C:-$$d}"}`, 1))
	part := func(s *model.Setting) string {
		out := ""
		for _, p := range s.Parts {
			out += fmt.Sprintf("[%s %s %s %t %t %d]", p.Text, p.Variable, p.Default, p.HasDefault, p.Temporary, p.Pos.Col)
		}
		return out
	}
	var all []string
	for _, x := range top.Transports {
		for _, s := range x.Settings {
			all = append(all, s.Key+" "+part(s))
		}
	}
	equal(t, "the settings", strings.Join(all, "\n"), "dir [ XDG_RUNTIME_DIR /tmp true false 18][/shop   false false 42]\nallow.users \nallow.group \n"+
		"url [ AMQP_URL amqp://guest:guest@localhost:5672/ true false 18]\nprefix [${a}   false false 77][ B  false false 82][-$   false false 86][ C $d true false 89]\n"+
		"insecure [false   false false 0]\npassive [false   false false 0]")
	if n := top.Transports[2].Settings[0].Length(); n != len("/tmp/shop-1000") {
		t.Errorf("the length is %d", n)
	}
	top = resolved(t, strings.Replace(shopText(t), `zeromq: {dir`, `unix: {dir`, 1))
	equal(t, "a default", part(top.Transports[3].Settings[0]), "[ XDG_RUNTIME_DIR  false true 0][/shop   false false 0]")
	if n := top.Transports[3].Settings[0].Length(); n != len("/tmp/shop-1000") {
		t.Errorf("the length of a default is %d", n)
	}
}
