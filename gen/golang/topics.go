package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// topics declares the topics and the patterns over them. A keyed machine has
// families of topics in place of constants, and a pattern's key is a wildcard.
func (g *generator) topics(f *jen.File) {
	id := g.m.ID.Value
	var decls []jen.Code
	add := func(name, prefix, suffix, what string) {
		decls = append(decls, doc(name+" is "+what+".").Add(g.topic(name, prefix+"."+id, suffix)))
	}
	for _, s := range g.m.States {
		if s.Leaf() && s.Parent != nil {
			add("TopicState"+goname.Exported(s.Path), "state", s.Path, "where it is published that the state "+s.Path+" was entered")
		}
	}
	for _, e := range g.m.Events {
		add("TopicEvent"+g.names.event[e], "event", e.Name.Value, "where the machine takes the event "+e.Name.Value)
	}
	for _, e := range g.m.Emits {
		add("TopicEmit"+g.names.event[e], "emit", e.Name.Value, "where the event "+e.Name.Value+" is published")
	}
	for _, kind := range g.failureKinds() {
		add("TopicError"+goname.Exported(kind), "error", kind, "where failures of the kind "+kind+" are published")
	}
	if g.m.Keyed {
		f.Comment("Families of topics: one topic for each key.")
		f.Var().Defs(decls...)
	} else {
		f.Comment("Topics of the machine.")
		f.Const().Defs(decls...)
	}
	f.Comment("Patterns over the machine's topics.")
	f.Const().Defs(g.patterns()...)
}

// failureKinds are the kinds of failures that the machine publishes; messages die in
// the outboxes of a host.
func (g *generator) failureKinds() []string {
	kinds := []string{"action", "unhandled", "loop"}
	if g.m.Keyed {
		kinds = append(kinds, "dead")
	}
	return kinds
}

func (g *generator) topic(name, prefix, suffix string) jen.Code {
	if g.m.Keyed {
		return jen.Id(name).Op("=").Qual(topicPath, "MustFamily").Call(jen.Lit(prefix), jen.Lit(suffix))
	}
	return jen.Id(name).Qual(topicPath, "Name").Op("=").Lit(prefix + "." + suffix)
}

func (g *generator) patterns() []jen.Code {
	id := g.m.ID.Value
	if g.m.Keyed {
		id += ".+"
	}
	var out []jen.Code
	add := func(name, pattern, what string) {
		out = append(out, doc(name+" matches "+what+".").Id(name).Qual(topicPath, "Pattern").Op("=").Lit(pattern))
	}
	add("PatternStates", "state."+id+".*", "every state change of the machine")
	add("PatternEvents", "event."+id+".*", "every event for the machine")
	add("PatternEmits", "emit."+id+".*", "every event that the machine emits")
	add("PatternErrors", "error."+id+".*", "every failure of the machine")
	for _, s := range g.m.States {
		if (s.Kind == model.Compound || s.Kind == model.Parallel) && s.Parent != nil {
			add("PatternState"+goname.Exported(s.Path), "state."+id+"."+s.Path+".*", "the state changes within "+s.Path)
		}
	}
	return out
}
