package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// machine declares what a user implements and what a user calls.
func (g *generator) machine(f *jen.File) {
	f.PackageComment("Package " + g.m.Package + " is the machine " + g.m.ID.Value + ": its events, its topics and the machine itself.")
	if g.m.Description != "" {
		f.PackageComment("//")
		for _, line := range commentLines(g.m.Description) {
			f.PackageComment(line)
		}
	}
	f.Comment("The runtime keeps the contract that this code was generated for.")
	f.Const().Id("_").Op("=").Qual(machinePath, "Version3")
	f.Add(doc("MachineID is the machine's id: the second segment of its topics.")).
		Const().Id("MachineID").Op("=").Lit(g.m.ID.Value)
	g.methods(f, "Guards", "Guards are the conditions that are written in Go. They must not change anything.", g.m.Guards, g.guardSignature)
	g.methods(f, "Actions", "Actions are what the machine does that is written in Go. An error or a panic ends the block of actions that it is in.", g.m.Actions, g.actionSignature)
	g.services(f)
	g.roles(f)
	g.turn(f)
	g.machineType(f)
	g.constructor(f)
	g.senders(f)
	g.observers(f)
	g.snapshots(f)
	g.bind(f)
}

// methods declares an interface of methods that users write, if there are any.
func (g *generator) methods(f *jen.File, name, what string, list []*model.Method, signature func(*model.Method) *jen.Statement) {
	if len(list) == 0 {
		return
	}
	var methods []jen.Code
	for _, x := range list {
		methods = append(methods, signature(x))
	}
	f.Add(doc(what)).Type().Id(name).Interface(methods...)
}

func (g *generator) guardSignature(x *model.Method) *jen.Statement {
	params := []jen.Code{jen.Id("c").Op("*").Add(g.own("Context"))}
	return jen.Id(goname.Exported(x.Name.Value)).Params(append(params, g.arrivalParam(x.Arrival)...)...).Bool()
}

func (g *generator) actionSignature(x *model.Method) *jen.Statement {
	params := []jen.Code{ctxParam(), jen.Id("t").Op("*").Add(g.own("Turn"))}
	params = append(params, g.arrivalParam(x.Arrival)...)
	if x.Replies {
		params = append(params, jen.Id("reply").Func().Params(g.own(g.names.reply[x.Arrival.Event])))
	}
	return jen.Id(goname.Exported(x.Name.Value)).Params(params...).Error()
}

// arrivalParam is the parameter for what has arrived, if anything.
func (g *generator) arrivalParam(a model.Arrival) []jen.Code {
	switch a.Payload {
	case model.OneEvent:
		return []jen.Code{jen.Id("e").Op("*").Add(g.own(g.names.event[a.Event]))}
	case model.AnyOfThem:
		return []jen.Code{jen.Id("e").Add(g.own("Event"))}
	case model.OutputOf:
		return []jen.Code{jen.Id("e").Op("*").Add(g.own(goname.Exported(a.Service.Name.Value) + "Output"))}
	case model.AnError:
		return []jen.Code{jen.Id("err").Error()}
	}
	return nil
}

// services declares an interface of the services that the machine can invoke.
func (g *generator) services(f *jen.File) {
	if len(g.m.Services) == 0 {
		return
	}
	var methods []jen.Code
	for _, s := range g.m.Services {
		methods = append(methods, doc(s.Description).Add(g.serviceSignature(s)))
	}
	f.Add(doc("Services are what the machine invokes.")).Type().Id("Services").Interface(methods...)
}

func (g *generator) serviceSignature(s *model.Service) *jen.Statement {
	name := goname.Exported(s.Name.Value)
	return jen.Id(name).Params(ctxParam(), jen.Id("in").Add(g.own(name+"Input"))).Params(g.own(name+"Output"), jen.Error())
}

// roles declares an interface for each role that the machine sends to.
func (g *generator) roles(f *jen.File) {
	if len(g.m.Sends) == 0 {
		return
	}
	var fields []jen.Code
	for _, r := range g.m.Sends {
		name := goname.Exported(r.Name.Value)
		var methods []jen.Code
		for _, e := range r.Events {
			methods = append(methods, g.roleSignature(e))
		}
		f.Add(doc(name + " is who plays the role " + r.Name.Value + ": the machine sends to it after the step that asked for it.")).
			Type().Id(name).Interface(methods...)
		fields = append(fields, jen.Id(name).Id(name))
	}
	f.Add(doc("Roles says who plays the machine's roles. What is sent to a role that nobody plays cannot be published.")).
		Type().Id("Roles").Struct(fields...)
}

// roleSignature is what a role has for an event that it is sent.
func (g *generator) roleSignature(e *model.Event) *jen.Statement {
	params, _ := g.keyParams(jen.Id("e").Op("*").Add(g.own(g.names.event[e])), jen.Id("e"))
	return jen.Id(goname.Exported(e.Name.Value)).Params(params...).Error()
}

// turn declares what an action may do.
func (g *generator) turn(f *jen.File) {
	f.Add(doc("Turn is what an action may do. It is valid until the action returns.")).
		Type().Id("Turn").Struct(jen.Id("m").Op("*").Id("Machine"))
	method := func(what, name string) *jen.Statement {
		return f.Add(doc(name + " " + what)).Func().Params(jen.Id("t").Op("*").Id("Turn")).Id(name)
	}
	core := func() *jen.Statement { return jen.Id("t").Dot("m").Dot("core") }
	method("is the machine's context, which may be changed.", "Context").Params().Op("*").Id("Context").Block(
		jen.Return(jen.Op("&").Id("t").Dot("m").Dot("context")))
	if g.m.Keyed {
		method("is the machine's key.", "Key").Params().String().Block(jen.Return(core().Dot("Key").Call()))
	}
	for i, e := range g.outputs() {
		verb := "Emit" + g.names.event[e]
		what := "publishes e once the step has ended. It must not be changed afterwards, nor share anything with the context: see Clone."
		if e.Section == model.Sent {
			verb, what = "Send"+g.names.event[e], "sends e to "+e.Role.Name.Value+" once the step has ended. It must not be changed afterwards, nor share anything with the context: see Clone."
		}
		method(what, verb).Params(jen.Id("e").Op("*").Id(g.names.event[e])).Block(core().Dot("Emit").Call(jen.Lit(i), jen.Id("e")))
	}
	g.turnToKin(method)
	for _, e := range g.m.Internal {
		method("makes the machine process e before any other event. It must not be changed afterwards.", "Raise"+g.names.event[e]).
			Params(jen.Id("e").Op("*").Id(g.names.event[e])).Block(core().Dot("Raise").Call(jen.Id(g.eventIdent(e)), jen.Id("e")))
	}
}

// outputs are the events that go through the outbox; the index is their number.
func (g *generator) outputs() []*model.Event {
	out := append([]*model.Event(nil), g.m.Emits...)
	for _, r := range g.m.Sends {
		out = append(out, r.Events...)
	}
	return out
}

func (g *generator) machineType(f *jen.File) {
	fields := []jen.Code{
		jen.Id("core").Qual(machinePath, "Core"),
		jen.Id("turn").Id("Turn"),
		jen.Id("context").Id("Context"),
	}
	if len(g.m.Guards) > 0 {
		fields = append(fields, jen.Id("guards").Id("Guards"))
	}
	if len(g.m.Actions) > 0 {
		fields = append(fields, jen.Id("actions").Id("Actions"))
	}
	if len(g.m.Services) > 0 {
		fields = append(fields, jen.Id("services").Id("Services"))
	}
	if len(g.m.Children) > 0 {
		fields = append(fields, jen.Id("children").Id("Children"))
	}
	for _, e := range g.replying() {
		fields = append(fields, jen.Id("reply"+g.names.event[e]).Func().Params(jen.Id(g.names.reply[e])))
	}
	fields = append(fields, jen.Id("outbox").Op("*").Id("outbox"), jen.Id("inbox").Op("*").Qual(busPath, "Subscription"))
	f.Add(doc("Machine is a running machine. Its methods are safe for concurrent use.")).Type().Id("Machine").Struct(fields...)
}

// replying are the events whose actions are given a function to reply with.
func (g *generator) replying() []*model.Event {
	var out []*model.Event
	for _, e := range g.m.Events {
		for _, a := range g.m.Actions {
			if a.Replies && a.Arrival.Event == e {
				out = append(out, e)
				break
			}
		}
	}
	return out
}

func (g *generator) constructor(f *jen.File) {
	var params []jen.Code
	set := jen.Dict{}
	keyArg := jen.Code(jen.Lit(""))
	if g.m.Keyed {
		params = append(params, jen.Id("key").String())
		keyArg = jen.Id("key")
	}
	if len(g.m.Guards) > 0 {
		params, set[jen.Id("guards")] = append(params, jen.Id("g").Id("Guards")), jen.Id("g")
	}
	if len(g.m.Actions) > 0 {
		params, set[jen.Id("actions")] = append(params, jen.Id("a").Id("Actions")), jen.Id("a")
	}
	if len(g.m.Services) > 0 {
		params, set[jen.Id("services")] = append(params, jen.Id("s").Id("Services")), jen.Id("s")
	}
	if len(g.m.Children) > 0 {
		params, set[jen.Id("children")] = append(params, jen.Id("c").Id("Children")), jen.Id("c")
	}
	if len(g.m.Input) > 0 {
		params = append(params, jen.Id("in").Id("Input"))
	}
	params = append(params, jen.Id("opts").Op("...").Qual(machinePath, "Option"))
	f.Add(doc("New returns a machine that has not been started.")).
		Func().Id("New").Params(params...).Op("*").Id("Machine").BlockFunc(func(b *jen.Group) {
		b.Id("m").Op(":=").Op("&").Id("Machine").Values(set)
		if d := g.defaults(g.m.Context); len(d) > 0 {
			b.Id("m").Dot("context").Op("=").Id("Context").Values(d...)
		}
		for _, fd := range g.m.Input {
			name := goname.Exported(fd.Name.Value)
			b.Id("m").Dot("context").Dot(name).Op("=").Add(g.clone(jen.Id("in").Dot(name), fd.Type))
		}
		b.Id("m").Dot("turn").Dot("m").Op("=").Id("m")
		for _, e := range g.replying() {
			b.Id("m").Dot("reply" + g.names.event[e]).Op("=").Func().Params(jen.Id("r").Id(g.names.reply[e])).Block(
				jen.Id("m").Dot("core").Dot("Reply").Call(jen.Op("&").Id("r")))
		}
		b.Id("m").Dot("core").Dot("Init").Call(jen.Op("&").Id("chart"), jen.Parens(jen.Op("*").Id("program")).Call(jen.Id("m")), keyArg, jen.Id("opts"))
		b.Return(jen.Id("m"))
	})
}

func (g *generator) method(f *jen.File, name, what string) *jen.Statement {
	return f.Add(doc(name + " " + what)).Func().Params(jen.Id("m").Op("*").Id("Machine")).Id(name)
}

func core() *jen.Statement { return jen.Id("m").Dot("core") }

// senders declares what makes the machine do something.
func (g *generator) senders(f *jen.File) {
	g.method(f, "Start", "enters the initial state. It returns machine.ErrAlreadyStarted the second time.").
		Params(ctxParam()).Error().Block(jen.Return(core().Dot("Start").Call(jen.Id("ctx"))))
	g.method(f, "Stop", "ends the machine after the step that is running: what waits is dropped, exit actions do not run, and services and invoked machines are ended and waited for; see machine.Core.Stop.").
		Params(ctxParam()).Error().Block(
		jen.If(jen.Id("m").Dot("inbox").Op("!=").Nil()).Block(
			jen.Return(core().Dot("StopWith").Call(jen.Id("ctx"), jen.Id("m").Dot("inbox").Dot("Close")))),
		jen.Return(core().Dot("Stop").Call(jen.Id("ctx"))))
	if len(g.m.Events) == 0 {
		return
	}
	refuseNil := jen.If(jen.Id("e").Op("==").Nil()).Block(jen.Return(jen.Qual(machinePath, "ErrUnknownEvent")))
	call := []jen.Code{jen.Id("ctx"), jen.Id("e").Dot("EventNumber").Call(), jen.Id("e")}
	g.method(f, "Send", "processes e and returns when its step has ended, with the step's error; see machine.Core.Send. Within a step of this machine, known by ctx, it queues e. The event must not be changed afterwards.").
		Params(ctxParam(), jen.Id("e").Id("ExternalEvent")).Error().Block(refuseNil, jen.Return(core().Dot("Send").Call(call...)))
	g.method(f, "SendAll", "is Send for several events, in order; see machine.Core.SendAll.").
		Params(ctxParam(), jen.Id("events").Index().Id("ExternalEvent")).Error().Block(
		jen.Return(core().Dot("SendAll").Call(jen.Id("ctx"), jen.Len(jen.Id("events")), jen.Func().Params(jen.Id("i").Int()).Params(jen.Int32(), jen.Any()).Block(
			jen.Id("e").Op(":=").Id("events").Index(jen.Id("i")),
			jen.If(jen.Id("e").Op("==").Nil()).Block(jen.Return(jen.Qual(machinePath, "None"), jen.Nil())),
			jen.Return(jen.Id("e").Dot("EventNumber").Call(), jen.Id("e")),
		))))
	g.method(f, "Post", "queues e. If the machine is idle, e is processed before Post returns; errors are published only.").
		Params(ctxParam(), jen.Id("e").Id("ExternalEvent")).Error().Block(refuseNil.Clone(), jen.Return(core().Dot("Post").Call(call...)))
	for _, e := range g.m.Events {
		if e.HasReply {
			g.request(f, e)
		}
	}
}

func (g *generator) request(f *jen.File, e *model.Event) {
	name, reply := g.names.event[e], g.names.reply[e]
	g.method(f, "Request"+name, "processes e and returns the reply. Without one the error is machine.ErrNoReply; if nothing takes e it wraps machine.ErrUnhandled.").
		Params(ctxParam(), jen.Id("e").Op("*").Id(name)).Params(jen.Op("*").Id(reply), jen.Error()).Block(
		jen.List(jen.Id("r"), jen.Err()).Op(":=").Add(core()).Dot("Request").Call(jen.Id("ctx"), jen.Id(g.eventIdent(e)), jen.Id("e")),
		jen.List(jen.Id("reply"), jen.Id("_")).Op(":=").Id("r").Assert(jen.Op("*").Id(reply)),
		jen.Return(jen.Id("reply"), jen.Err()),
	)
}

// observers declares what tells about the machine.
func (g *generator) observers(f *jen.File) {
	state := "is the state that the machine was in after its last completed step, empty before the start."
	if g.chart.width > 1 {
		state = "is the innermost state that held all that was active after the machine's last completed step, empty before the start, and where that is the machine itself. See Active for the states within."
	}
	g.method(f, "State", state).
		Params().Id("State").Block(
		jen.If(jen.Id("leaf").Op(":=").Add(core()).Dot("Leaf").Call(), jen.Id("leaf").Op("!=").Qual(machinePath, "None")).Block(
			jen.Return(jen.Id("State").Call(jen.Id("chart").Dot("States").Index(jen.Id("leaf")).Dot("Path")))),
		jen.Return(jen.Lit("")),
	)
	g.method(f, "Active", "are the states without states within that were active after the machine's last completed step, in document order; none before the start.").
		Params().Index().Id("State").Block(jen.Return(jen.Id("statesOf").Call(core().Dot("Leaves").Call(jen.Nil()))))
	f.Func().Id("statesOf").Params(jen.Id("leaves").Index().Int32()).Index().Id("State").Block(
		jen.Id("states").Op(":=").Make(jen.Index().Id("State"), jen.Len(jen.Id("leaves"))),
		jen.For(jen.List(jen.Id("i"), jen.Id("leaf")).Op(":=").Range().Id("leaves")).Block(
			jen.Id("states").Index(jen.Id("i")).Op("=").Id("State").Call(jen.Id("chart").Dot("States").Index(jen.Id("leaf")).Dot("Path"))),
		jen.Return(jen.Id("states")),
	)
	g.method(f, "In", "reports whether the machine was in s, or in a state within it, after its last completed step.").
		Params(jen.Id("s").Id("State")).Bool().Block(
		jen.For(jen.Id("i").Op(":=").Range().Id("chart").Dot("States")).Block(
			jen.If(jen.Id("chart").Dot("States").Index(jen.Id("i")).Dot("Path").Op("==").String().Call(jen.Id("s"))).Block(
				jen.Return(core().Dot("In").Call(jen.Int32().Call(jen.Id("i")))))),
		jen.Return(jen.False()),
	)
	if g.m.Keyed {
		g.method(f, "Key", "is the machine's key.").Params().String().Block(jen.Return(core().Dot("Key").Call()))
	}
	g.method(f, "Core", "is for machines that invoke this one, and for nothing else.").
		Params().Op("*").Qual(machinePath, "Core").Block(jen.Return(jen.Op("&").Add(core())))
}

func commentLines(text string) []string {
	var out []string
	for _, line := range wrapped(text) {
		out = append(out, commentLine(line))
	}
	return out
}
