package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// dispatch declares the program: the guards, the actions and the delays of the
// machine by number.
func (g *generator) dispatch(f *jen.File) {
	f.Comment("program is the machine as the runtime calls it.")
	f.Type().Id("program").Id("Machine")
	f.Comment("Take implements machine.Program: the numbers below the number of transitions are")
	f.Comment("transitions, the others blocks of actions.")
	f.Func().Params(jen.Id("p").Op("*").Id("program")).Id("Take").Params(ctxParam(), jen.Id("id").Int32()).Params(jen.Bool(), jen.Error()).BlockFunc(func(b *jen.Group) {
		cases := g.cases()
		if len(cases) > 0 {
			b.Switch(jen.Id("id")).Block(cases...)
		}
		b.Return(jen.True(), jen.Nil())
	})
	g.delays(f)
	g.invocations(f)
	g.codecMethods(f)
	g.publishMethods(f)
}

func (g *generator) cases() []jen.Code {
	var out []jen.Code
	for i, t := range g.m.Transitions {
		row := g.chart.transitions[i]
		actions := t.Actions
		if !row.fused {
			actions = nil
		}
		if t.Guard == nil && len(actions) == 0 {
			continue
		}
		out = append(out, jen.Case(jen.Lit(i)).BlockFunc(func(b *jen.Group) {
			b.Comment("// " + transitionName(t))
			g.arrived(b, arrivalOf(t), t.Guard, actions)
			if t.Guard != nil {
				b.Add(g.at(t.Guard.Pos.Line))
				if len(actions) == 0 {
					b.Return(g.guard(t.Guard), jen.Nil())
					return
				}
				b.If(g.negated(t.Guard)).Block(jen.Return(jen.False(), jen.Nil()))
				b.Id("p").Dot("core").Dot("Passed").Call()
			}
			g.actions(b, actions)
		}))
	}
	for i, bl := range g.chart.blocks {
		out = append(out, jen.Case(jen.Lit(len(g.m.Transitions)+i)).BlockFunc(func(b *jen.Group) {
			b.Comment("// " + oneLine(bl.comment))
			if bl.output != nil {
				b.Add(g.at(bl.pos.Line))
				b.Id("p").Dot("core").Dot("SetOutput").Call(g.built("Output", bl.output.Output, g.m.Output))
				return
			}
			g.arrived(b, bl.arrival, nil, bl.actions)
			g.actions(b, bl.actions)
		}))
	}
	return out
}

// arrived declares e, or err, if the guard or the actions use it.
func (g *generator) arrived(b *jen.Group, a model.Arrival, guard *model.Guard, actions []*model.Action) {
	if !g.usesEvent(guard, actions) {
		return
	}
	payload := jen.Id("p").Dot("core").Dot("Payload").Call()
	switch a.Payload {
	case model.OneEvent:
		b.Id("e").Op(":=").Add(payload).Assert(jen.Op("*").Id(g.names.event[a.Event]))
	case model.AnyOfThem:
		b.Id("e").Op(":=").Add(payload).Assert(jen.Id("Event"))
	case model.OutputOf:
		b.Id("e").Op(":=").Add(payload).Assert(jen.Op("*").Id(goname.Exported(a.Service.Name.Value) + "Output"))
	case model.AnError:
		b.Err().Op(":=").Id("p").Dot("core").Dot("Err").Call()
	}
}

func (g *generator) usesEvent(guard *model.Guard, actions []*model.Action) bool {
	if guard != nil {
		if guard.Method != nil && guard.Method.Arrival.Payload != model.NoPayload {
			return true
		}
		if e := g.table.Guards[guard]; e != nil && partUsesEvent(e.Part()) {
			return true
		}
		for _, a := range guard.Args {
			if g.usesEvent(a, nil) {
				return true
			}
		}
	}
	for _, a := range actions {
		if a.Method != nil && a.Method.Arrival.Payload != model.NoPayload || g.valueUsesEvent(a.With) {
			return true
		}
		if a.After != nil && g.table.Delays[a.After] != nil && partUsesEvent(g.table.Delays[a.After].Part()) {
			return true
		}
	}
	return false
}

func (g *generator) valueUsesEvent(v *spec.Value) bool {
	if v == nil {
		return false
	}
	if e := g.table.Values[v]; e != nil && partUsesEvent(e.Part()) {
		return true
	}
	for _, i := range v.Items {
		if g.valueUsesEvent(i) {
			return true
		}
	}
	for _, e := range v.Entries {
		if g.valueUsesEvent(e.Value) {
			return true
		}
	}
	return false
}

func (g *generator) arrivalArg(a model.Arrival) []jen.Code {
	switch a.Payload {
	case model.OneEvent, model.AnyOfThem, model.OutputOf:
		return []jen.Code{jen.Id("e")}
	case model.AnError:
		return []jen.Code{jen.Err()}
	}
	return nil
}

// actions are the statements of a block.
func (g *generator) actions(b *jen.Group, list []*model.Action) {
	for _, a := range list {
		g.action(b, a)
	}
}

func (g *generator) action(b *jen.Group, a *model.Action) {
	pcore := func() *jen.Statement { return jen.Id("p").Dot("core") }
	if a.Kind != spec.ActionName {
		b.Add(g.at(a.Pos.Line))
	}
	switch a.Kind {
	case spec.ActionName:
		args := append([]jen.Code{jen.Id("ctx"), jen.Op("&").Id("p").Dot("turn")}, g.arrivalArg(a.Method.Arrival)...)
		if a.Method.Replies {
			args = append(args, jen.Id("p").Dot("reply"+g.names.event[a.Method.Arrival.Event]))
		}
		g.orFail(b, jen.Id("p").Dot("actions").Dot(goname.Exported(a.Method.Name.Value)).Call(args...))
	case spec.ActionAssign:
		g.assign(b, a)
	case spec.ActionRaise:
		b.Add(pcore()).Dot("Raise").Call(jen.Id(g.eventIdent(a.Event)), g.built(g.names.event[a.Event], a.With, a.Fields))
	case spec.ActionEmit:
		b.Add(pcore()).Dot("Emit").Call(jen.Lit(g.outputNumber(a.Event)), g.built(g.names.event[a.Event], a.With, a.Fields))
	case spec.ActionSend:
		g.send(b, a)
	case spec.ActionCancel:
		b.Add(pcore()).Dot("Cancel").Call(jen.Lit(a.ID.Value))
	case spec.ActionReply:
		b.Add(pcore()).Dot("Reply").Call(g.built(g.names.reply[a.Event], a.With, a.Fields))
	case spec.ActionLog:
		b.Add(pcore()).Dot("Logger").Call().Dot("InfoContext").Call(jen.Id("ctx"), jen.Lit("log"), jen.Lit("value"), builder{generator: g}.expression(a.With))
	}
}

func (g *generator) orFail(b *jen.Group, call *jen.Statement) {
	b.If(jen.Err().Op(":=").Add(call), jen.Err().Op("!=").Nil()).Block(jen.Return(jen.True(), jen.Err()))
}

// assign evaluates everything before it stores anything, as Go's own assignment
// of several values does.
func (g *generator) assign(b *jen.Group, a *model.Action) {
	if a.With == nil || len(a.With.Entries) == 0 {
		return
	}
	var left, right []jen.Code
	for _, e := range a.With.Entries {
		fd := model.FieldNamed(a.Fields, e.Key.Value)
		if g.isField(e.Value, fd) {
			continue // to itself, which vet would complain of
		}
		left = append(left, jen.Id("p").Dot("context").Dot(goname.Exported(fd.Name.Value)))
		right = append(right, builder{g, true}.value(e.Value, fd.Type))
	}
	if len(left) > 0 {
		b.List(left...).Op("=").List(right...)
	}
}

// isField reports whether v is just the context's field fd.
func (g *generator) isField(v *spec.Value, fd *model.Field) bool {
	e := g.table.Values[v]
	if e == nil {
		return false
	}
	p := e.Part()
	return p.Node == expr.Selection && p.Field == fd && p.Args[0].Node == expr.Context
}

func (g *generator) send(b *jen.Group, a *model.Action) {
	pcore := jen.Id("p").Dot("core")
	event := g.built(g.names.event[a.Event], a.With, a.Fields)
	number := jen.Code(jen.Lit(g.outputNumber(a.Event)))
	switch {
	case a.Self:
		number = jen.Id(g.eventIdent(a.Event))
	case a.Parent || a.Event.Of != nil:
		number = jen.Lit(g.kinNumber(a.Event))
	}
	switch {
	case a.After != nil:
		delay := duration(a.After.Constant)
		if e := g.table.Delays[a.After]; e != nil {
			delay = g.expression(e)
		}
		g.orFail(b, pcore.Dot("SendAfter").Call(delay, jen.Lit(a.ID.Value), jen.Lit(a.Self), number, event))
	case a.ID.IsSet(): // it takes the place of one that waits
		b.BlockFunc(func(b *jen.Group) {
			b.Id("sent").Op(":=").Add(event)
			b.Add(pcore.Clone()).Dot("Cancel").Call(jen.Lit(a.ID.Value))
			g.sendNow(b, a, number, jen.Id("sent"))
		})
	default:
		g.sendNow(b, a, number, event)
	}
}

// sendNow sends an event without a delay.
func (g *generator) sendNow(b *jen.Group, a *model.Action, number jen.Code, event *jen.Statement) {
	pcore := jen.Id("p").Dot("core")
	if a.Self {
		g.orFail(b, pcore.Dot("SendSelf").Call(jen.Id("ctx"), number, event))
	} else {
		b.Add(pcore).Dot("Emit").Call(number, event)
	}
}

func (g *generator) outputNumber(e *model.Event) int {
	for i, o := range g.outputs() {
		if o == e {
			return i
		}
	}
	return none
}

// delays declares how delays that are expressions are computed.
func (g *generator) delays(f *jen.File) {
	f.Comment("Delay implements machine.Program.")
	f.Func().Params(jen.Id("p").Op("*").Id("program")).Id("Delay").Params(jen.Id("i").Int32()).Qual("time", "Duration").BlockFunc(func(b *jen.Group) {
		var cases []jen.Code
		for i, d := range g.chart.delays {
			if e := g.table.Delays[d]; e != nil {
				cases = append(cases, jen.Case(jen.Lit(i)).Block(g.at(d.Text.Pos.Line), jen.Return(g.expression(e))))
			}
		}
		if len(cases) > 0 {
			b.Switch(jen.Id("i")).Block(cases...)
		}
		b.Return(jen.Lit(0))
	})
}
