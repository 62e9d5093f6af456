package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
)

// kitTaken are names that a machine's package cannot have in its test kit: of what else
// the kit imports, and of its parameters and variables.
const kitTaken = " context machine bus topic time testing transport machinetest bustest checked cmp" +
	" t b r m s c e in ctx out err cfg events edits reply key "

// kit declares the test kit: builders, a recorder, stubs, and a machine under test. What
// they have in common is in runtime/machine/machinetest.
func (g *generator) kit(f *jen.File) {
	for _, line := range commentLines("Package " + g.names.kit + " helps to test the machine " + g.m.ID.Value + " and what works with it: events with sample values, " +
		"a recorder of what is published, stubs that note their calls, and a machine on a clock that only the test moves. " +
		"It imports testing: only tests should import it.") {
		f.PackageComment(line)
	}
	imports(f, kitTaken, append([]imported{{g.cfg.ImportPath, g.m.Package}}, g.childPackages()...))
	g.machineUnderTest(f)
	g.recorder(f)
	for _, d := range g.doubles() {
		g.double(f, d)
	}
	g.builders(f)
}

func tParam() *jen.Statement { return jen.Id("t").Qual("testing", "TB") }

func tHelper() *jen.Statement { return jen.Id("t").Dot("Helper").Call() }

// sampleKey is the key of a keyed machine in tests that do not say another.
func (g *generator) sampleKey() string { return g.m.ID.Value + "-1" }

// machineUnderTest declares a machine with all that a test needs of it.
func (g *generator) machineUnderTest(f *jen.File) {
	g.machineConfig(f)
	harness := func() *jen.Statement { return jen.Qual(machinetestPath, "Harness").Index(g.own("State")) }
	f.Add(doc("Machine is a machine under test. It has the machine's own methods, but for those that it has itself, and those of machinetest.Harness: Advance and ExpectState.")).
		Type().Id("Machine").Struct(
		jen.Op("*").Add(g.own("Machine")),
		jen.Op("*").Add(harness()),
		jen.Comment("// Heard is what has been published on the machine's bus, the machine's own").Line().
			Comment("// start included.").Line().Id("Heard").Op("*").Id("Recorder"),
		g.parentField(),
	)
	f.Add(doc("New returns a machine that has been started, on a clock that only Advance moves. It is stopped when the test ends.")).
		Func().Id("New").Params(tParam(), jen.Id("cfg").Id("MachineConfig")).Op("*").Id("Machine").BlockFunc(g.newUnderTest)
	method := func(what, name string) *jen.Statement {
		return f.Add(doc(name + " " + what)).Func().Params(jen.Id("m").Op("*").Id("Machine")).Id(name)
	}
	helper := jen.Id("m").Dot("TB").Dot("Helper").Call()
	if len(g.m.Events) > 0 {
		method("sends events one after the other. An error fails the test at once; for one that is expected there is Machine.Send.", "Send").
			Params(jen.Id("events").Op("...").Add(g.own("ExternalEvent"))).Block(helper.Clone(),
			jen.Qual(machinetestPath, "Send").Call(jen.Id("m").Dot("Harness"), jen.Id("m").Dot("Machine").Dot("Send"), jen.Id("events")))
	}
	for _, e := range g.m.Events {
		if e.HasReply {
			name := "Request" + g.names.event[e]
			method("returns the reply to e. An error fails the test at once; for one that is expected there is Machine."+name+".", name).
				Params(jen.Id("e").Op("*").Add(g.own(g.names.event[e]))).Op("*").Add(g.own(g.names.reply[e])).Block(helper.Clone(),
				jen.Return(jen.Qual(machinetestPath, "Request").Call(jen.Id("m").Dot("Harness"), jen.Id("m").Dot("Machine").Dot(name), jen.Id("e"))))
		}
	}
}

// parentField is where the kit keeps what the machine sends to its parent, if it does.
func (g *generator) parentField() *jen.Statement {
	if len(g.m.ToParent) == 0 {
		return jen.Null()
	}
	return jen.Comment("// Parent notes what the machine sends to the one that would have invoked it.").Line().
		Id("Parent").Qual(machinetestPath, "Stub")
}

// parts are what New of the machine's package takes, besides the key and the options.
func (g *generator) parts() []string {
	var out []string
	for _, d := range g.doubles() {
		if d.real {
			out = append(out, d.name)
		}
	}
	return out
}

func (g *generator) machineConfig(f *jen.File) {
	var fields []jen.Code
	add := func(what string, field *jen.Statement) { fields = append(fields, doc(what).Add(field)) }
	if g.m.Keyed {
		add("Key is the machine's key; empty is "+g.sampleKey()+".", jen.Id("Key").String())
	}
	for _, name := range g.parts() {
		add(name+" may be stubs, or the program's own; nil is a stub that fails the test when it is called.", jen.Id(name).Add(g.own(name)))
	}
	if len(g.m.Input) > 0 {
		add("Input is what the machine is started with.", jen.Id("Input").Add(g.own("Input")))
	}
	if len(g.m.Sends) > 0 {
		add("Roles may be stubs, or the program's own; who is nil is a stub that accepts everything.", jen.Id("Roles").Add(g.own("Roles")))
	}
	add("Bus is what the machine is bound to; nil is a bus of its own.", jen.Id("Bus").Op("*").Qual(busPath, "Bus"))
	add("Clock is the machine's clock; nil is one of its own, which stands at machinetest.Epoch at first.", jen.Id("Clock").Op("*").Qual(machinePath, "ManualClock"))
	add("Options are further ones; none of them changes the clock.", jen.Id("Options").Index().Qual(machinePath, "Option"))
	f.Add(doc("MachineConfig is what New makes a machine of. The zero MachineConfig is one.")).Type().Id("MachineConfig").Struct(fields...)
}

func (g *generator) newUnderTest(b *jen.Group) {
	cfg := func(name string) *jen.Statement { return jen.Id("cfg").Dot(name) }
	or := func(given *jen.Statement, name string) *jen.Statement {
		return jen.Qual(machinetestPath, "Or").Index(g.own(name)).Call(jen.Id("t"), given, jen.Op("&").Id(name).Values())
	}
	var args []jen.Code
	if g.m.Keyed {
		args = append(args, jen.Qual("cmp", "Or").Call(cfg("Key"), jen.Lit(g.sampleKey())))
	}
	for _, name := range g.parts() {
		args = append(args, or(cfg(name), name))
	}
	if len(g.m.Input) > 0 {
		args = append(args, cfg("Input"))
	}
	bind := []jen.Code{jen.Id("m").Dot("Bus")}
	var roles []jen.Code
	for _, r := range g.m.Sends {
		name := goname.Exported(r.Name.Value)
		roles = append(roles, field(name, or(cfg("Roles").Dot(name), name)))
	}
	if len(roles) > 0 {
		bind = append(bind, g.own("Roles").Values(lines(roles)...))
	}
	b.Add(tHelper())
	b.Id("m").Op(":=").Op("&").Id("Machine").Values(field("Harness", jen.Qual(machinetestPath, "New").Index(g.own("State")).Call(jen.Id("t"), cfg("Bus"), cfg("Clock"))))
	b.Id("m").Dot("Heard").Op("=").Id("NewRecorder").Call(jen.Id("t"), jen.Id("m").Dot("Bus"))
	if len(g.m.ToParent) > 0 {
		parent := jen.Qual(machinetestPath, "Parent").Call(jen.Op("&").Id("m").Dot("Parent"))
		b.Add(cfg("Options")).Op("=").Append(jen.Index().Qual(machinePath, "Option").Values(parent), cfg("Options").Op("..."))
	}
	b.Id("m").Dot("Machine").Op("=").Add(g.own("New")).Call(append(args, jen.Id("m").Dot("Options").Call(cfg("Options")).Op("..."))...)
	b.Id("m").Dot("Harness").Dot("Start").Call(jen.Id("m").Dot("Machine"), jen.Id("m").Dot("Heard").Dot("Recorder").Dot("Recorder"), jen.Id("m").Dot("Bind").Call(bind...))
	b.Return(jen.Id("m"))
}

// recorder declares what hears everything that concerns the machine, with a stream for
// each event.
func (g *generator) recorder(f *jen.File) {
	var streams []heard
	for _, e := range g.m.Events {
		name := g.names.event[e]
		streams = append(streams, heard{name, g.own(name), "the event " + e.Name.Value + " for the machine"})
	}
	streams = append(streams, g.heard()...)
	machines, pattern := "the machine publishes and is sent", "+."+g.m.ID.Value+".#"
	if g.m.Keyed {
		machines = "machines of any key publish and are sent"
	}
	fields := []jen.Code{jen.Op("*").Qual(machinetestPath, "Recorder").Index(g.own("State"))}
	set := []jen.Code{field("Recorder", jen.Id("r"))}
	for _, x := range streams {
		fields = append(fields, jen.Comment("// "+x.name+" is "+x.what+".").Line().
			Id(x.name).Op("*").Qual(bustestPath, "Stream").Index(x.of.Clone()))
		set = append(set, field(x.name, jen.Qual(bustestPath, "NewStream").Index(x.of.Clone()).Call(jen.Id("t"), jen.Id("r").Dot("Recorder"))))
	}
	f.Add(doc("Recorder hears what " + machines + " on a bus. See machinetest.Recorder for States and ExpectStates.")).
		Type().Id("Recorder").Struct(fields...)
	f.Add(doc("NewRecorder returns a Recorder that hears what is published on b from now on, until the test ends.")).
		Func().Id("NewRecorder").Params(tParam(), busParam()).Op("*").Id("Recorder").Block(
		tHelper(),
		jen.Id("r").Op(":=").Qual(machinetestPath, "Record").Call(jen.Id("t"), jen.Id("b"), jen.Lit(pattern),
			jen.Func().Params(jen.Id("c").Op("*").Add(g.own("StateChanged"))).Add(g.own("State")).Block(jen.Return(jen.Id("c").Dot("State")))),
		jen.Return(jen.Op("&").Id("Recorder").Values(lines(set)...)),
	)
}
