package golang

import (
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// kin are the events that go to invoked machines and, from parents on, to the
// machine that has invoked this one. They pass through the outbox under numbers
// below none: they need no bus.
func (g *generator) kin() (events []*model.Event) {
	for _, r := range g.m.ToChildren {
		events = append(events, r.Events...)
	}
	return append(events, g.m.ToParent...)
}

func (g *generator) kinNumber(e *model.Event) int { return none - 1 - slices.Index(g.kin(), e) }

// kinNames are what snapshots call the kin's kinds.
func (g *generator) kinNames(list *jen.Group) {
	for _, e := range g.kin() {
		if e.Of != nil {
			list.Lit(outputName(e))
		} else {
			list.Lit("parent." + e.Name.Value)
		}
	}
}

// turnToKin declares how actions in Go send to invoked machines and to the parent.
func (g *generator) turnToKin(method func(what, name string) *jen.Statement) {
	for _, e := range g.kin() {
		name, to := g.names.event[e], "the machine that invoked this one"
		verb := "SendParent"
		if e.Of != nil {
			verb, to = "Send", "the invocation "+e.Role.Name.Value
		}
		method("sends e to "+to+" once the step has ended. It must not be changed afterwards, nor share anything with the context: see Clone.", verb+name).Params(jen.Id("e").Op("*").Id(name)).Block(
			jen.Id("t").Dot("m").Dot("core").Dot("Emit").Call(jen.Lit(g.kinNumber(e)), jen.Id("e")))
	}
}

// publishToKin are the cases of Publish for what goes to invoked machines and to
// the parent.
func (g *generator) publishToKin() []jen.Code {
	var out []jen.Code
	for _, e := range g.kin() {
		call := jen.Id("p").Dot("core").Dot("ToParent").Call(jen.Id("ctx"), jen.Id("event"))
		if e.Of != nil {
			call = jen.Id("p").Dot("send"+g.names.event[e]).Call(jen.Id("ctx"), jen.Id("event").Assert(jen.Op("*").Id(g.names.event[e])))
		}
		out = append(out, jen.Case(jen.Lit(g.kinNumber(e))).Block(jen.Return(call)))
	}
	return out
}

// child starts an invoked machine, whose input is computed now.
func (g *generator) child(b *jen.Group, r invokeRow) {
	service := r.invoke.Service
	name := goname.Exported(service.Name.Value)
	var args []jen.Code
	if len(service.Input) > 0 {
		args = append(args, jen.Id(name+"Input").Values(g.fieldValues(r.invoke.Input, service.Input)...))
	}
	b.Return(jen.Id("p").Dot("start" + name).Call(args...))
}

// relatives writes what concerns invoked machines. They are mentioned in one file
// only, so that the names of their packages can be chosen with care.
type relatives struct {
	*generator
	file  *jen.File
	funcs map[conversion]string
	queue []conversion
}

// children declares how invoked machines are made and what passes to them and
// from them.
func (g *generator) children(f *jen.File) {
	r := &relatives{generator: g, file: f, funcs: map[conversion]string{}}
	imports(f, taken, g.childPackages())
	var methods []jen.Code
	for _, c := range g.m.Children {
		name := goname.Exported(c.Service.Name.Value)
		methods = append(methods, doc(name+" makes a machine for an invocation that begins or is restored. Nobody else may start it or stop it.", c.Service.Description).
			Add(g.childSignature(c)))
	}
	f.Add(doc("Children makes the machines that this one invokes. What it returns an error for has failed.")).Type().Id("Children").Interface(methods...)
	for _, c := range g.m.Children {
		r.start(c)
	}
	for _, role := range g.m.ToChildren {
		for _, e := range role.Events {
			r.send(e)
		}
	}
	r.fromChild()
	r.functions()
}

// childSignature is that of the method of Children that makes c.
func (g *generator) childSignature(c *model.Child) *jen.Statement {
	var params []jen.Code
	if len(c.Service.Input) > 0 {
		params = append(params, jen.Id("in").Add(g.theirs(c, "Input")))
	}
	return jen.Id(goname.Exported(c.Service.Name.Value)).Params(params...).Params(jen.Op("*").Add(g.theirs(c, "Machine")), jen.Error())
}

// taken are names that a package cannot have in the file: of what else it imports
// and declares, and of the package's own declarations in lower case.
const taken = " context machine convert p ctx in m err v out ok e event chart program outbox "

// imports settles what the packages of machines are called in a file, where no name may
// be among those that are taken.
func imports(f *jen.File, taken string, packages []imported) {
	used := map[string]bool{}
	for _, p := range packages {
		name := p.name
		for strings.Contains(taken, " "+name+" ") || used[name] {
			name += "machine"
		}
		used[name] = true
		if name == p.name {
			f.ImportName(p.path, name)
		} else {
			f.ImportAlias(p.path, name)
		}
	}
}

// imported is a package by its import path and its name.
type imported struct{ path, name string }

// childPackages are the packages of the invoked machines.
func (g *generator) childPackages() []imported {
	var out []imported
	for _, c := range g.m.Children {
		out = append(out, imported{g.cfg.Children[c.Machine], c.Machine.Package})
	}
	return out
}

// theirs is a name of a child's package.
func (g *generator) theirs(c *model.Child, name string) *jen.Statement {
	return jen.Qual(g.cfg.Children[c.Machine], name)
}

func (r *relatives) method(name string) *jen.Statement {
	return r.file.Func().Params(jen.Id("p").Op("*").Id("program")).Id(name)
}

// start declares what begins an invocation of c.
func (r *relatives) start(c *model.Child) {
	name := goname.Exported(c.Service.Name.Value)
	var params, args []jen.Code
	if len(c.Service.Input) > 0 {
		params = append(params, jen.Id("in").Id(name+"Input"))
		args = append(args, r.structure(over{c, true}, "in", r.theirs(c, "Input"), c.Service.Input, c.Machine.Input, false))
	}
	none := jen.Op("&").Id(name + "Output").Values()
	output := []jen.Code{jen.Return(none)}
	if len(c.Machine.Output) > 0 {
		out := r.structure(over{c, false}, "v", jen.Id(name+"Output"), c.Service.Output, c.Machine.Output, true)
		output = append([]jen.Code{jen.If(jen.List(jen.Id("v"), jen.Id("ok")).Op(":=").Id("out").Assert(jen.Op("*").Add(r.theirs(c, "Output"))), jen.Id("ok")).Block(
			jen.Return(out))}, output...)
	}
	r.method("start"+name).Params(params...).Params(jen.Qual(machinePath, "Invocation"), jen.Error()).Block(
		jen.List(jen.Id("m"), jen.Err()).Op(":=").Id("p").Dot("children").Dot(name).Call(args...),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Qual(machinePath, "Invocation").Values(), jen.Err())),
		jen.Return(jen.Qual(machinePath, "Invocation").Values(
			jen.Id("Child").Op(":").Id("m").Dot("Core").Call(),
			jen.Id("Stop").Op(":").Id("m").Dot("Stop"),
			jen.Id("Output").Op(":").Func().Params(jen.Id("out").Any()).Any().Block(output...),
		), jen.Nil()),
	)
}

// send declares what sends e to an invocation.
func (r *relatives) send(e *model.Event) {
	c, name := e.Role.Child, r.names.event[e]
	theirs := r.theirs(c, goname.Exported(e.Of.Name.Value))
	args := []jen.Code{jen.Id("ctx"), jen.Lit(e.Role.Name.Value), jen.Id("e").Dot("EventNumber").Call(), jen.Id("e")}
	for i, row := range r.chart.invokes {
		if row.invoke.ID == e.Role.Name.Value {
			args = append(args, jen.Lit(i))
		}
	}
	r.method("send"+name).Params(ctxParam(), jen.Id("v").Op("*").Id(name)).Error().Block(
		jen.Id("e").Op(":=").Add(r.structure(over{c, true}, "v", theirs, e.Fields, e.Of.Fields, true)),
		jen.Return(jen.Id("p").Dot("core").Dot("ToChild").Call(args...)),
	)
}

// fromChild declares what becomes of events that invoked machines send.
func (r *relatives) fromChild() {
	var cases []jen.Code
	for _, c := range r.m.Children {
		for _, h := range c.Heard {
			theirs := r.theirs(c, goname.Exported(h.Sent.Name.Value))
			own := r.structure(over{c, false}, "v", jen.Id(r.names.event[h.Event]), h.Event.Fields, h.Sent.Fields, true)
			cases = append(cases, jen.Case(jen.Op("*").Add(theirs)).Block(jen.Return(jen.Id(r.eventIdent(h.Event)), own, jen.True())))
		}
	}
	if len(cases) == 0 {
		return
	}
	r.file.Comment("FromChild implements machine.Parent.")
	r.method("FromChild").Params(jen.Id("event").Any()).Params(jen.Int32(), jen.Any(), jen.Bool()).Block(
		jen.Switch(jen.Id("v").Op(":=").Id("event").Assert(jen.Type())).Block(cases...),
		jen.Return(jen.Lit(0), jen.Nil(), jen.False()),
	)
}
