package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
)

// invocations declares how what the machine invokes is made.
func (g *generator) invocations(f *jen.File) {
	f.Comment("Invoke implements machine.Program.")
	f.Func().Params(jen.Id("p").Op("*").Id("program")).Id("Invoke").Params(jen.Id("i").Int32()).
		Params(jen.Qual(machinePath, "Invocation"), jen.Error()).BlockFunc(func(b *jen.Group) {
		var cases []jen.Code
		for i, r := range g.chart.invokes {
			what := g.service
			if r.invoke.Child != nil {
				what = g.child
			}
			cases = append(cases, jen.Case(jen.Lit(i)).BlockFunc(func(b *jen.Group) {
				b.Comment("// " + oneLine(r.invoke.ID))
				b.Add(g.at(r.invoke.Pos.Line))
				what(b, r)
			}))
		}
		if len(cases) > 0 {
			b.Switch(jen.Id("i")).Block(cases...)
		}
		b.Return(jen.Qual(machinePath, "Invocation").Values(), jen.Nil())
	})
}

// service makes the call of a service, whose input is computed now.
func (g *generator) service(b *jen.Group, r invokeRow) {
	name := goname.Exported(r.invoke.Service.Name.Value)
	b.Id("in").Op(":=").Id(name + "Input").Values(g.fieldValues(r.invoke.Input, r.invoke.Service.Input)...)
	b.Return(jen.Qual(machinePath, "Invocation").Values(jen.Id("Service").Op(":").
		Func().Params(ctxParam()).Params(jen.Any(), jen.Error()).Block(
		jen.List(jen.Id("out"), jen.Err()).Op(":=").Id("p").Dot("services").Dot(name).Call(jen.Id("ctx"), jen.Id("in")),
		jen.Return(jen.Op("&").Id("out"), jen.Err()),
	)), jen.Nil())
}
