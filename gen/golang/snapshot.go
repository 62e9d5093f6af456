package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/model"
)

// snapshots declares Snapshot and Restore.
func (g *generator) snapshots(f *jen.File) {
	g.method(f, "Snapshot", "returns the machine as it is after the step that is running, as a document; see package snapshot. Within a step it is machine.ErrReentrant.").
		Params(ctxParam()).Params(jen.Index().Byte(), jen.Error()).Block(
		jen.List(jen.Id("s"), jen.Err()).Op(":=").Add(core()).Dot("Snapshot").Call(jen.Id("ctx")),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err())),
		jen.Return(jen.Qual(snapshotPath, "Encode").Call(jen.Id("s"))),
	)
	g.method(f, "Suspend", "is Snapshot and Stop in one: the machine takes no step after the snapshot. What others have posted and has not been processed is in it. An error beside a snapshot is that of stopping.").
		Params(ctxParam()).Params(jen.Index().Byte(), jen.Error()).Block(
		jen.List(jen.Id("s"), jen.Err()).Op(":=").Add(core()).Dot("Suspend").Call(jen.Id("ctx")),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err())),
		jen.List(jen.Id("data"), jen.Err()).Op(":=").Qual(snapshotPath, "Encode").Call(jen.Id("s")),
		jen.Return(jen.Id("data"), jen.Qual("errors", "Join").Call(jen.Err(), jen.Id("m").Dot("Stop").Call(jen.Id("ctx")))),
	)
	g.method(f, "Restore", "makes a machine that has not been started what it was when the snapshot was taken, instead of Start. A snapshot of another version of the spec is a *machine.VersionError, unless there is a machine.WithMigration.").
		Params(ctxParam(), jen.Id("data").Index().Byte()).Error().Block(
		jen.List(jen.Id("s"), jen.Err()).Op(":=").Qual(snapshotPath, "Decode").Call(jen.Id("data")),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err())),
		jen.Return(core().Dot("Restore").Call(jen.Id("ctx"), jen.Id("s"))),
	)
}

// codecMethods declares the part of the program that snapshots are written and
// read by.
func (g *generator) codecMethods(f *jen.File) {
	method := func(name string) *jen.Statement {
		f.Comment(name + " implements machine.Codec.")
		return f.Func().Params(jen.Id("p").Op("*").Id("program")).Id(name)
	}
	data := func() *jen.Statement { return jen.Id("data").Index().Byte() }
	method("EncodeContext").Params().Params(jen.Index().Byte(), jen.Error()).Block(
		jen.Return(jen.Id("p").Dot("context").Dot("AppendMsgpack").Call(jen.Nil())))
	method("DecodeContext").Params(data()).Error().Block(
		jen.Var().Id("c").Id("Context"),
		jen.If(jen.Err().Op(":=").Id("c").Dot("UnmarshalMsgpack").Call(jen.Id("data")), jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err())),
		jen.Id("p").Dot("context").Op("=").Id("c"),
		jen.Return(jen.Nil()))
	method("EncodeEvent").Params(jen.Id("event").Any()).Params(jen.Index().Byte(), jen.Error()).Block(
		jen.If(jen.List(jen.Id("e"), jen.Id("ok")).Op(":=").Id("event").Assert(jen.Qual(codecPath, "Appender")), jen.Id("ok")).Block(
			jen.Return(jen.Id("e").Dot("AppendMsgpack").Call(jen.Nil()))),
		jen.Return(jen.Nil(), jen.Qual(machinePath, "ErrUnknownEvent")))
	inputs := append(append([]*model.Event(nil), g.m.Events...), g.m.Internal...)
	g.decoder(method("DecodeEvent"), "id", inputs, func(i int) jen.Code { return jen.Id(g.eventIdent(inputs[i])) })
	outputs := append(g.outputs(), g.kin()...)
	g.decoder(method("DecodeOutput"), "kind", outputs, func(i int) jen.Code {
		if n := len(g.outputs()); i >= n {
			i = none - 1 - (i - n)
		}
		return jen.Lit(i)
	})
}

func (g *generator) decoder(s *jen.Statement, number string, events []*model.Event, label func(int) jen.Code) {
	s.Params(jen.Id(number).Int32(), jen.Id("data").Index().Byte()).Params(jen.Any(), jen.Error()).BlockFunc(func(b *jen.Group) {
		var cases []jen.Code
		for i, e := range events {
			cases = append(cases, jen.Case(label(i)).Block(
				jen.Id("e").Op(":=").Op("&").Id(g.names.event[e]).Values(),
				jen.Return(jen.Id("e"), jen.Id("e").Dot("UnmarshalMsgpack").Call(jen.Id("data")))))
		}
		if len(cases) > 0 {
			b.Switch(jen.Id(number)).Block(cases...)
		}
		b.Return(jen.Nil(), jen.Qual(machinePath, "ErrUnknownEvent"))
	})
}
