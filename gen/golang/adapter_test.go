package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

const conformancePath = "github.com/xsgen/xsgen/testdata/conformance/drive"

// adapter declares what registers a machine with the driver, with guards, actions
// and roles that the script controls.
func (g *generator) adapter(name string) func(*jen.File) {
	return func(f *jen.File) {
		g.adapterImports(f)
		driver := jen.Id("d").Op("*").Qual(conformancePath, "Driver")
		f.Func().Id("init").Params().Block(jen.Qual(conformancePath, "Register").Call(jen.Lit(name),
			jen.Func().Params(driver, jen.Id("opts").Op("...").Qual(machinePath, "Option")).Qual(conformancePath, "Machine").BlockFunc(func(b *jen.Group) {
				g.adapted(b, jen.Id("Input").Values())
				b.Return(g.drivenMachine())
			})))
		g.adapterStubs(f)
	}
}

func (g *generator) adapterImports(f *jen.File) {
	f.ImportName(conformancePath, "drive")
	f.ImportName("encoding/json", "json")
}

// childAdapter declares Adapted, by which the adapters of machines that invoke this one
// make it.
func (g *generator) childAdapter(f *jen.File) {
	g.adapterImports(f)
	params := []jen.Code{jen.Id("by").Op("*").Qual(conformancePath, "Driver")}
	if len(g.m.Input) > 0 {
		params = append(params, jen.Id("in").Id("Input"))
	}
	f.Func().Id("Adapted").Params(params...).Params(jen.Op("*").Id("Machine"), jen.Error()).BlockFunc(func(b *jen.Group) {
		b.List(jen.Id("d"), jen.Id("opts"), jen.Err()).Op(":=").Id("by").Dot("Child").Call(jen.Lit(g.m.ID.Value))
		b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err()))
		g.adapted(b, jen.Id("in"))
		b.Return(jen.Id("m"), jen.Id("d").Dot("Made").Call(g.drivenMachine()))
	})
	g.adapterStubs(f)
}

// adapted makes a machine.
func (g *generator) adapted(b *jen.Group, input jen.Code) {
	var args []jen.Code
	if g.m.Keyed {
		args = append(args, jen.Lit("k1"))
	}
	for _, p := range []struct {
		stub string
		any  bool
	}{
		{"adapterGuards", len(g.m.Guards) > 0}, {"adapterActions", len(g.m.Actions) > 0},
		{"adapterServices", len(g.m.Services) > 0}, {"adapterChildren", len(g.m.Children) > 0},
	} {
		if p.any {
			args = append(args, jen.Op("&").Id(p.stub).Values(jen.Id("d")))
		}
	}
	if len(g.m.Input) > 0 {
		args = append(args, input)
	}
	b.Id("m").Op(":=").Id("New").Call(append(args, jen.Id("opts").Op("..."))...)
}

// drivenMachine are the functions that drive a machine.
func (g *generator) drivenMachine() jen.Code {
	bind := []jen.Code{jen.Id("b")}
	if len(g.m.Sends) > 0 {
		bind = append(bind, jen.Id("Roles").ValuesFunc(func(list *jen.Group) {
			for _, r := range g.m.Sends {
				list.Id(goname.Exported(r.Name.Value)).Op(":").Id("adapter" + goname.Exported(r.Name.Value)).Values(jen.Id("d"))
			}
		}))
	}
	return jen.Qual(conformancePath, "Machine").Values(lines([]jen.Code{
		field("Start", jen.Id("m").Dot("Start")),
		field("Stop", jen.Id("m").Dot("Stop")),
		field("Bind", jen.Func().Params(busParam()).Error().Block(jen.Return(jen.Id("m").Dot("Bind").Call(bind...)))),
		field("Active", jen.Func().Params().Index().String().Block(g.activeLeaves()...)),
		field("Settle", jen.Func().Params().Block(jen.List(jen.Id("_"), jen.Id("_")).Op("=").Id("m").Dot("Snapshot").Call(jen.Qual("context", "Background").Call()))),
		field("Send", g.sendFunc()),
		field("SendAll", g.sendAllFunc()),
		field("Request", g.requestFunc()),
		field("Snapshot", jen.Id("m").Dot("Snapshot")),
		field("Suspend", jen.Id("m").Dot("Suspend")),
		field("Restore", jen.Id("m").Dot("Restore")),
	})...)
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
	if len(g.m.Children) > 0 {
		stub("adapterChildren")
	}
	for _, c := range g.m.Children {
		g.adapterChild(f, c)
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

// adapterChild makes an invoked machine by its own adapter.
func (g *generator) adapterChild(f *jen.File, c *model.Child) {
	theirs := func(name string) *jen.Statement { return jen.Qual(g.cfg.Children[c.Machine], name) }
	f.ImportName(g.cfg.Children[c.Machine], c.Machine.Package)
	var params []jen.Code
	args := []jen.Code{jen.Id("s").Dot("d")}
	if len(c.Machine.Input) > 0 {
		params, args = append(params, jen.Id("in").Add(theirs("Input"))), append(args, jen.Id("in"))
	}
	f.Func().Params(jen.Id("s").Op("*").Id("adapterChildren")).Id(goname.Exported(c.Service.Name.Value)).Params(params...).Params(jen.Op("*").Add(theirs("Machine")), jen.Error()).Block(
		jen.Return(theirs("Adapted").Call(args...)))
}
