package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
)

const conformancePath = "github.com/xsgen/xsgen/testdata/conformance/drive"

// adapter declares what registers a machine with the driver, with guards, actions
// and roles that the script controls.
func (g *generator) adapter(name string) func(*jen.File) {
	return func(f *jen.File) {
		f.ImportName(conformancePath, "drive")
		f.ImportName("encoding/json", "json")
		driver := jen.Id("d").Op("*").Qual(conformancePath, "Driver")
		f.Func().Id("init").Params().Block(jen.Qual(conformancePath, "Register").Call(jen.Lit(name),
			jen.Func().Params(driver, jen.Id("opts").Op("...").Qual(machinePath, "Option")).Qual(conformancePath, "Machine").BlockFunc(g.adapted)))
		g.adapterStubs(f)
	}
}

// adapted makes a machine and the functions that drive it.
func (g *generator) adapted(b *jen.Group) {
	var args []jen.Code
	if g.m.Keyed {
		args = append(args, jen.Lit("k1"))
	}
	if len(g.m.Guards) > 0 {
		args = append(args, jen.Op("&").Id("adapterGuards").Values(jen.Id("d")))
	}
	if len(g.m.Actions) > 0 {
		args = append(args, jen.Op("&").Id("adapterActions").Values(jen.Id("d")))
	}
	if len(g.m.Services) > 0 {
		args = append(args, jen.Op("&").Id("adapterServices").Values(jen.Id("d")))
	}
	if len(g.m.Input) > 0 {
		args = append(args, jen.Id("Input").Values())
	}
	b.Id("m").Op(":=").Id("New").Call(append(args, jen.Id("opts").Op("..."))...)
	bind := []jen.Code{jen.Id("b")}
	if len(g.m.Sends) > 0 {
		bind = append(bind, jen.Id("Roles").ValuesFunc(func(list *jen.Group) {
			for _, r := range g.m.Sends {
				list.Id(goname.Exported(r.Name.Value)).Op(":").Id("adapter" + goname.Exported(r.Name.Value)).Values(jen.Id("d"))
			}
		}))
	}
	b.Return(jen.Qual(conformancePath, "Machine").Values(lines([]jen.Code{
		field("Start", jen.Id("m").Dot("Start")),
		field("Stop", jen.Id("m").Dot("Stop")),
		field("Bind", jen.Func().Params(busParam()).Error().Block(jen.Return(jen.Id("m").Dot("Bind").Call(bind...)))),
		field("Active", jen.Func().Params().Index().String().Block(g.activeLeaves()...)),
		field("Settle", jen.Func().Params().Block(jen.List(jen.Id("_"), jen.Id("_")).Op("=").Id("m").Dot("Snapshot").Call(jen.Qual("context", "Background").Call()))),
		field("Send", g.sendFunc()),
		field("SendAll", g.sendAllFunc()),
		field("Request", g.requestFunc()),
	})...))
}

// sendAllFunc sends several events at once.
func (g *generator) sendAllFunc() *jen.Statement {
	params := []jen.Code{ctxParam(), jen.Id("names").Index().String(), jen.Id("bodies").Index().Index().Byte()}
	if len(g.m.Events) == 0 {
		return jen.Func().Params(params...).Error().Block(jen.Return(jen.Qual(machinePath, "ErrUnknownEvent")))
	}
	var cases []jen.Code
	for _, e := range g.m.Events {
		cases = append(cases, jen.Case(jen.Lit(e.Name.Value)).Block(jen.Id("e").Op("=").Op("&").Id(g.names.event[e]).Values()))
	}
	return jen.Func().Params(params...).Error().Block(
		jen.Id("list").Op(":=").Make(jen.Index().Id("ExternalEvent"), jen.Len(jen.Id("names"))),
		jen.For(jen.List(jen.Id("i"), jen.Id("name")).Op(":=").Range().Id("names")).Block(
			jen.Var().Id("e").Id("ExternalEvent"),
			jen.Switch(jen.Id("name")).Block(append(cases, jen.Default().Block(jen.Continue()))...),
			jen.If(jen.Err().Op(":=").Qual("encoding/json", "Unmarshal").Call(jen.Id("bodies").Index(jen.Id("i")), jen.Id("e")), jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Err())),
			jen.Id("list").Index(jen.Id("i")).Op("=").Id("e")),
		jen.Return(jen.Id("m").Dot("SendAll").Call(jen.Id("ctx"), jen.Id("list"))))
}

// activeLeaves are the paths of the active leaves.
func (g *generator) activeLeaves() []jen.Code {
	return []jen.Code{
		jen.Var().Id("out").Index().String(),
		jen.For(jen.List(jen.Id("_"), jen.Id("s")).Op(":=").Range().Id("m").Dot("Active").Call()).Block(
			jen.Id("out").Op("=").Append(jen.Id("out"), jen.String().Call(jen.Id("s")))),
		jen.Return(jen.Id("out")),
	}
}

// adapterStubs declares who tells the driver. The receivers are pointers, as methods of
// values would be compiled twice.
func (g *generator) adapterStubs(f *jen.File) {
	stub := func(name string) {
		f.Type().Id(name).Struct(jen.Id("d").Op("*").Qual(conformancePath, "Driver"))
	}
	tells := func(what string, args ...jen.Code) jen.Code {
		return jen.Return(jen.Id("s").Dot("d").Dot(what).Call(args...))
	}
	if len(g.m.Guards) > 0 {
		stub("adapterGuards")
	}
	for _, x := range g.m.Guards {
		f.Func().Params(jen.Id("s").Op("*").Id("adapterGuards")).Add(g.guardSignature(x)).Block(tells("Guard", jen.Lit(x.Name.Value)))
	}
	if len(g.m.Actions) > 0 {
		stub("adapterActions")
	}
	for _, x := range g.m.Actions {
		f.Func().Params(jen.Id("s").Op("*").Id("adapterActions")).Add(g.actionSignature(x)).BlockFunc(func(b *jen.Group) {
			if x.Replies {
				b.Id("reply").Call(jen.Id(g.names.reply[x.Arrival.Event]).Values())
			}
			b.Add(tells("Action", jen.Lit(x.Name.Value)))
		})
	}
	if len(g.m.Services) > 0 {
		stub("adapterServices")
	}
	for _, v := range g.m.Services {
		name := goname.Exported(v.Name.Value)
		f.Func().Params(jen.Id("s").Op("*").Id("adapterServices")).Id(name).Params(ctxParam(), jen.Id("_").Id(name+"Input")).Params(jen.Id("out").Id(name+"Output"), jen.Err().Error()).Block(
			jen.Err().Op("=").Id("s").Dot("d").Dot("Service").Call(jen.Id("ctx"), jen.Lit(v.Name.Value), jen.Op("&").Id("out")), jen.Return(jen.Id("out"), jen.Err()))
	}
	for _, r := range g.m.Sends {
		name := "adapter" + goname.Exported(r.Name.Value)
		stub(name)
		for _, e := range r.Events {
			params, _ := g.keyParams(jen.Id("e").Op("*").Id(g.names.event[e]), jen.Id("e"))
			f.Func().Params(jen.Id("s").Id(name)).Id(goname.Exported(e.Name.Value)).Params(params...).Error().Block(
				tells("Role", jen.Lit(r.Name.Value), jen.Lit(e.Name.Value)))
		}
	}
}
