package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/wiring"
)

// machines declares what the topology's machines are made of.
func (g *topologyGenerator) machines(f *jen.File) {
	for _, p := range g.t.Machines {
		if len(p.Nodes) > 0 {
			g.machineConfig(f, p)
			g.makeMachine(f, p)
		}
	}
}

// implementations are the interfaces of a machine's package that a program implements, in
// the order of New's parameters. Fields of configurations are called like them.
func implementations(m *model.Machine) []string {
	var out []string
	for _, x := range []struct {
		name string
		any  bool
	}{
		{"Guards", len(m.Guards) > 0}, {"Actions", len(m.Actions) > 0}, {"Services", len(m.Services) > 0}, {"Children", len(m.Children) > 0},
	} {
		if x.any {
			out = append(out, x.name)
		}
	}
	return out
}

// requirements are the fields of a machine's configuration that must be set.
func (g *topologyGenerator) requirements(p *model.Participant) []string {
	out := implementations(p.Machine)
	if p.Keyed() && len(p.Machine.Input) > 0 {
		out = append(out, "Input")
	}
	if p.Store == model.StoreShared {
		out = append(out, "Store")
	}
	return out
}

func (g *topologyGenerator) machineConfig(f *jen.File, p *model.Participant) {
	name, id := g.names.machine[p]+"Config", p.ID.Value
	m := p.Machine
	var fields []jen.Code
	add := func(what string, field *jen.Statement) { fields = append(fields, doc(what).Add(field)) }
	for _, part := range implementations(m) {
		add("", jen.Id(part).Add(g.of(p, part)))
	}
	switch {
	case len(m.Input) > 0 && p.Keyed():
		add("Input is what the instance of key is started with.", jen.Id("Input").Func().Params(jen.Id("key").String()).Add(g.of(p, "Input")))
	case len(m.Input) > 0:
		add("Input is what the machine is started with.", jen.Id("Input").Add(g.of(p, "Input")))
	}
	switch {
	case p.Store == model.StoreShared:
		add("Store is where the instances are kept. All processes in which the machine runs must be given the same one.", jen.Id("Store").Qual(machinePath, "Store"))
	case p.Store == model.StoreFiles:
		add("Dir is the directory in which the instances are kept; empty is node.StateDir's.", jen.Id("Dir").String())
	}
	add("Options are further ones of each machine.", jen.Id("Options").Index().Qual(machinePath, "Option"))
	if p.Keyed() {
		add("HostOptions are further ones of the host.", jen.Id("HostOptions").Index().Qual(machinePath, "HostOption"))
	}
	f.Add(doc(name + " is what the machine " + id + " is made of.")).Type().Id(name).Struct(fields...)
	if required := g.requirements(p); len(required) > 0 {
		f.Func().Params(jen.Id("c").Op("*").Id(name)).Id("missing").Params(jen.Id("at").String()).Error().Block(
			jen.Return(jen.Qual("errors", "Join").Call(lines(requireEach(required))...)))
	}
}

func requireEach(fields []string) []jen.Code {
	var out []jen.Code
	for _, name := range fields {
		out = append(out, ofNode("Require").Call(jen.Id("at").Op("+").Lit("."+name), jen.Id("c").Dot(name).Op("!=").Nil()))
	}
	return out
}

// canFail reports whether making a machine can fail: opening its store can.
func (g *topologyGenerator) canFail(p *model.Participant) bool { return p.Store == model.StoreFiles }

// makeMachine declares the function that makes a machine, or its host.
func (g *topologyGenerator) makeMachine(f *jen.File, p *model.Participant) {
	c := func(name string) *jen.Statement { return jen.Id("c").Dot(name) }
	m := p.Machine
	var args []jen.Code
	if p.Keyed() {
		args = append(args, jen.Id("key"))
	}
	for _, part := range implementations(m) {
		args = append(args, c(part))
	}
	switch {
	case len(m.Input) > 0 && p.Keyed():
		args = append(args, c("Input").Call(jen.Id("key")))
	case len(m.Input) > 0:
		args = append(args, c("Input"))
	}
	made := g.of(p, "New").Call(append(args, c("Options").Op("..."))...)
	results := g.host(p)
	if g.canFail(p) {
		results = jen.Params(g.host(p), jen.Error())
	}
	f.Func().Params(jen.Id("c").Op("*").Id(g.names.machine[p] + "Config")).Id("make").Params().Add(results).BlockFunc(func(b *jen.Group) {
		if !p.Keyed() {
			b.Return(made)
			return
		}
		if p.Store == model.StoreFiles {
			b.List(jen.Id("dir"), jen.Err()).Op(":=").Add(ofNode("StateDir")).Call(c("Dir"), jen.Lit(g.t.ID.Value), g.of(p, "MachineID"))
			b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err()))
			b.List(jen.Id("store"), jen.Err()).Op(":=").Qual(machinePath, "NewFileStore").Call(jen.Id("dir"))
			b.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err()))
		}
		opts := c("HostOptions")
		if set := g.hostOptions(p); len(set) > 0 {
			opts = jen.Append(list(jen.Index().Qual(machinePath, "HostOption"), set), c("HostOptions").Op("..."))
		}
		host := g.of(p, "NewHost").Call(jen.Func().Params(jen.Id("key").String()).Op("*").Add(g.of(p, "Machine")).Block(jen.Return(made)), opts.Op("..."))
		if g.canFail(p) {
			b.Return(host, jen.Nil())
		} else {
			b.Return(host)
		}
	})
}

// hostOptions are what the topology says of a host.
func (g *topologyGenerator) hostOptions(p *model.Participant) []jen.Code {
	var out []jen.Code
	add := func(name string, value jen.Code) { out = append(out, jen.Qual(machinePath, name).Call(value)) }
	switch p.Store {
	case model.StoreFiles:
		add("WithStore", jen.Id("store"))
	case model.StoreShared:
		add("WithStore", jen.Id("c").Dot("Store"))
	}
	if p.Idle > 0 {
		add("WithIdle", duration(p.Idle))
	}
	if p.Max > 0 {
		add("WithMax", jen.Lit(p.Max))
	}
	if p.Retain > 0 {
		add("WithRetain", duration(p.Retain))
	}
	return out
}

// connect is the function that makes a machine's publishers on the bus.
func (g *topologyGenerator) connect(m *wiring.Machine, machine *jen.Statement) *jen.Statement {
	if len(m.Machine.Sends) == 0 {
		return machine.Dot("Connect")
	}
	return jen.Id("connect" + g.names.machine[m.Participant]).Call(machine)
}
