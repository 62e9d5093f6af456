package golang

import (
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// topics declares the topics and the patterns over them. A keyed machine has
// families of topics in place of constants, and a pattern's key is a wildcard.
func (g *generator) topics(f *jen.File) {
	var decls []jen.Code
	g.eachTopic(func(name, kind, rest, what string) {
		decls = append(decls, doc(name+" is "+what+".").Add(declared(name, g.m.Topic(kind, rest))))
	})
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

// eachTopic calls visit for each of the machine's topics: what it is called in Go, what it
// is made of, and what is published there.
func (g *generator) eachTopic(visit func(name, kind, rest, what string)) {
	for _, s := range g.m.Leaves() {
		visit("TopicState"+goname.Exported(s.Path), model.TopicState, s.Path, "where it is published that the state "+s.Path+" was entered")
	}
	for _, e := range g.m.Events {
		visit("TopicEvent"+g.names.event[e], model.TopicEvent, e.Name.Value, "where the machine takes the event "+e.Name.Value)
	}
	for _, e := range g.m.Emits {
		visit("TopicEmit"+g.names.event[e], model.TopicEmit, e.Name.Value, "where the event "+e.Name.Value+" is published")
	}
	for _, kind := range g.failureKinds() {
		visit("TopicError"+goname.Exported(kind), model.TopicError, kind, "where failures of the kind "+kind+" are published")
	}
}

// declared is a topic or, if it has a key, the family of topics, as it is declared.
func declared[P ~string](name string, p P) *jen.Statement {
	if prefix, suffix, keyed := strings.Cut(string(p), ".+."); keyed {
		return jen.Id(name).Op("=").Qual(topicPath, "MustFamily").Call(jen.Lit(prefix), jen.Lit(suffix))
	}
	return jen.Id(name).Qual(topicPath, "Name").Op("=").Lit(string(p))
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

func (g *generator) patterns() []jen.Code {
	var out []jen.Code
	add := func(name, kind, rest, what string) {
		out = append(out, doc(name+" matches "+what+".").Id(name).Qual(topicPath, "Pattern").Op("=").Lit(string(g.m.Topic(kind, rest))))
	}
	add("PatternStates", model.TopicState, "*", "every state change of the machine")
	add("PatternEvents", model.TopicEvent, "*", "every event for the machine")
	add("PatternEmits", model.TopicEmit, "*", "every event that the machine emits")
	add("PatternErrors", model.TopicError, "*", "every failure of the machine")
	for _, s := range g.m.States {
		if (s.Kind == model.Compound || s.Kind == model.Parallel) && s.Parent != nil {
			add("PatternState"+goname.Exported(s.Path), model.TopicState, s.Path+".*", "the state changes within "+s.Path)
		}
	}
	return out
}
