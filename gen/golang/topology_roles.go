package golang

import (
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// roles declares who plays the roles of a machine: the receivers of its links.
func (g *topologyGenerator) roles(f *jen.File, p *model.Participant) {
	for _, r := range p.Machine.Sends {
		g.role(f, p, r)
	}
	name := "connect" + g.names.machine[p]
	f.Comment(name + " has " + p.ID.Value + " publish, and its roles played by those whom links name.")
	f.Func().Id(name).Params(jen.Id("m").Add(g.host(p))).Func().Params(jen.Op("*").Qual(busPath, "Bus")).Error().Block(
		jen.Return(jen.Func().Params(busParam()).Error().BlockFunc(func(b *jen.Group) {
			var roles []jen.Code
			for i, r := range p.Machine.Sends {
				player := "r" + strconv.Itoa(i+1)
				b.List(jen.Id(player), jen.Err()).Op(":=").Id("new" + g.playerName(p, r)).Call(jen.Id("b"))
				b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err()))
				roles = append(roles, field(goname.Exported(r.Name.Value), jen.Id(player)))
			}
			b.Return(jen.Id("m").Dot("Connect").Call(jen.Id("b"), g.of(p, "Roles").Values(roles...)))
		})))
}

func (g *topologyGenerator) playerName(p *model.Participant, r *model.Role) string {
	return "Player" + g.names.machine[p] + goname.Exported(r.Name.Value)
}

// playing are the routes of an event that is sent to a role.
func (g *topologyGenerator) playing(p *model.Participant, r *model.Role, e *model.Event) []*model.Route {
	var out []*model.Route
	for _, l := range g.t.Links {
		if l.FromMachine != p || l.Kind != spec.Sends {
			continue
		}
		for _, x := range l.Routes {
			if x.Role == r && x.Source == e {
				out = append(out, x)
			}
		}
	}
	return out
}

// role declares who plays a role. Each event goes to all receivers that links name, as
// each of them takes it.
func (g *topologyGenerator) role(f *jen.File, p *model.Participant, r *model.Role) {
	name := "player" + g.playerName(p, r)[len("Player"):]
	var fields, makes []jen.Code
	wires := map[*model.Route]string{}
	for _, e := range r.Events {
		for i, x := range g.playing(p, r, e) {
			wires[x] = goname.Unexported(e.Name.Value) + strconv.Itoa(i+1)
			fields = append(fields, jen.Id(wires[x]).Add(ofNode("Wire")).Index(g.source(x)))
			makes = append(makes, orReturn(jen.List(jen.Id("r").Dot(wires[x]), jen.Err()).Op("=").Add(g.newWire(x, true)), jen.Nil()))
		}
	}
	f.Add(doc(name + " plays the role " + r.Name.Value + " of " + p.ID.Value + ".")).Type().Id(name).Struct(fields...)
	f.Func().Id("new"+g.playerName(p, r)).Params(busParam()).Params(jen.Op("*").Id(name), jen.Error()).BlockFunc(func(b *jen.Group) {
		b.Id("r").Op(":=").Op("&").Id(name).Values()
		b.Var().Err().Error()
		for _, m := range makes {
			b.Add(m)
		}
		b.Return(jen.Id("r"), jen.Err())
	})
	for _, e := range r.Events {
		params, args := keyedParams(p.Keyed())
		id := jen.Lit("")
		if p.Keyed() {
			id = jen.Qual(machinePath, "EventID").Call(jen.Id("ctx"))
		} else {
			args = append(args, jen.Lit(""))
		}
		args = append([]jen.Code{args[0], id}, append(args[1:], jen.Id("e"))...)
		var calls []jen.Code
		for _, x := range g.playing(p, r, e) {
			calls = append(calls, jen.Id("r").Dot(wires[x]).Call(args...))
		}
		f.Func().Params(jen.Id("r").Op("*").Id(name)).Id(goname.Exported(e.Name.Value)).
			Params(append(params, jen.Id("e").Op("*").Add(g.event(p, e)))...).Error().Block(jen.Return(joined(calls)))
	}
}

// joined is the error of some calls.
func joined(calls []jen.Code) *jen.Statement {
	switch len(calls) {
	case 0:
		return jen.Nil()
	case 1:
		return jen.Add(calls[0])
	}
	return jen.Qual("errors", "Join").Call(lines(calls)...)
}
