package golang

import (
	"slices"
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/wiring"
)

// inboxes declares what the machines hear on each node.
func (g *topologyGenerator) inboxes(f *jen.File) {
	for _, n := range g.wiring.Nodes {
		for _, m := range n.Machines {
			if len(m.Inboxes) == 0 {
				continue
			}
			var elements []jen.Code
			for _, i := range m.Inboxes {
				elements = append(elements, g.inbox(m, i))
			}
			f.Comment(g.inboxesName(n, m.Participant) + " are where " + m.ID.Value + " hears what on " + oneLine(n.Name.Value) + ".")
			f.Func().Id(g.inboxesName(n, m.Participant)).Params(jen.Id("m").Add(g.host(m.Participant))).Index().Add(ofNode("Inbox")).BlockFunc(func(b *jen.Group) {
				if slices.ContainsFunc(m.Inboxes, hearsOwn) {
					b.Id("take").Op(":=").Add(g.takeOwn(m.Participant))
				}
				b.Return(list(jen.Index().Add(ofNode("Inbox")), elements))
			})
		}
	}
	for _, p := range g.t.Machines {
		if m := g.forwarding(p); m != nil {
			g.forwards(f, m)
		}
	}
}

// hearsOwn reports whether events come to an inbox that are what its machine takes.
func hearsOwn(i *wiring.Inbox) bool { return slices.ContainsFunc(i.Routes, isOwn) }

func isOwn(r *wiring.Route) bool { return r.Way == nil && r.Broadcast == nil }

// takeOwn is what a machine does with those.
func (g *topologyGenerator) takeOwn(p *model.Participant) *jen.Statement {
	args := []jen.Code{jen.Id("ctx"), jen.Id("e")}
	if p.Keyed() {
		args = append(args, jen.Id("e").Dot("Key").Call())
	}
	return jen.Func().Params(ctxParam(), anyEventParam()).Error().Block(
		jen.List(jen.Id("ev"), jen.Id("_")).Op(":=").Id("e").Dot("Value").Call().Assert(g.of(p, "ExternalEvent")),
		jen.Return(jen.Id("m").Dot("Take").Call(append(args, jen.Id("ev"))...)))
}

func (g *topologyGenerator) inboxesName(n *wiring.Node, p *model.Participant) string {
	return "inboxes" + g.names.node[n.Node] + g.names.machine[p]
}

// forwarding is a machine on one of its nodes, if events of it are forwarded; nil if not.
func (g *topologyGenerator) forwarding(p *model.Participant) *wiring.Machine {
	for _, n := range g.wiring.Nodes {
		for _, m := range n.Machines {
			if m.Participant == p && len(m.Forwards) > 0 {
				return m
			}
		}
	}
	return nil
}

// inboxesOf are all inboxes of a machine on a node; nil if there is none.
func (g *topologyGenerator) inboxesOf(b *jen.Group, n *wiring.Node, m *wiring.Machine, machine *jen.Statement) *jen.Statement {
	var inboxes *jen.Statement
	if len(m.Inboxes) > 0 {
		inboxes = jen.Id(g.inboxesName(n, m.Participant)).Call(machine)
	}
	if len(m.Forwards) == 0 {
		return inboxes
	}
	name := "forwards" + g.names.machine[m.Participant]
	b.List(jen.Id(name), jen.Err()).Op(":=").Id("new" + "Forwards" + g.names.machine[m.Participant]).Call(jen.Id("n").Dot("Bus").Call())
	b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err()))
	if inboxes == nil {
		return jen.Id(name)
	}
	return jen.Append(inboxes, jen.Id(name).Op("..."))
}

func (g *topologyGenerator) inbox(m *wiring.Machine, i *wiring.Inbox) jen.Code {
	set := []jen.Code{field("Name", jen.Lit(i.Name))}
	switch {
	case i.Direct:
		set = append(set, field("Direct", jen.True()))
	case i.Profile != model.BuiltInProfiles[0]:
		set = append(set, field("Profile", g.profile(i.Profile)))
	}
	if i.Group != "" {
		set = append(set, field("Group", jen.Lit(i.Group)), field("Policy", jen.Qual(transportPath, policyNames[i.Policy])))
	}
	var routes []jen.Code
	for _, r := range i.Routes {
		routes = append(routes, g.route(r, g.take(m.Participant, r)))
	}
	set = append(set, field("Routes", list(jen.Index().Add(ofNode("Route")), routes)))
	return jen.Values(lines(set)...)
}

var policyNames = map[model.Policy]string{
	model.RoundRobin: "RoundRobin", model.LeastLoaded: "LeastLoaded", model.Random: "Random", model.Sticky: "Sticky",
}

// route is a route whose events are taken by take.
func (g *topologyGenerator) route(r *wiring.Route, take *jen.Statement) jen.Code {
	set := []jen.Code{field("Pattern", g.pattern(r.Topic))}
	if r.Local {
		set = append(set, field("Local", jen.True()))
	}
	if len(r.Via) > 0 {
		set = append(set, field("Via", jen.Index().String().ValuesFunc(func(b *jen.Group) {
			for _, t := range r.Via {
				b.Lit(t.Kind.Name)
			}
		})))
	}
	if len(r.Elsewhere) > 0 {
		set = append(set, field("Elsewhere", g.elsewhere(r)))
	}
	if r.Way != nil && r.Way.Where != nil {
		set = append(set, field("Where", ofNode("Where").Call(jen.Id(g.names.way[r.Way]+"Where"))))
	}
	return jen.Values(append(set, field("Take", take))...)
}

// elsewhere are, by the transport, the nodes whose events come by another one.
func (g *topologyGenerator) elsewhere(r *wiring.Route) *jen.Statement {
	return jen.Map(jen.String()).Index().String().ValuesFunc(func(b *jen.Group) {
		for _, t := range r.Via {
			if len(r.Elsewhere[t]) == 0 {
				continue
			}
			b.Lit(t.Kind.Name).Op(":").ValuesFunc(func(b *jen.Group) {
				for _, n := range r.Elsewhere[t] {
					b.Lit(n.Name.Value)
				}
			})
		}
	})
}

// take is what a machine does with the events of a route.
func (g *topologyGenerator) take(p *model.Participant, r *wiring.Route) *jen.Statement {
	take := jen.Id("m").Dot("Take")
	switch {
	case isOwn(r):
		return jen.Id("take")
	case r.Broadcast != nil && p.Keyed():
		return ofNode("Mapped").Call(jen.Id(g.heardBroadcast(r.Broadcast, p)), jen.Id("m").Dot("TakeAll"))
	case r.Broadcast != nil:
		return ofNode("Mapped").Call(jen.Id(g.heardBroadcast(r.Broadcast, p)), take)
	case p.Keyed():
		return ofNode("MappedKeyed").Call(g.keyOf(r.Way), jen.Id(g.names.way[r.Way]), take)
	}
	return ofNode("Mapped").Call(jen.Id(g.names.way[r.Way]), take)
}

// keyOf is the function that says which instance is meant.
func (g *topologyGenerator) keyOf(r *model.Route) *jen.Statement {
	if r.Key != nil {
		return jen.Id(g.names.way[r] + "Key")
	}
	return ofNode("SameKey").Index(g.source(r))
}

// forwards declares the direct inboxes that publish a machine's events anew. Where all
// its processes are one program, one of them does.
func (g *topologyGenerator) forwards(f *jen.File, m *wiring.Machine) {
	name := "newForwards" + g.names.machine[m.Participant]
	f.Comment(name + " publishes what " + m.ID.Value + " has published for those whom a key chooses, or for everybody.")
	f.Func().Id(name).Params(busParam()).Params(jen.Index().Add(ofNode("Inbox")), jen.Error()).BlockFunc(func(b *jen.Group) {
		var inboxes []jen.Code
		for i, x := range m.Forwards {
			var routes []jen.Code
			wires := map[*model.Route]string{}
			for j, r := range x.Link.Routes {
				wires[r] = "w" + strconv.Itoa(i+1) + "_" + strconv.Itoa(j+1)
				b.List(jen.Id(wires[r]), jen.Err()).Op(":=").Add(g.newWire(r, false))
				b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err()))
			}
			for _, r := range x.Routes {
				routes = append(routes, g.route(r, ofNode("Forward").Call(jen.Id(wires[r.Way]), jen.Lit(x.Name))))
			}
			set := []jen.Code{field("Name", jen.Lit(x.Name)), field("Direct", jen.True())}
			if m.Processes() > 1 {
				set = append(set, field("Group", jen.Lit(x.Name)))
			}
			inboxes = append(inboxes, jen.Values(lines(append(set, field("Routes", list(jen.Index().Add(ofNode("Route")), routes))))...))
		}
		b.Return(list(jen.Index().Add(ofNode("Inbox")), inboxes), jen.Nil())
	})
}
