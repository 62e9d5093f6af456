package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/model"
)

// host declares the Host of a keyed machine.
func (g *generator) host(f *jen.File) {
	f.Add(doc("Host runs the machine's instances: each is created by its first event, and stored after each of its steps; see machine.Host. It is safe for concurrent use.")).
		Type().Id("Host").Struct(
		jen.Id("host").Op("*").Qual(machinePath, "Host"),
		jen.Id("outbox").Op("*").Id("outbox"),
		jen.Id("inbox").Op("*").Qual(busPath, "Subscription"),
	)
	f.Add(doc("NewHost returns a host whose instances newMachine makes, of that key, without starting or binding them. Bind and Open it before events are sent.")).
		Func().Id("NewHost").Params(jen.Id("newMachine").Func().Params(jen.Id("key").String()).Op("*").Id("Machine"), jen.Id("opts").Op("...").Qual(machinePath, "HostOption")).
		Op("*").Id("Host").Block(
		jen.Id("h").Op(":=").Op("&").Id("Host").Values(),
		jen.Id("h").Dot("host").Op("=").Qual(machinePath, "NewHost").Call(jen.Qual(machinePath, "Maker").Values(lines([]jen.Code{
			field("Chart", jen.Op("&").Id("chart")),
			field("New", jen.Func().Params(jen.Id("key").String()).Params(jen.Op("*").Qual(machinePath, "Core"), jen.Error()).Block(
				jen.Id("m").Op(":=").Id("newMachine").Call(jen.Id("key")),
				jen.Id("m").Dot("outbox").Op("=").Id("h").Dot("outbox"),
				jen.Return(jen.Op("&").Id("m").Dot("core"), jen.Nil()),
			)),
			field("CheckKey", jen.Func().Params(jen.Id("key").String()).Error().Block(
				jen.List(jen.Id("_"), jen.Err()).Op(":=").Id(g.longestFamily()).Dot("Of").Call(jen.Id("key")),
				jen.Return(jen.Err()),
			)),
			field("Encode", jen.Qual(snapshotPath, "Encode")),
			field("Decode", jen.Qual(snapshotPath, "Decode")),
		})...), jen.Id("opts").Op("...")),
		jen.Return(jen.Id("h")),
	)
	g.hostBind(f)
	g.hostMethods(f)
}

// longestFamily is the family of topics that leaves the least room for a key.
func (g *generator) longestFamily() string {
	name, most := "", 0
	g.eachTopic(func(family, kind, rest, _ string) {
		if n := len(kind) + len(rest); n > most {
			name, most = family, n
		}
	})
	return name
}

func (g *generator) hostMethod(f *jen.File, name, what string) *jen.Statement {
	return f.Add(doc(name + " " + what)).Func().Params(jen.Id("h").Op("*").Id("Host")).Id(name)
}

// hostBind declares Connect, Take and Bind.
func (g *generator) hostBind(f *jen.File) {
	params, args := g.bindParams()
	h := func(name string) *jen.Statement { return jen.Id("h").Dot(name) }
	g.hostMethod(f, "Connect", "is the half of Bind that publishes: a topology's links bring the events.").
		Params(params...).Error().Block(
		jen.If(h("outbox").Op("!=").Nil()).Block(jen.Return(jen.Qual(machinePath, "ErrAlreadyBound"))),
		jen.List(jen.Id("o"), jen.Err()).Op(":=").Id("newOutbox").Call(args...),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err())),
		h("outbox").Op("=").Id("o"),
		h("host").Dot("Bound").Call(jen.Func().Params(ctxParam(), jen.Id("f").Qual(machinePath, "Failure")).Error().Block(
			jen.Return(jen.Id("o").Dot("failed").Index(jen.Id("f").Dot("Kind")).Dot("Publish").Call(jen.Id("ctx"), jen.Id("f").Dot("Key"), jen.Id("failureOf").Call(jen.Id("f")))))),
		jen.Return(jen.Nil()),
	)
	if len(g.m.Events) > 0 {
		g.hostTake(f)
	}
	g.hostMethod(f, "Bind", "connects the host to b, before it is opened: what the instances emit, and their state changes and failures, are published, and they take the events that are published to their topics. The options are those of its subscription.").
		Params(append(params, optsParam())...).Error().BlockFunc(func(b *jen.Group) {
		if len(g.m.Events) == 0 {
			b.Return(h("Connect").Call(args...))
			return
		}
		b.Err().Op(":=").Add(h("Connect")).Call(args...)
		b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err()))
		b.List(h("inbox"), jen.Err()).Op("=").Qual(busPath, "SubscribeAny").Call(jen.Id("b"), jen.Id("PatternEvents"),
			jen.Func().Params(ctxParam(), anyEventParam()).Error().Block(
				jen.List(jen.Id("ev"), jen.Id("_")).Op(":=").Id("e").Dot("Value").Call().Assert(jen.Id("ExternalEvent")),
				jen.Return(h("Take").Call(jen.Id("ctx"), jen.Id("e"), jen.Id("e").Dot("Key").Call(), jen.Id("ev"))),
			), g.inboxOptions().Op("..."))
		b.Return(jen.Err())
	})
}

// hostTake declares how an event of a bus is processed.
func (g *generator) hostTake(f *jen.File) {
	number := jen.Id("ev").Dot("EventNumber").Call()
	g.hostMethod(f, "Take", "delivers ev, which e is or has become, to the instance of key, under e's id; see Deliver. "+takeRequests).
		Params(ctxParam(), anyEventParam(), jen.Id("key").String(), jen.Id("ev").Id("ExternalEvent")).Error().BlockFunc(func(b *jen.Group) {
		b.If(jen.Id("ev").Op("==").Nil()).Block(jen.Return(jen.Qual(machinePath, "ErrUnknownEvent")))
		if g.hasReplies() {
			b.If(jen.Id("e").Dot("IsRequest").Call()).Block(
				jen.Return(jen.Id("h").Dot("host").Dot("Answer").Call(jen.Id("ctx"), jen.Id("e"), jen.Id("key"), number, jen.Id("ev"))))
		}
		b.Return(jen.Id("h").Dot("host").Dot("Deliver").Call(jen.Id("ctx"), jen.Id("key"), jen.Id("e").Dot("ID").Call(), number, jen.Id("ev")))
	})
	g.hostMethod(f, "TakeAll", "is Take for all instances that there are; it makes none.").
		Params(ctxParam(), anyEventParam(), jen.Id("ev").Id("ExternalEvent")).Error().Block(
		jen.If(jen.Id("ev").Op("==").Nil()).Block(jen.Return(jen.Qual(machinePath, "ErrUnknownEvent"))),
		jen.Return(jen.Id("h").Dot("host").Dot("DeliverAll").Call(jen.Id("ctx"), jen.Id("e").Dot("ID").Call(), number, jen.Id("ev"))),
	)
}

func (g *generator) hostMethods(f *jen.File) {
	hostCall := func(name string) *jen.Statement { return jen.Id("h").Dot("host").Dot(name) }
	key := func() *jen.Statement { return jen.Id("key").String() }
	g.hostMethod(f, "Open", "goes on where the store's instances were: it publishes what had not been published, and delays go on. See machine.Host.Open.").
		Params(ctxParam()).Error().Block(jen.Return(hostCall("Open").Call(jen.Id("ctx"))))
	g.hostMethod(f, "Close", "takes no more events, ends the steps that are running, and puts all instances away.").
		Params(ctxParam()).Error().BlockFunc(func(b *jen.Group) {
		if len(g.m.Events) > 0 {
			b.Var().Err().Error()
			b.If(jen.Id("h").Dot("inbox").Op("!=").Nil()).Block(jen.Err().Op("=").Id("h").Dot("inbox").Dot("Close").Call(jen.Id("ctx")))
			b.Return(jen.Qual("errors", "Join").Call(jen.Err(), hostCall("Close").Call(jen.Id("ctx"))))
			return
		}
		b.Return(hostCall("Close").Call(jen.Id("ctx")))
	})
	g.hostMethod(f, "Active", "are the states of the instance of key; see Machine.Active. Without an instance the error is machine.ErrNotFound.").
		Params(ctxParam(), key()).Params(jen.Id("states").Index().Id("State"), jen.Err().Error()).Block(
		jen.Err().Op("=").Add(hostCall("View")).Call(jen.Id("ctx"), jen.Id("key"), jen.Func().Params(jen.Id("c").Op("*").Qual(machinePath, "Core")).Error().Block(
			jen.Id("states").Op("=").Id("statesOf").Call(jen.Id("c").Dot("Leaves").Call(jen.Nil())),
			jen.Return(jen.Nil()),
		)),
		jen.Return(jen.Id("states"), jen.Err()),
	)
	if len(g.m.Events) == 0 {
		return
	}
	g.hostMethod(f, "Send", "sends e to the instance of key, which it may create, and returns when the step has been stored, with the step's error. See machine.Host.Send.").
		Params(ctxParam(), key(), jen.Id("e").Id("ExternalEvent")).Error().Block(
		jen.If(jen.Id("e").Op("==").Nil()).Block(jen.Return(jen.Qual(machinePath, "ErrUnknownEvent"))),
		jen.Return(hostCall("Send").Call(jen.Id("ctx"), jen.Id("key"), jen.Id("e").Dot("EventNumber").Call(), jen.Id("e"))),
	)
	g.hostMethod(f, "Deliver", "is Send for an event with an id: one that has been processed before is not processed again. It returns nil once the step has been stored, whatever the step's error; an error means that the event may be delivered again.").
		Params(ctxParam(), jen.List(jen.Id("key"), jen.Id("id")).String(), jen.Id("e").Id("ExternalEvent")).Error().Block(
		jen.If(jen.Id("e").Op("==").Nil()).Block(jen.Return(jen.Qual(machinePath, "ErrUnknownEvent"))),
		jen.Return(hostCall("Deliver").Call(jen.Id("ctx"), jen.Id("key"), jen.Id("id"), jen.Id("e").Dot("EventNumber").Call(), jen.Id("e"))),
	)
	for _, e := range g.m.Events {
		if !e.HasReply {
			continue
		}
		name, reply := g.names.event[e], g.names.reply[e]
		g.hostMethod(f, "Request"+name, "sends e to the instance of key, which it does not create, and returns the reply; see Machine.Request"+name+".").
			Params(ctxParam(), key(), jen.Id("e").Op("*").Id(name)).Params(jen.Op("*").Id(reply), jen.Error()).Block(
			jen.List(jen.Id("r"), jen.Err()).Op(":=").Add(hostCall("Request")).Call(jen.Id("ctx"), jen.Id("key"), jen.Id(g.eventIdent(e)), jen.Id("e")),
			jen.List(jen.Id("reply"), jen.Id("_")).Op(":=").Id("r").Assert(jen.Op("*").Id(reply)),
			jen.Return(jen.Id("reply"), jen.Err()),
		)
	}
}

// messages declares how the messages of an outbox are made, read and published: of a
// keyed machine, and of one that a keyed machine may invoke.
func (g *generator) messages(f *jen.File) {
	method := func(name string) *jen.Statement {
		f.Comment(name + " implements machine.Publisher.")
		return f.Func().Params(jen.Id("p").Op("*").Id("program")).Id(name)
	}
	method("ChangeValue").Params(jen.Id("c").Qual(machinePath, "Change")).Any().Block(jen.Return(jen.Id("stateChanged").Call(jen.Id("c"))))
	method("FailureValue").Params(jen.Id("f").Qual(machinePath, "Failure")).Any().Block(jen.Return(jen.Id("failureOf").Call(jen.Id("f"))))
	method("DecodeMessage").Params(jen.Id("name").String(), jen.Id("data").Index().Byte()).Params(jen.Any(), jen.Error()).Block(
		jen.List(jen.Id("kind"), jen.Id("_"), jen.Id("_")).Op(":=").Qual("strings", "Cut").Call(jen.Id("name"), jen.Lit(".")),
		jen.Switch(jen.Id("kind")).Block(
			jen.Case(jen.Lit("state")).Block(
				jen.Id("e").Op(":=").Op("&").Id("StateChanged").Values(),
				jen.Return(jen.Id("e"), jen.Id("e").Dot("UnmarshalMsgpack").Call(jen.Id("data")))),
			jen.Case(jen.Lit("error")).Block(
				jen.Id("e").Op(":=").Op("&").Qual(transportPath, "Failure").Values(),
				jen.Return(jen.Id("e"), jen.Id("e").Dot("UnmarshalMsgpack").Call(jen.Id("data")))),
		),
		jen.Return(jen.Id("p").Dot("DecodeOutput").Call(jen.Int32().Call(jen.Qual("slices", "Index").Call(jen.Id("chart").Dot("Outputs"), jen.Id("name"))), jen.Id("data"))),
	)
	method("TopicOf").Params(jen.Id("name").String()).String().BlockFunc(g.topicOf)
	method("PublishMessage").Params(ctxParam(), jen.List(jen.Id("id"), jen.Id("name")).String(), jen.Id("value").Any()).Error().Block(
		jen.Switch(jen.Id("e").Op(":=").Id("value").Assert(jen.Type())).Block(g.messageCases()...),
		jen.Return(jen.Qual(machinePath, "ErrUnknownEvent")),
	)
}

func (g *generator) topicOf(b *jen.Group) {
	b.List(jen.Id("section"), jen.Id("rest"), jen.Id("_")).Op(":=").Qual("strings", "Cut").Call(jen.Id("name"), jen.Lit("."))
	isRole, key := jen.Id("section").Op("==").Lit("send"), jen.Empty()
	if g.m.Keyed {
		b.List(jen.Id("key"), jen.Err()).Op(":=").Qual(topicPath, "EscapeKey").Call(jen.Id("p").Dot("core").Dot("Key").Call())
		isRole.Op("||").Err().Op("!=").Nil()
		key = jen.Id("key").Op("+").Lit(".").Op("+")
	}
	b.If(isRole).Block(jen.Return(jen.Lit("")))
	b.Return(jen.Id("section").Op("+").Lit("." + g.m.ID.Value + ".").Op("+").Add(key).Id("rest"))
}

func (g *generator) messageCases() []jen.Code {
	outbox := func() *jen.Statement { return jen.Id("p").Dot("outbox") }
	// with are arguments, and the key where there is one.
	with := func(before ...jen.Code) []jen.Code {
		if g.m.Keyed {
			before = append(before, jen.Id("p").Dot("core").Dot("Key").Call())
		}
		return append(before, jen.Id("e"))
	}
	publish := func(to *jen.Statement) *jen.Statement {
		return jen.Return(to.Dot("PublishAs").Call(with(jen.Id("ctx"), jen.Id("id"))...))
	}
	cases := []jen.Code{
		jen.Case(jen.Op("*").Id("StateChanged")).Block(
			jen.If(jen.Id("i").Op(":=").Id("chart").Dot("StateNumber").Call(jen.String().Call(jen.Id("e").Dot("State"))), jen.Id("i").Op("!=").Qual(machinePath, "None")).Block(
				publish(outbox().Dot("changed").Index(jen.Id("i"))))),
		jen.Case(jen.Op("*").Qual(transportPath, "Failure")).Block(
			jen.If(
				jen.Id("failed").Op(":=").Add(outbox()).Dot("failed").Index(jen.Qual(machinePath, "FailureKind").Call(jen.Id("e").Dot("Kind"))),
				jen.Id("failed").Op("!=").Nil(),
			).Block(publish(jen.Id("failed")))),
	}
	for _, e := range g.outputs() {
		cases = append(cases, jen.Case(jen.Op("*").Id(g.names.event[e])).BlockFunc(func(b *jen.Group) {
			if e.Section != model.Sent {
				b.Add(publish(outbox().Dot("emit" + g.names.event[e])))
				return
			}
			g.callRole(b, e, with(jen.Id("ctx")))
		}))
	}
	return cases
}
