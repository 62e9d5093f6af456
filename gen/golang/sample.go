package golang

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// sampler writes values for tests: valid ones, that differ from zero where that says
// nothing, so that a field that gets lost is seen.
type sampler struct {
	*generator
	seen  map[*model.Named]bool // the structs that were met, and whether a sample of them sets anything
	queue []*model.Named        // structs whose samples are wanted
}

// builders declares functions that make events, and what those are made of.
func (g *generator) builders(f *jen.File) {
	s := &sampler{generator: g, seen: map[*model.Named]bool{}}
	lists := [][]*model.Event{g.m.Events, g.m.Internal, g.m.Emits}
	for _, r := range g.m.Sends {
		lists = append(lists, r.Events)
	}
	for _, e := range slices.Concat(lists...) {
		what := "the event " + e.Name.Value
		if e.Section == model.Sent {
			what += " for " + e.Role.Name.Value
		}
		s.builder(f, g.names.event[e], what+" with sample values", g.own(g.names.event[e]), nil, s.values(e.Fields))
	}
	s.published(f)
	for len(s.queue) > 0 {
		t := s.queue[0]
		s.queue = s.queue[1:]
		f.Func().Id(s.function(t)).Params().Add(g.own(g.names.typ[t])).Block(jen.Return(g.own(g.names.typ[t]).Values(s.values(t.Fields)...)))
	}
}

// builder declares a function that returns a struct after all edits.
func (s *sampler) builder(f *jen.File, name, what string, of *jen.Statement, params, values []jen.Code) {
	params = append(params, jen.Id("edits").Op("...").Func().Params(jen.Op("*").Add(of.Clone())))
	f.Add(doc(name + " returns " + what + ", after all edits.")).
		Func().Id(name).Params(params...).Op("*").Add(of.Clone()).Block(
		jen.Return(jen.Qual(machinetestPath, "Edit").Call(jen.Op("&").Add(of.Clone()).Values(values...), jen.Id("edits"))))
}

// published declares builders of what every machine publishes.
func (s *sampler) published(f *jen.File) {
	epoch := jen.Qual(machinetestPath, "Epoch").Call()
	s.builder(f, "StateChanged", "what is published when the machine has entered a state", s.own("StateChanged"), []jen.Code{jen.Id("s").Add(s.own("State"))}, []jen.Code{
		field("State", jen.Id("s")),
		field("Active", jen.Index().Add(s.own("State")).Values(jen.Id("s"))),
		field("Seq", jen.Lit(1)),
		field("At", epoch),
	})
	failure := []jen.Code{field("Kind", jen.Lit("action")), field("Machine", s.own("MachineID")), field("Message", jen.Lit("message"))}
	if s.m.Keyed {
		failure = slices.Insert(failure, 2, jen.Code(field("Key", jen.Lit(s.sampleKey()))))
	}
	s.builder(f, "Failure", "what is published when an action has failed", jen.Qual(transportPath, "Failure"), nil, failure)
}

// values are the fields of a struct that a sample sets, in order.
func (s *sampler) values(fields []*model.Field) []jen.Code {
	var out []jen.Code
	for _, fd := range fields {
		value := s.value(fd)
		if value != nil {
			out = append(out, field(goname.Exported(fd.Name.Value), value))
		}
	}
	return out
}

// value is the sample of a field, nil for its type's zero: the default, or a text that
// is the field's name, and small numbers.
func (s *sampler) value(fd *model.Field) *jen.Statement {
	switch {
	case fd.Default != nil:
		return s.literal(fd.Default, fd.Type)
	case fd.Type.Optional:
		return nil
	}
	switch fd.Type.Kind {
	case model.String:
		return jen.Lit(fd.Name.Value)
	case model.Bool, model.Bytes, model.Slice, model.Map:
		return nil
	case model.Time:
		return jen.Qual(machinetestPath, "Epoch").Call()
	case model.Duration:
		return jen.Qual("time", "Second")
	case model.Enum:
		return s.own(s.names.value[fd.Type.Named][0])
	case model.Struct:
		return s.structSample(fd.Type.Named)
	}
	return jen.Lit(1)
}

// structSample calls the function that makes a struct. There is one for each, since
// structs within structs would else be spelled out again and again.
func (s *sampler) structSample(t *model.Named) *jen.Statement {
	wanted, seen := s.seen[t]
	if !seen {
		if wanted = len(s.values(t.Fields)) > 0; wanted {
			s.queue = append(s.queue, t)
		}
		s.seen[t] = wanted
	}
	if !wanted {
		return nil
	}
	return jen.Id(s.function(t)).Call()
}

func (s *sampler) function(t *model.Named) string { return "sample" + s.names.typ[t] }
