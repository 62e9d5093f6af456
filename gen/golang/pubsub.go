package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
)

func ctxParam() *jen.Statement { return jen.Id("ctx").Qual("context", "Context") }

func busParam() *jen.Statement { return jen.Id("b").Op("*").Qual(busPath, "Bus") }

func optsParam() *jen.Statement { return jen.Id("opts").Op("...").Qual(busPath, "SubscribeOption") }

func subscriptionResult() *jen.Statement {
	return jen.Params(jen.Op("*").Qual(busPath, "Subscription"), jen.Error())
}

// publisherType is bus.Publisher or bus.KeyedPublisher of a type.
func (g *generator) publisherType(of string) *jen.Statement {
	return jen.Op("*").Qual(busPath, g.keyed("Publisher")).Index(jen.Id(of))
}

// newPublisher calls the constructor for a topic, or a family of topics.
func (g *generator) newPublisher(of string, topic *jen.Statement, options ...jen.Code) *jen.Statement {
	return jen.Qual(busPath, g.keyed("NewPublisher")).Index(jen.Id(of)).Call(append([]jen.Code{jen.Id("b"), topic}, options...)...)
}

// keyed is the name of what the bus has once for topics and once for families.
func (g *generator) keyed(name string) string {
	if !g.m.Keyed {
		return name
	}
	return map[string]string{"Publisher": "KeyedPublisher", "NewPublisher": "NewKeyedPublisher"}[name]
}

// pubsub declares the Publisher, the Subscribe functions and the Handler.
func (g *generator) pubsub(f *jen.File) {
	if len(g.m.Events) > 0 {
		g.publisher(f)
	}
	for _, e := range g.m.Emits {
		g.subscribe(f, g.names.event[e], "TopicEmit"+g.names.event[e], "hears the event "+e.Name.Value)
	}
	g.subscribePattern(f, "StateChanged", jen.Id("StateChanged"), jen.Id("PatternStates"), "hears every state change of the machine")
	g.subscribePattern(f, "Failure", jen.Qual(transportPath, "Failure"), jen.Id("PatternErrors"), "hears every failure of the machine")
	g.handler(f)
}

func (g *generator) publisher(f *jen.File) {
	var fields []jen.Code
	for _, e := range g.m.Events {
		fields = append(fields, jen.Id(goname.Unexported(e.Name.Value)).Add(g.publisherType(g.names.event[e])))
	}
	f.Add(doc("Publisher publishes the events that the machine takes, to the topics where it takes them. It is safe for concurrent use.")).
		Type().Id("Publisher").Struct(fields...)
	f.Add(doc("NewPublisher returns a Publisher on b.")).
		Func().Id("NewPublisher").Params(busParam()).Params(jen.Op("*").Id("Publisher"), jen.Error()).BlockFunc(func(b *jen.Group) {
		b.Id("p").Op(":=").Op("&").Id("Publisher").Values()
		b.Var().Err().Error()
		for _, e := range g.m.Events {
			b.If(
				jen.List(jen.Id("p").Dot(goname.Unexported(e.Name.Value)), jen.Err()).Op("=").Add(g.newPublisher(g.names.event[e], jen.Id("TopicEvent"+g.names.event[e]))),
				jen.Err().Op("!=").Nil(),
			).Block(jen.Return(jen.Nil(), jen.Err()))
		}
		b.Return(jen.Id("p"), jen.Nil())
	})
	for _, e := range g.m.Events {
		name := g.names.event[e]
		params, args := g.keyParams(jen.Id("e").Op("*").Id(name), jen.Id("e"))
		f.Add(doc(name + " publishes the event " + e.Name.Value + ". The event must not be changed afterwards.")).
			Func().Params(jen.Id("p").Op("*").Id("Publisher")).Id(name).Params(params...).Error().Block(
			jen.Return(jen.Id("p").Dot(goname.Unexported(e.Name.Value)).Dot("Publish").Call(args...)))
	}
}

// keyParams are ctx, the key where there is one, and another parameter, once to
// declare and once to pass on.
func (g *generator) keyParams(param, arg *jen.Statement) (params, args []jen.Code) {
	params, args = []jen.Code{ctxParam()}, []jen.Code{jen.Id("ctx")}
	if g.m.Keyed {
		params, args = append(params, jen.Id("key").String()), append(args, jen.Id("key"))
	}
	return append(params, param), append(args, arg)
}

func (g *generator) subscribe(f *jen.File, name, topic, what string) {
	pattern := jen.Qual(topicPath, "Pattern").Call(jen.Id(topic))
	if g.m.Keyed {
		pattern = jen.Id(topic).Dot("Pattern").Call()
		what += " of every key"
	}
	g.subscribePattern(f, name, jen.Id(name), pattern, what)
}

func (g *generator) subscribePattern(f *jen.File, name string, of, pattern *jen.Statement, what string) {
	f.Add(doc("Subscribe"+name+" "+what+".")).
		Func().Id("Subscribe"+name).Params(busParam(), jen.Id("h").Qual(busPath, "Handler").Index(of), optsParam()).Add(subscriptionResult()).Block(
		jen.Return(jen.Qual(busPath, "Subscribe").Call(jen.Id("b"), pattern, jen.Id("h"), jen.Id("opts").Op("..."))))
}

// heard is what a Handler has a method for.
type heard struct {
	name string
	of   *jen.Statement
	what string
}

func (g *generator) heard() []heard {
	var out []heard
	for _, e := range g.m.Emits {
		name := g.names.event[e]
		out = append(out, heard{name, g.own(name), "the event " + e.Name.Value})
	}
	return append(out,
		heard{"StateChanged", g.own("StateChanged"), "a state change"},
		heard{"Failure", jen.Qual(transportPath, "Failure"), "a failure"})
}

func eventOf(of *jen.Statement) *jen.Statement {
	return jen.Op("*").Qual(busPath, "Event").Index(of.Clone())
}

func (g *generator) handler(f *jen.File) {
	var methods, cases []jen.Code
	for _, h := range g.heard() {
		methods = append(methods, doc(h.name+" is called for "+h.what+".").
			Id(h.name).Params(ctxParam(), jen.Id("e").Add(eventOf(h.of))).Error())
		cases = append(cases, jen.Case(jen.Op("*").Add(h.of.Clone())).Block(
			jen.Return(jen.Id("h").Dot(h.name).Call(jen.Id("ctx"), jen.Qual(busPath, "As").Index(h.of.Clone()).Call(jen.Id("e"))))))
	}
	f.Add(doc("Handler handles everything that the machine publishes. Embed UnimplementedHandler to implement a part, and to keep compiling when the machine gets more.")).
		Type().Id("Handler").Interface(methods...)
	f.Add(doc("UnimplementedHandler is a Handler that does nothing.")).Type().Id("UnimplementedHandler").Struct()
	for _, h := range g.heard() {
		f.Add(doc(h.name+" implements Handler.")).Func().Params(jen.Id("UnimplementedHandler")).Id(h.name).
			Params(jen.Qual("context", "Context"), eventOf(h.of)).Error().Block(jen.Return(jen.Nil()))
	}
	f.Add(doc("SubscribeHandler makes h hear everything that the machine publishes, in one subscription and so in order.")).
		Func().Id("SubscribeHandler").Params(busParam(), jen.Id("h").Id("Handler"), optsParam()).Add(subscriptionResult()).Block(
		jen.Return(jen.Qual(busPath, "SubscribeAny").Call(jen.Id("b"), jen.Lit("+."+g.m.ID.Value+".#"),
			jen.Func().Params(ctxParam(), jen.Id("e").Op("*").Qual(busPath, "AnyEvent")).Error().Block(
				jen.Switch(jen.Id("e").Dot("Value").Call().Assert(jen.Type())).Block(cases...),
				jen.Return(jen.Nil()),
			), jen.Id("opts").Op("..."))))
}
