package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// stateType stands for the generated State where it is the type of a field.
var stateType = &model.Named{Name: spec.Scalar{Value: "state"}, Enum: true}

// changedFields are the fields of StateChanged.
func (g *generator) changedFields() []*model.Field {
	g.names.typ[stateType] = "State"
	state := &model.Type{Kind: model.Enum, Named: stateType}
	field := func(name string, t *model.Type, what string) *model.Field {
		return &model.Field{Name: spec.Scalar{Value: name}, Type: t, Description: what}
	}
	return []*model.Field{
		field("state", state, "State is the state that was entered."),
		field("from", &model.Type{Kind: model.Slice, Elem: state}, "From are the states that were left; none at the start."),
		field("active", &model.Type{Kind: model.Slice, Elem: state}, "Active are all states that are active now and have none within."),
		field("trigger", &model.Type{Kind: model.String}, "Trigger is the event that led here."),
		field("seq", &model.Type{Kind: model.Uint64}, "Seq counts the changes of one machine, from 1."),
		field("at", &model.Type{Kind: model.Time}, "At is when it happened."),
		field("done", &model.Type{Kind: model.Bool}, "Done says that the machine has finished."),
	}
}

// states declares State, its constants, and StateChanged.
func (g *generator) states(f *jen.File) {
	f.Add(doc("State is a state of the machine by its path. A value that is not among the constants is kept as it is, and is not Valid.")).
		Type().Id("State").String()
	var consts, all []jen.Code
	for _, s := range g.m.States {
		if name := g.names.state[s]; name != "" {
			consts = append(consts, doc(s.Description).Id(name).Id("State").Op("=").Lit(s.Path))
			all = append(all, jen.Id(name))
		}
	}
	f.Comment("The states.")
	f.Const().Defs(consts...)
	f.Add(doc("ParseState returns the state with the given path, and whether there is one.")).
		Func().Id("ParseState").Params(jen.Id("path").String()).Params(jen.Id("State"), jen.Bool()).Block(
		jen.Id("s").Op(":=").Id("State").Call(jen.Id("path")),
		jen.Return(jen.Id("s"), jen.Id("s").Dot("Valid").Call()),
	)
	recv := jen.Id("s").Id("State")
	f.Add(doc("Valid reports whether s is one of the constants.")).
		Func().Params(recv).Id("Valid").Params().Bool().Block(
		jen.Switch(jen.Id("s")).Block(jen.Case(all...).Block(jen.Return(jen.True()))),
		jen.Return(jen.False()),
	)
	f.Add(doc("String is the state's path.")).
		Func().Params(recv).Id("String").Params().String().Block(jen.Return(jen.String().Call(jen.Id("s"))))
	f.Add(doc("MarshalText implements encoding.TextMarshaler.")).
		Func().Params(recv).Id("MarshalText").Params().Params(jen.Index().Byte(), jen.Error()).Block(
		jen.Return(jen.Index().Byte().Call(jen.Id("s")), jen.Nil()))
	g.structure(f, "StateChanged", "StateChanged is published when a step of the machine has ended in another state. It must not be changed.", "", g.changedFields())
}
