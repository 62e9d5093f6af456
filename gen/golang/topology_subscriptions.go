package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/wiring"
)

// subscriptions declares what code of nodes hears.
func (g *topologyGenerator) subscriptions(f *jen.File) {
	for _, n := range g.wiring.Nodes {
		for _, s := range n.Subscriptions {
			g.handler(f, s)
			g.subscribed(f, s)
		}
	}
}

// handler declares the interface of who handles what a subscription hears.
func (g *topologyGenerator) handler(f *jen.File, s *wiring.Subscription) {
	name := g.names.subscription[s.Subscription] + "Handler"
	var methods []jen.Code
	for _, t := range s.Heard {
		of, _ := g.payload(t)
		methods = append(methods, doc(g.heardName(t)+" is called for "+heardWhat(t)+".").
			Id(g.heardName(t)).Params(ctxParam(), jen.Id("e").Add(eventOf(of))).Error())
	}
	f.Add(doc(name + " handles what the subscription " + s.Name.Value + " hears. Embed Unimplemented" + name + " to implement a part, and to keep compiling when it hears more. An error has the event handled again as the profile says. Events are valid until the method returns.")).
		Type().Id(name).Interface(methods...)
	f.Add(doc("Unimplemented" + name + " is a " + name + " that does nothing.")).Type().Id("Unimplemented" + name).Struct()
	for _, t := range s.Heard {
		of, _ := g.payload(t)
		f.Add(doc(g.heardName(t)+" implements "+name+".")).Func().Params(jen.Id("Unimplemented"+name)).Id(g.heardName(t)).
			Params(jen.Qual("context", "Context"), eventOf(of)).Error().Block(jen.Return(jen.Nil()))
	}
}

// heardWhat says what travels on a topic.
func heardWhat(t wiring.Topic) string {
	switch t.Kind {
	case wiring.Changed:
		return "a state change of " + t.Machine.ID.Value
	case wiring.Failed:
		return "a failure"
	case wiring.Broadcast:
		return "the broadcast " + t.Event.Name.Value
	case wiring.Emitted:
		return "the event " + t.Event.Name.Value + " that " + t.Machine.ID.Value + " emits"
	}
	return "the event " + t.Event.Name.Value + " for " + t.Machine.ID.Value
}

// subscribed declares the subscription that a handler is made.
func (g *topologyGenerator) subscribed(f *jen.File, s *wiring.Subscription) {
	var cases, routes []jen.Code
	for _, t := range s.Heard {
		of, _ := g.payload(t)
		cases = append(cases, jen.Case(jen.Op("*").Add(of.Clone())).Block(
			jen.Return(jen.Id("h").Dot(g.heardName(t)).Call(jen.Id("ctx"), jen.Qual(busPath, "As").Index(of.Clone()).Call(jen.Id("e"))))))
	}
	for _, r := range s.Routes {
		routes = append(routes, g.route(r, jen.Id("take")))
	}
	set := []jen.Code{field("Name", jen.Lit(s.Name.Value))}
	if s.Profile != model.BuiltInProfiles[0] {
		set = append(set, field("Profile", g.profile(s.Profile)))
	}
	if s.Shared {
		set = append(set, field("Shared", jen.True()))
	}
	set = append(set, field("Routes", list(jen.Index().Add(ofNode("Route")), routes)))
	name := g.names.subscription[s.Subscription]
	f.Func().Id("subscription"+name).Params(jen.Id("h").Id(name+"Handler")).Add(ofNode("Subscription")).Block(
		jen.Id("take").Op(":=").Func().Params(ctxParam(), anyEventParam()).Error().BlockFunc(func(b *jen.Group) {
			if len(cases) > 0 {
				b.Switch(jen.Id("e").Dot("Value").Call().Assert(jen.Type())).Block(cases...)
			}
			b.Return(jen.Nil())
		}),
		jen.Return(list(ofNode("Subscription"), set)),
	)
}

// addSubscription adds a subscription to its node.
func (g *topologyGenerator) addSubscription(b *jen.Group, s *wiring.Subscription) {
	name := g.names.subscription[s.Subscription]
	b.Id("n").Dot("AddSubscription").Call(jen.Id("subscription" + name).Call(jen.Id("cfg").Dot(name)))
}

// broadcasts declares the events that everybody hears.
func (g *topologyGenerator) broadcasts(f *jen.File) {
	c := &codecs{generator: g.own, file: f, containers: map[string]*model.Type{}}
	for _, x := range g.t.Broadcasts {
		name := g.names.broadcast[x]
		g.own.structure(f, name, name+" is the broadcast "+x.Event.Name.Value+".", x.Event.Description, x.Event.Fields)
	}
	for _, x := range g.t.Broadcasts {
		c.structure(g.names.broadcast[x], x.Event.Fields, false)
	}
	for len(c.queue) > 0 {
		t := c.queue[0]
		c.queue = c.queue[1:]
		c.container(t)
	}
}
