package golang

import (
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// bind declares Connect, Take and Bind, and the outbox.
func (g *generator) bind(f *jen.File) {
	g.outboxType(f)
	params, args := g.bindParams()
	g.method(f, "Connect", "is the half of Bind that publishes: a topology's links bring the events.").
		Params(params...).Error().BlockFunc(func(b *jen.Group) {
		b.If(core().Dot("Started").Call()).Block(jen.Return(jen.Qual(machinePath, "ErrAlreadyStarted")))
		b.If(jen.Id("m").Dot("outbox").Op("!=").Nil()).Block(jen.Return(jen.Qual(machinePath, "ErrAlreadyBound")))
		if g.m.Keyed {
			b.If(jen.List(jen.Id("_"), jen.Err()).Op(":=").Id(g.longestFamily()).Dot("Of").Call(core().Dot("Key").Call()), jen.Err().Op("!=").Nil()).Block(
				jen.Return(jen.Err()))
		}
		b.List(jen.Id("o"), jen.Err()).Op(":=").Id("newOutbox").Call(args...)
		b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err()))
		b.Id("m").Dot("outbox").Op("=").Id("o")
		b.Add(core()).Dot("Bound").Call(jen.True())
		b.Return(jen.Nil())
	})
	if len(g.m.Events) > 0 {
		g.take(f)
	}
	g.method(f, "Bind", "connects the machine to b, before it is started: its state changes, emitted events and failures are published, and it takes the events that are published to its topics. The options are those of its subscription; without any, events are processed within Publish.").
		Params(append(params, optsParam())...).Error().BlockFunc(func(b *jen.Group) {
		if len(g.m.Events) == 0 {
			b.Return(jen.Id("m").Dot("Connect").Call(args...))
			return
		}
		b.If(jen.Err().Op(":=").Id("m").Dot("Connect").Call(args...), jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err()))
		g.subscribeInbox(b)
	})
}

// bindParams are the parameters of Connect, once to declare and once to pass on.
func (g *generator) bindParams() (params, args []jen.Code) {
	params, args = []jen.Code{busParam()}, []jen.Code{jen.Id("b")}
	if len(g.m.Sends) > 0 {
		params, args = append(params, jen.Id("roles").Id("Roles")), append(args, jen.Id("roles"))
	}
	return params, args
}

func anyEventParam() *jen.Statement { return jen.Id("e").Op("*").Qual(busPath, "AnyEvent") }

// take declares how an event of a bus is processed.
func (g *generator) take(f *jen.File) {
	number := jen.Id("ev").Dot("EventNumber").Call()
	g.method(f, "Take", "processes ev, which e is or has become, as Send does. "+takeRequests).
		Params(ctxParam(), anyEventParam(), jen.Id("ev").Id("ExternalEvent")).Error().BlockFunc(func(b *jen.Group) {
		b.If(jen.Id("ev").Op("==").Nil()).Block(jen.Return(jen.Qual(machinePath, "ErrUnknownEvent")))
		if g.hasReplies() {
			b.If(jen.Id("e").Dot("IsRequest").Call()).Block(
				jen.Return(core().Dot("Answer").Call(jen.Id("ctx"), jen.Id("e"), number, jen.Id("ev"))))
		}
		b.Return(core().Dot("Deliver").Call(jen.Id("ctx"), jen.Id("e"), number, jen.Id("ev")))
	})
}

const takeRequests = "If e is a request it is answered with the reply."

func (g *generator) hasReplies() bool {
	return slices.ContainsFunc(g.m.Events, func(e *model.Event) bool { return e.HasReply })
}

// inboxOptions are the options of an inbox: it answers requests if there are any.
func (g *generator) inboxOptions() *jen.Statement {
	if !g.hasReplies() {
		return jen.Id("opts")
	}
	return jen.Append(jen.Index().Qual(busPath, "SubscribeOption").Values(jen.Qual(busPath, "Responder").Call()), jen.Id("opts").Op("..."))
}

// subscribeInbox subscribes a machine that is connected, or undoes that.
func (g *generator) subscribeInbox(b *jen.Group) {
	own := string(g.m.Topic(model.TopicEvent, "#"))
	pattern := jen.Code(jen.Lit(own))
	if g.m.Keyed {
		b.List(jen.Id("key"), jen.Err()).Op(":=").Qual(topicPath, "EscapeKey").Call(core().Dot("Key").Call())
		b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err()))
		before, after, _ := strings.Cut(own, "+")
		pattern = jen.Qual(topicPath, "Pattern").Call(jen.Lit(before).Op("+").Id("key").Op("+").Lit(after))
	} else {
		b.Var().Err().Error()
	}
	b.List(jen.Id("m").Dot("inbox"), jen.Err()).Op("=").Qual(busPath, "SubscribeAny").Call(jen.Id("b"), pattern,
		jen.Func().Params(ctxParam(), anyEventParam()).Error().Block(
			jen.List(jen.Id("ev"), jen.Id("_")).Op(":=").Id("e").Dot("Value").Call().Assert(jen.Id("ExternalEvent")),
			jen.Return(jen.Id("m").Dot("Take").Call(jen.Id("ctx"), jen.Id("e"), jen.Id("ev"))),
		), g.inboxOptions().Op("..."))
	b.If(jen.Err().Op("!=").Nil()).Block(
		jen.Id("m").Dot("outbox").Op("=").Nil(),
		core().Dot("Bound").Call(jen.False()),
	)
	b.Return(jen.Err())
}

// outboxType declares the publishers that a bound machine has: of state changes
// by the number of the state, of failures by their kind, and of each event.
func (g *generator) outboxType(f *jen.File) {
	states := len(g.m.States)
	failure := func() *jen.Statement {
		return jen.Op("*").Qual(busPath, g.keyed("Publisher")).Index(jen.Qual(transportPath, "Failure"))
	}
	fields := []jen.Code{
		jen.Id("changed").Index(jen.Lit(states)).Add(g.publisherType("StateChanged")),
		jen.Id("failed").Map(jen.Qual(machinePath, "FailureKind")).Add(failure()),
	}
	for _, e := range g.m.Emits {
		fields = append(fields, jen.Id("emit"+g.names.event[e]).Add(g.publisherType(g.names.event[e])))
	}
	params := []jen.Code{busParam()}
	if len(g.m.Sends) > 0 {
		fields = append(fields, jen.Id("roles").Id("Roles"))
		params = append(params, jen.Id("roles").Id("Roles"))
	}
	g.changedTopics(f)
	f.Comment("outbox is where a bound machine publishes.")
	f.Type().Id("outbox").Struct(fields...)
	f.Func().Id("newOutbox").Params(params...).Params(jen.Op("*").Id("outbox"), jen.Error()).BlockFunc(func(b *jen.Group) {
		set := jen.Dict{jen.Id("failed"): jen.Map(jen.Qual(machinePath, "FailureKind")).Add(failure()).Values()}
		if len(g.m.Sends) > 0 {
			set[jen.Id("roles")] = jen.Id("roles")
		}
		b.Id("o").Op(":=").Op("&").Id("outbox").Values(set)
		b.Var().Err().Error()
		orFail := func(set *jen.Statement) {
			b.If(set, jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err()))
		}
		b.For(jen.List(jen.Id("_"), jen.Id("t")).Op(":=").Range().Id("changedTopics")).Block(
			jen.If(
				jen.List(jen.Id("o").Dot("changed").Index(jen.Id("t").Dot("state")), jen.Err()).Op("=").
					Add(g.newPublisher("StateChanged", jen.Id("t").Dot("topic"), publishTimeout())),
				jen.Err().Op("!=").Nil(),
			).Block(jen.Return(jen.Nil(), jen.Err())))
		for _, e := range g.m.Emits {
			orFail(jen.List(jen.Id("o").Dot("emit"+g.names.event[e]), jen.Err()).Op("=").Add(g.newPublisher(g.names.event[e], jen.Id("TopicEmit"+g.names.event[e]), publishTimeout())))
		}
		for _, kind := range g.failureKinds() {
			kind := goname.Exported(kind)
			orFail(jen.List(jen.Id("o").Dot("failed").Index(jen.Qual(machinePath, "Failed"+kind)), jen.Err()).Op("=").
				Qual(busPath, g.keyed("NewPublisher")).Index(jen.Qual(transportPath, "Failure")).Call(jen.Id("b"), jen.Id("TopicError"+kind), publishTimeout()))
		}
		b.Return(jen.Id("o"), jen.Nil())
	})
}

// callRole calls who plays the role that e is sent to; args begin with ctx.
func (g *generator) callRole(b *jen.Group, e *model.Event, args []jen.Code) {
	role := func() *jen.Statement {
		return jen.Id("p").Dot("outbox").Dot("roles").Dot(goname.Exported(e.Role.Name.Value))
	}
	b.If(role().Op("==").Nil()).Block(
		jen.Return(jen.Op("&").Qual(machinePath, "RoleError").Values(jen.Id("Role").Op(":").Lit(e.Role.Name.Value))))
	b.List(jen.Id("ctx"), jen.Id("cancel")).Op(":=").Qual(machinePath, "RoleContext").Call(jen.Id("ctx"))
	b.Defer().Id("cancel").Call()
	b.Return(role().Dot(goname.Exported(e.Name.Value)).Call(args...))
}

// changedTopics declares the topics of the states whose changes are published.
func (g *generator) changedTopics(f *jen.File) {
	kind := "Name"
	if g.m.Keyed {
		kind = "Family"
	}
	var rows []jen.Code
	for _, s := range g.m.Leaves() {
		rows = append(rows, jen.Values(jen.Id(stateIdent(s)), jen.Id("TopicState"+goname.Exported(s.Path))))
	}
	f.Comment("changedTopics are the topics of the states' changes.")
	f.Var().Id("changedTopics").Op("=").Index().Struct(
		jen.Id("state").Int32(), jen.Id("topic").Qual(topicPath, kind)).Values(lines(rows)...)
}

// publishTimeout is how long a step may wait for room in a queue.
func publishTimeout() *jen.Statement {
	return jen.Qual(busPath, "PublishTimeout").Call(jen.Qual(machinePath, "PublishTimeout"))
}

// publishMethods declares the part of the program that the runtime publishes by.
func (g *generator) publishMethods(f *jen.File) {
	program := func() *jen.Statement { return jen.Func().Params(jen.Id("p").Op("*").Id("program")) }
	key := func(args ...jen.Code) []jen.Code {
		out := []jen.Code{jen.Id("ctx")}
		if g.m.Keyed {
			out = append(out, jen.Id("p").Dot("core").Dot("Key").Call())
		}
		return append(out, args...)
	}
	f.Comment("Publish implements machine.Program.")
	f.Add(program()).Id("Publish").Params(ctxParam(), jen.Id("kind").Int32(), jen.Id("event").Any()).Error().BlockFunc(func(b *jen.Group) {
		var cases []jen.Code
		for i, e := range g.outputs() {
			value := jen.Id("event").Assert(jen.Op("*").Id(g.names.event[e]))
			cases = append(cases, jen.Case(jen.Lit(i)).BlockFunc(func(b *jen.Group) {
				if e.Section == model.Sent {
					g.callRole(b, e, key(value))
					return
				}
				b.Return(jen.Id("p").Dot("outbox").Dot("emit" + g.names.event[e]).Dot("Publish").Call(key(value)...))
			}))
		}
		cases = append(cases, g.publishToKin()...)
		if len(cases) > 0 {
			b.Switch(jen.Id("kind")).Block(cases...)
		}
		b.Return(jen.Nil())
	})
	f.Comment("Changed implements machine.Program.")
	f.Add(program()).Id("Changed").Params(ctxParam(), jen.Id("c").Qual(machinePath, "Change")).Error().Block(
		jen.Return(jen.Id("p").Dot("outbox").Dot("changed").Index(jen.Id("c").Dot("State")).Dot("Publish").Call(key(jen.Id("stateChanged").Call(jen.Id("c")))...)))
	f.Comment("Failed implements machine.Program.")
	f.Add(program()).Id("Failed").Params(ctxParam(), jen.Id("f").Qual(machinePath, "Failure")).Error().Block(
		jen.Return(jen.Id("p").Dot("outbox").Dot("failed").Index(jen.Id("f").Dot("Kind")).Dot("Publish").Call(key(jen.Id("failureOf").Call(jen.Id("f")))...)))
	g.published(f)
}

// published declares how state changes and failures are made.
func (g *generator) published(f *jen.File) {
	of := func(field string) *jen.Statement { return jen.Id(field).Op(":").Id("f").Dot(field) }
	f.Func().Id("stateChanged").Params(jen.Id("c").Qual(machinePath, "Change")).Op("*").Id("StateChanged").Block(
		jen.Return(jen.Op("&").Id("StateChanged").Values(
			jen.Id("State").Op(":").Id("State").Call(jen.Id("chart").Dot("States").Index(jen.Id("c").Dot("State")).Dot("Path")),
			jen.Id("From").Op(":").Id("statesOf").Call(jen.Id("c").Dot("From")),
			jen.Id("Active").Op(":").Id("statesOf").Call(jen.Id("c").Dot("Active")),
			jen.Id("Trigger").Op(":").Id("c").Dot("Trigger"), jen.Id("Seq").Op(":").Id("c").Dot("Seq"),
			jen.Id("At").Op(":").Id("c").Dot("At"), jen.Id("Done").Op(":").Id("c").Dot("Done"),
		)))
	f.Func().Id("failureOf").Params(jen.Id("f").Qual(machinePath, "Failure")).Op("*").Qual(transportPath, "Failure").Block(
		jen.Return(jen.Op("&").Qual(transportPath, "Failure").Values(
			jen.Id("Kind").Op(":").String().Call(jen.Id("f").Dot("Kind")), of("Machine"), of("Key"), of("State"), of("Event"),
			jen.Id("Message").Op(":").Id("f").Dot("Err").Dot("Error").Call(),
			of("Topic"), of("Attempts"), of("Original"),
		)))
}
