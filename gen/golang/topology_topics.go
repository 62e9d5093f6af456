package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/wiring"
)

// topics declares the topics of groups and broadcasts: those of machines are in their
// packages.
func (g *topologyGenerator) topics(f *jen.File) {
	for _, x := range g.t.Broadcasts {
		name := "TopicBroadcast" + g.names.broadcast[x]
		f.Add(doc(name + " is where the broadcast " + x.Event.Name.Value + " is published.")).
			Const().Add(declared(name, x.Topic()))
	}
	for _, x := range g.t.Groups {
		for _, e := range x.Events(nil) {
			g.groupTopic(f, x, e)
		}
	}
}

func (g *topologyGenerator) groupTopic(f *jen.File, x *model.Group, e *model.Event) {
	name := g.names.groupTopic(x, e)
	keyword := jen.Const()
	if x.Keyed() {
		keyword = jen.Var()
	}
	f.Add(doc(name + " is where the event " + e.Name.Value + " is published for the group " + x.Name.Value + ".")).
		Add(keyword).Add(declared(name, x.Topic(e)))
}

// topic is a topic, or a family of topics, and whether it is one.
func (g *topologyGenerator) topic(t wiring.Topic) (*jen.Statement, bool) {
	switch t.Kind {
	case wiring.Event:
		return g.of(t.Machine, "TopicEvent"+g.peer(t.Machine).names.event[t.Event]), t.Machine.Keyed()
	case wiring.Emitted:
		return g.of(t.Machine, "TopicEmit"+g.peer(t.Machine).names.event[t.Event]), t.Machine.Keyed()
	case wiring.Grouped:
		return jen.Id(g.names.groupTopic(t.Group, t.Event)), t.Group.Keyed()
	}
	return jen.Id("TopicBroadcast" + g.names.broadcast[t.Broadcast]), false
}

// pattern is the pattern of a topic.
func (g *topologyGenerator) pattern(t wiring.Topic) *jen.Statement {
	switch {
	case t.Kind == wiring.Event && t.All:
		return g.of(t.Machine, "PatternEvents")
	case t.Kind == wiring.Changed:
		return g.of(t.Machine, "PatternStates")
	case t.Kind == wiring.Pattern, t.Kind == wiring.Failed:
		return jen.Lit(string(t.Pattern))
	}
	name, keyed := g.topic(t)
	if keyed {
		return name.Dot("Pattern").Call()
	}
	return jen.Qual(topicPath, "Pattern").Call(name)
}

// payload is the type of what travels on a topic, and what the type is called on the
// wire.
func (g *topologyGenerator) payload(t wiring.Topic) (of *jen.Statement, name string) {
	switch t.Kind {
	case wiring.Changed:
		return g.of(t.Machine, "StateChanged"), "StateChanged"
	case wiring.Failed:
		return jen.Qual(transportPath, "Failure"), "Failure"
	case wiring.Broadcast:
		return g.event(nil, t.Event), t.Event.Name.Value
	}
	return g.event(t.Machine, t.Event), t.Machine.ID.Value + "." + t.Event.Name.Value
}

// heardName is the name of the method of a handler that hears a topic.
func (g *topologyGenerator) heardName(t wiring.Topic) string {
	switch t.Kind {
	case wiring.Changed:
		return g.names.machine[t.Machine] + "StateChanged"
	case wiring.Failed:
		return "Failure"
	case wiring.Broadcast:
		return g.names.broadcast[t.Broadcast]
	}
	return g.names.machine[t.Machine] + goname.Exported(t.Event.Name.Value)
}
