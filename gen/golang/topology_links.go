package golang

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/gen/wiring"
)

// links declares what becomes of events on their way along links.
func (g *topologyGenerator) links(f *jen.File) {
	c := &crossing{topologyGenerator: g, file: f, funcs: map[[2]*model.Named]string{}}
	for _, l := range g.t.Links {
		if l.FromMachine == nil {
			continue
		}
		for _, r := range l.Routes {
			c.way(r)
		}
	}
	for _, x := range g.t.Broadcasts {
		for _, p := range x.Hearers {
			if len(p.Nodes) > 0 {
				c.hearBroadcast(x, p)
			}
		}
	}
	for _, p := range g.t.Machines {
		if len(p.Machine.Sends) > 0 && len(p.Nodes) > 0 {
			g.roles(f, p)
		}
	}
	c.functions()
}

// hasWays reports whether anything is mapped, or played.
func (g *topologyGenerator) hasWays() bool {
	return slices.ContainsFunc(g.t.Links, func(l *model.Link) bool { return l.FromMachine != nil }) ||
		slices.ContainsFunc(g.t.Broadcasts, func(x *model.Broadcast) bool { return len(x.Hearers) > 0 })
}

// source is the struct of what a route takes.
func (g *topologyGenerator) source(r *model.Route) *jen.Statement {
	from := r.Link.FromMachine
	if r.Source == nil {
		return g.of(from, "StateChanged")
	}
	return g.event(from, r.Source)
}

// target is the struct of what a route's events become.
func (g *topologyGenerator) target(r *model.Route) *jen.Statement {
	return g.event(r.Link.ToMachine, r.Target)
}

// phrase is how the expressions of a route say what they are about.
func (g *topologyGenerator) phrase(r *model.Route) phrasing {
	return phrasing{
		key:   func() *jen.Statement { return jen.Id("key") },
		now:   func() *jen.Statement { return jen.Qual("time", "Now").Call() },
		field: func(f *model.Field) *jen.Statement { return g.read(r, f) },
		enum: func(n *model.Named, text string) *jen.Statement {
			owner := g.owner(n)
			return owner.own(owner.enumValue(n, text))
		},
	}
}

// read is a field of a route's source. The states of a change are strings in a topology.
func (g *topologyGenerator) read(r *model.Route, f *model.Field) *jen.Statement {
	x := jen.Id("e").Dot(goname.Exported(f.Name.Value))
	switch {
	case r.Source != nil || f.Type.Kind == model.String && f.Name.Value != "state":
		return x
	case f.Name.Value == "state":
		return jen.String().Call(x)
	case f.Type.Kind == model.Slice:
		return jen.Qual(convertPath, "Slice").Call(x, jen.Func().Params(jen.Id("s").Add(g.of(r.Link.FromMachine, "State"))).String().Block(jen.Return(jen.String().Call(jen.Id("s")))))
	}
	return x
}

// owner is the package that declares a type.
func (g *topologyGenerator) owner(n *model.Named) *generator {
	for _, p := range g.t.Machines {
		if slices.Contains(p.Machine.Types, n) {
			return g.peer(p)
		}
	}
	return g.own
}

// way declares the functions of one event's way along a link.
func (c *crossing) way(r *model.Route) {
	name := c.names.way[r]
	m := c.routes[r]
	params := []jen.Code{jen.Id("key").String(), jen.Id("e").Op("*").Add(c.source(r))}
	c.file.Add(doc(name + " is " + c.told(r) + ".")).Func().Id(name).Params(params...).Add(c.becomes(r)).Block(jen.Return(c.made(r)))
	if m.Where != nil {
		c.file.Func().Id(name + "Where").Params(params...).Bool().Block(jen.Return(c.phrase(r).part(m.Where.Part())))
	}
	if m.Key != nil {
		c.file.Func().Id(name + "Key").Params(params...).String().Block(jen.Return(c.phrase(r).part(m.Key.Part())))
	}
}

// becomes is the type of what a route's events become: what their receiver takes, or of what is
// published the struct.
func (g *topologyGenerator) becomes(r *model.Route) *jen.Statement {
	if r.Link.ByTopic() {
		return jen.Op("*").Add(g.target(r))
	}
	return g.of(r.Link.ToMachine, "ExternalEvent")
}

// told says what a route does.
func (g *topologyGenerator) told(r *model.Route) string {
	what := "a state change"
	if r.Source != nil {
		what = "the event " + r.Source.Name.Value
	}
	return what + " of " + r.Link.From.Value + " as " + r.Target.Name.Value + " for " + r.Link.To.Value
}

// made is the expression for what an event becomes.
func (c *crossing) made(r *model.Route) *jen.Statement {
	if c.same(r) {
		return jen.Parens(jen.Op("*").Add(c.target(r))).Call(jen.Id("e"))
	}
	var out []jen.Code
	for _, f := range r.Target.Fields {
		i := slices.IndexFunc(r.Sets, func(s *model.Set) bool { return s.Field == f })
		name := goname.Exported(f.Name.Value)
		switch {
		case i >= 0 && r.Sets[i].Value != nil:
			out = append(out, field(name, c.value(r, r.Sets[i].Value, f.Type)))
		case i >= 0:
			out = append(out, field(name, c.convert(c.read(r, r.Sets[i].From), r.Sets[i].From.Type, f.Type)))
		case f.Default != nil:
			out = append(out, field(name, c.receiver(r).literal(f.Default, f.Type)))
		}
	}
	made := jen.Op("&").Add(c.target(r))
	if len(out) < 3 {
		return made.Values(out...)
	}
	return list(made, out)
}

// receiver is the package of who takes a route's events.
func (g *topologyGenerator) receiver(r *model.Route) *generator {
	if r.Link.ToMachine == nil {
		return g.own
	}
	return g.peer(r.Link.ToMachine)
}

// same reports whether a route's events become what they are, but for the type's name.
func (c *crossing) same(r *model.Route) bool {
	return r.Source != nil && sameLayout(r.Source.Fields, r.Target.Fields) &&
		!slices.ContainsFunc(r.Sets, func(s *model.Set) bool { return s.From == nil || s.From.Name.Value != s.Field.Name.Value })
}

// value is a value of type t of the receiver.
func (c *crossing) value(r *model.Route, v *spec.Value, t *model.Type) *jen.Statement {
	if v.Kind == spec.ScalarValue {
		m := c.routes[r].Values[v]
		return c.convert(c.phrase(r).part(m.Part()), lifted(m.Type, t, m.Lift), t)
	}
	to := c.receiver(r)
	plain := required(t)
	s := &jen.Statement{}
	if t.Optional && t.Kind == model.Struct {
		s.Op("&")
	}
	s.Add(to.typ(plain)).ValuesFunc(func(b *jen.Group) {
		switch t.Kind {
		case model.Slice:
			for _, i := range v.Items {
				b.Add(c.value(r, i, t.Elem))
			}
		case model.Map:
			for _, e := range v.Entries {
				b.Add(jen.Lit(e.Key.Value).Op(":").Add(c.value(r, e.Value, t.Elem)))
			}
		case model.Struct:
			fields := to.fieldsBy(func(v *spec.Value, t *model.Type) *jen.Statement { return c.value(r, v, t) }, v, t.Named.Fields)
			for _, f := range fields {
				b.Add(f)
			}
		}
	})
	if t.Optional && t.Kind != model.Struct {
		return jen.Qual(checkedPath, "Ptr").Call(s)
	}
	return s
}

// lifted is the type of an expression that sets something of type t: a constant's is t's.
func lifted(of, t *model.Type, lift bool) *model.Type {
	if lift || of.Kind != model.Invalid {
		return of
	}
	return t
}

// heardBroadcast is the name of the function that makes a machine's event of a broadcast.
func (g *topologyGenerator) heardBroadcast(x *model.Broadcast, p *model.Participant) string {
	return "broadcast" + g.names.broadcast[x] + "To" + g.names.machine[p]
}

// hearBroadcast declares what a broadcast is for a machine.
func (c *crossing) hearBroadcast(x *model.Broadcast, p *model.Participant) {
	e := x.Event
	for _, own := range p.Machine.Events {
		if own.Name.Value == e.Name.Value {
			e = own
		}
	}
	to := c.event(p, e)
	made := jen.Op("&").Add(to.Clone()).ValuesFunc(func(b *jen.Group) {
		for _, f := range e.Fields {
			b.Id(goname.Exported(f.Name.Value)).Op(":").Id("e").Dot(goname.Exported(f.Name.Value))
		}
	})
	if sameLayout(x.Event.Fields, e.Fields) {
		made = jen.Parens(jen.Op("*").Add(to.Clone())).Call(jen.Id("e"))
	}
	c.file.Func().Id(c.heardBroadcast(x, p)).Params(jen.Id("key").String(), jen.Id("e").Op("*").Add(c.event(nil, x.Event))).Add(c.of(p, "ExternalEvent")).Block(jen.Return(made))
}

// newWire makes what publishes a route's events as its receiver takes them. What is
// filtered may have been so before.
func (g *topologyGenerator) newWire(r *model.Route, filter bool) *jen.Statement {
	topic, keyed := g.topic(wiring.Target(r.Link, r))
	name := g.names.way[r]
	where := jen.Nil()
	if filter && r.Where != nil {
		where = jen.Id(name + "Where")
	}
	args := []jen.Code{jen.Id("b"), topic, where}
	if keyed {
		args = append(args, g.keyOf(r))
	}
	return ofNode(keyedName(keyed, "New", "Wire")).Call(append(args, jen.Id(name))...)
}
