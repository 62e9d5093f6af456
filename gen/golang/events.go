package golang

import (
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/model"
)

// events declares the structs of all events, and the sealed interfaces of those
// that the machine takes.
func (g *generator) events(f *jen.File) {
	if len(g.m.Events)+len(g.m.Internal) > 0 {
		f.Add(doc("Event is an event that the machine takes, or raises itself. Only this package has types that implement it.")).
			Type().Id("Event").Interface(
			doc("EventName is the event's name in the spec.").Id("EventName").Params().String(),
			doc("EventNumber is the event's number in the machine's tables.").Id("EventNumber").Params().Int32(),
			jen.Id("event").Params(),
		)
	}
	if len(g.m.Events) > 0 {
		f.Add(doc("ExternalEvent is an event that the machine takes from outside: "+g.listed(g.m.Events)+".")).
			Type().Id("ExternalEvent").Interface(jen.Id("Event"), jen.Id("external").Params())
	}
	for _, e := range g.m.Events {
		g.event(f, e, "is the event "+e.Name.Value+".")
		f.Func().Params(jen.Op("*").Id(g.names.event[e])).Id("external").Params().Block()
		if e.HasReply {
			name := g.names.reply[e]
			g.structure(f, name, name+" is the reply to "+g.names.event[e]+".", "", e.Reply)
		}
	}
	for _, e := range g.m.Internal {
		g.event(f, e, "is the event "+e.Name.Value+", which only the machine itself raises.")
	}
	for _, e := range g.m.Emits {
		name := g.names.event[e]
		g.structure(f, name, name+" is the event "+e.Name.Value+", which the machine emits.", e.Description, e.Fields)
	}
	for _, r := range slices.Concat(g.m.Sends, g.m.ToChildren) {
		for _, e := range r.Events {
			name := g.names.event[e]
			g.structure(f, name, name+" is the event "+e.Name.Value+", which the machine sends to "+r.Name.Value+".", e.Description, e.Fields)
		}
	}
}

func (g *generator) listed(events []*model.Event) string {
	var names []string
	for _, e := range events {
		names = append(names, "*"+g.names.event[e])
	}
	return strings.Join(names, ", ")
}

func (g *generator) event(f *jen.File, e *model.Event, what string) {
	name := g.names.event[e]
	g.structure(f, name, name+" "+what, e.Description, e.Fields)
	f.Func().Params(jen.Op("*").Id(name)).Id("event").Params().Block()
	f.Add(doc("EventName implements Event.")).
		Func().Params(jen.Op("*").Id(name)).Id("EventName").Params().String().Block(jen.Return(jen.Lit(e.Name.Value)))
	f.Add(doc("EventNumber implements Event.")).
		Func().Params(jen.Op("*").Id(name)).Id("EventNumber").Params().Int32().Block(jen.Return(jen.Id(g.eventIdent(e))))
}

// eventIdent is the constant with e's number.
func (g *generator) eventIdent(e *model.Event) string {
	return g.chart.events[g.chart.numbers[e]].ident
}
