package golang

import (
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/wiring"
)

// nodes declares what a program starts and sends with.
func (g *topologyGenerator) nodes(f *jen.File) {
	f.PackageComment("Package " + g.t.Package + " is the topology " + g.t.ID.Value + ": a type for each of its nodes, which starts what runs there.")
	if g.t.Description != "" {
		f.PackageComment("//")
		for _, line := range commentLines(g.t.Description) {
			f.PackageComment(line)
		}
	}
	f.Comment("The runtime keeps the contract that this code was generated for.")
	f.Const().Id("_").Op("=").Add(ofNode("Version1"))
	for _, n := range g.wiring.Nodes {
		g.nodeConfig(f, n)
		g.nodeType(f, n)
		g.start(f, n)
		g.nodeMethods(f, n)
	}
}

// nodeConfig declares what a node is started with.
func (g *topologyGenerator) nodeConfig(f *jen.File, n *wiring.Node) {
	name := g.names.node[n.Node] + "Config"
	fields := []jen.Code{doc("Node is what every node is given. It is not used by StartAll.").Id("Node").Add(ofNode("Config"))}
	var required []jen.Code
	for _, m := range n.Machines {
		field := g.names.machine[m.Participant]
		fields = append(fields, jen.Id(field).Id(field+"Config"))
		if len(g.requirements(m.Participant)) > 0 {
			required = append(required, jen.Id("c").Dot(field).Dot("missing").Call(jen.Lit(name+"."+field)))
		}
	}
	for _, s := range n.Subscriptions {
		field := g.names.subscription[s.Subscription]
		fields = append(fields, doc(field+" handles what the subscription "+s.Name.Value+" hears.").Id(field).Id(field+"Handler"))
		required = append(required, require(name+"."+field, jen.Id("c").Dot(field).Op("!=").Nil()))
	}
	f.Add(doc(name + " is what " + g.names.node[n.Node] + " is started with.")).Type().Id(name).Struct(fields...)
	if len(required) > 0 {
		f.Func().Params(jen.Id("c").Op("*").Id(name)).Id("missing").Params().Error().Block(
			jen.Return(jen.Qual("errors", "Join").Call(lines(required)...)))
	}
}

// require is the error that a field is not set.
func require(name string, given jen.Code) *jen.Statement {
	return ofNode("Require").Call(jen.Lit(name), given)
}

// mayLack reports whether something that a node needs may be missing.
func (g *topologyGenerator) mayLack(n *wiring.Node) bool {
	for _, m := range n.Machines {
		if len(g.requirements(m.Participant)) > 0 {
			return true
		}
	}
	return len(n.Subscriptions) > 0
}

// nodeType declares a process of a node.
func (g *topologyGenerator) nodeType(f *jen.File, n *wiring.Node) {
	name := g.names.node[n.Node]
	fields := []jen.Code{jen.Id("node").Op("*").Add(ofNode("Node"))}
	if len(n.Machines) > 0 {
		fields = append(fields, doc("Machines are those that run in the process.").Id("Machines").Id(name+"Machines"))
	}
	for _, d := range n.Doors {
		typ, field := g.names.door(n.Node, d)
		fields = append(fields, jen.Id(field).Op("*").Id(typ))
	}
	for _, x := range g.t.Broadcasts {
		fields = append(fields, broadcastSender(g.names.broadcast[x]).Op("*").Add(ofNode("Sender")).Index(jen.Id(g.names.broadcast[x])))
	}
	f.Add(doc(name + " is a process of the node " + n.Name.Value + ". By its fields its code sends to those that it may send to. Its methods may be called from any goroutine, and it must be shut down.")).
		Type().Id(name).Struct(fields...)
	if len(n.Machines) == 0 {
		return
	}
	var machines []jen.Code
	for _, m := range n.Machines {
		machines = append(machines, jen.Id(g.names.machine[m.Participant]).Add(g.host(m.Participant)))
	}
	f.Add(doc(name + "Machines are the machines of a process of " + n.Name.Value + ". The process starts and stops them.")).
		Type().Id(name + "Machines").Struct(machines...)
}

func planName(n *wiring.Node, names *topologyNames) string { return "plan" + names.node[n.Node] }

// start declares how a node is started, alone and with others.
func (g *topologyGenerator) start(f *jen.File, n *wiring.Node) {
	name := g.names.node[n.Node]
	result := jen.Params(jen.Op("*").Id(name), jen.Error())
	f.Add(doc("Start"+name+" starts a process of the node "+n.Name.Value+": it opens the transports, hears what comes, waits until it is connected to whoever runs already, and starts the machines. ctx bounds that. What is missing of cfg and of the environment it says at once, joined: *node.MissingError, *node.VariableError.")).
		Func().Id("Start"+name).Params(ctxParam(), jen.Id("cfg").Id(name+"Config")).Add(result.Clone()).Block(
		jen.List(jen.Id("x"), jen.Err()).Op(":=").Id("new"+name).Call(ofNode("New").Call(jen.Op("&").Id(planName(n, g.names)), jen.Id("cfg").Dot("Node")), jen.Op("&").Id("cfg")),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err())),
		orReturn(jen.Err().Op("=").Id("x").Dot("node").Dot("Start").Call(jen.Id("ctx")), jen.Nil()),
		jen.Return(jen.Id("x"), jen.Nil()),
	)
	f.Func().Id("new"+name).Params(jen.Id("n").Op("*").Add(ofNode("Node")), jen.Id("cfg").Op("*").Id(name+"Config")).Add(result.Clone()).BlockFunc(func(b *jen.Group) {
		g.newNode(b, n)
	})
}

// newNode makes a process of a node, which is started later.
func (g *topologyGenerator) newNode(b *jen.Group, n *wiring.Node) {
	if g.mayLack(n) {
		b.Add(orReturn(jen.Err().Op(":=").Id("cfg").Dot("missing").Call(), jen.Nil()))
	}
	b.Id("x").Op(":=").Op("&").Id(g.names.node[n.Node]).Values(jen.Id("node").Op(":").Id("n"))
	b.Var().Err().Error()
	for _, m := range n.Machines {
		g.addMachine(b, n, m)
	}
	for _, d := range n.Doors {
		typ, field := g.names.door(n.Node, d)
		args := []jen.Code{jen.Id("n")}
		if d.Self {
			args = append(args, jen.Id("x").Dot("Machines").Dot(field))
		}
		if d.Self {
			b.Id("x").Dot(field).Op("=").Op("&").Id(typ).Values(args...)
			continue
		}
		b.Add(orReturn(jen.List(jen.Id("x").Dot(field), jen.Err()).Op("=").Id("new"+typ).Call(args...), jen.Nil()))
	}
	for _, x := range g.t.Broadcasts {
		name := g.names.broadcast[x]
		b.Add(orReturn(jen.List(jen.Id("x").Op(".").Add(broadcastSender(name)), jen.Err()).Op("=").Add(ofNode("NewSender")).Index(jen.Id(name)).Call(jen.Id("n"), jen.Id("TopicBroadcast"+name)), jen.Nil()))
	}
	for _, s := range n.Subscriptions {
		g.addSubscription(b, s)
	}
	b.Return(jen.Id("x"), jen.Err())
}

// addMachine makes a machine and adds it to its node.
func (g *topologyGenerator) addMachine(b *jen.Group, n *wiring.Node, m *wiring.Machine) {
	p := m.Participant
	name := g.names.machine[p]
	machine := func() *jen.Statement { return jen.Id("x").Dot("Machines").Dot(name) }
	made := jen.Id("cfg").Dot(name).Dot("make").Call()
	if g.canFail(p) {
		b.Add(orReturn(jen.List(machine(), jen.Err()).Op("=").Add(made), jen.Nil()))
	} else {
		b.Add(machine()).Op("=").Add(made)
	}
	set := []jen.Code{field("ID", g.of(p, "MachineID")), field("Connect", g.connect(m, machine()))}
	if p.Keyed() {
		set = append(set, field("Open", machine().Dot("Open")), field("Close", machine().Dot("Close")))
	} else {
		set = append(set, field("Open", machine().Dot("Start")), field("Close", machine().Dot("Stop")))
	}
	if inboxes := g.inboxesOf(b, n, m, machine()); inboxes != nil {
		set = append(set, field("Inboxes", inboxes))
	}
	b.Id("n").Dot("AddMachine").Call(list(ofNode("Machine"), set))
}

// broadcastSender is the field that publishes a broadcast.
func broadcastSender(name string) *jen.Statement { return jen.Id("broadcast" + name) }

// nodeMethods declares the methods of a process of a node.
func (g *topologyGenerator) nodeMethods(f *jen.File, n *wiring.Node) {
	name := g.names.node[n.Node]
	method := func(method, what string) *jen.Statement {
		return f.Add(doc(method + " " + what)).Func().Params(jen.Id("x").Op("*").Id(name)).Id(method)
	}
	method("Ready", "reports whether the process has started, does not end yet, and all its transports take messages.").
		Params().Bool().Block(jen.Return(jen.Id("x").Dot("node").Dot("Ready").Call()))
	method("Shutdown", "ends the process: nothing more comes in, what has come is handled, the machines are closed, then the transports; see node.Node.Shutdown.").
		Params(ctxParam()).Error().Block(jen.Return(jen.Id("x").Dot("node").Dot("Shutdown").Call(jen.Id("ctx"))))
	for _, x := range g.t.Broadcasts {
		event := g.names.broadcast[x]
		method("Broadcast"+event, "publishes e for everybody who declares "+x.Event.Name.Value+". It must not be changed afterwards.").
			Params(ctxParam(), jen.Id("e").Op("*").Id(event)).Error().Block(
			jen.Return(jen.Id("x").Op(".").Add(broadcastSender(event)).Dot("Send").Call(jen.Id("ctx"), jen.Id("e"))))
	}
}

// all declares how all nodes run in one process.
func (g *topologyGenerator) all(f *jen.File) {
	config := []jen.Code{doc("Node is what all nodes are given: that of each is not used.").Id("Node").Add(ofNode("Config"))}
	fields := []jen.Code{jen.Id("together").Op("*").Add(ofNode("Together"))}
	for _, n := range g.wiring.Nodes {
		name := g.names.node[n.Node]
		config = append(config, jen.Id(name).Id(name+"Config"))
		if n.Replicas > 1 {
			fields = append(fields, jen.Id(name).Index().Op("*").Id(name).Comment("// "+strconv.Itoa(n.Replicas)+" of them"))
		} else {
			fields = append(fields, jen.Id(name).Op("*").Id(name))
		}
	}
	f.Add(doc("AllConfig is what all nodes are started with when they run in one process. Nodes with several processes share theirs.")).
		Type().Id("AllConfig").Struct(config...)
	f.Add(doc("All is all nodes of the topology in one process.")).Type().Id("All").Struct(fields...)
	f.Add(doc("StartAll starts all nodes in this process, on one bus: no transport is opened, and nothing is encoded. ctx bounds that.")).
		Func().Id("StartAll").Params(ctxParam(), jen.Id("cfg").Id("AllConfig")).Params(jen.Op("*").Id("All"), jen.Error()).BlockFunc(g.startAll)
	method := func(method, what string) *jen.Statement {
		return f.Add(doc(method + " " + what)).Func().Params(jen.Id("a").Op("*").Id("All")).Id(method)
	}
	method("Ready", "reports whether all nodes have started and none of them ends.").
		Params().Bool().Block(jen.Return(jen.Id("a").Dot("together").Dot("Ready").Call()))
	method("Shutdown", "ends all nodes at once; see node.Together.Shutdown.").
		Params(ctxParam()).Error().Block(jen.Return(jen.Id("a").Dot("together").Dot("Shutdown").Call(jen.Id("ctx"))))
}

func (g *topologyGenerator) startAll(b *jen.Group) {
	b.Id("a").Op(":=").Op("&").Id("All").Values(jen.Id("together").Op(":").Add(ofNode("NewTogether")).Call(jen.Id("cfg").Dot("Node")))
	if len(g.wiring.Nodes) > 0 {
		b.Var().Err().Error()
	}
	for _, n := range g.wiring.Nodes {
		name := g.names.node[n.Node]
		made := func(replica jen.Code) *jen.Statement {
			return jen.Id("new"+name).Call(jen.Id("a").Dot("together").Dot("New").Call(jen.Op("&").Id(planName(n, g.names)), replica), jen.Op("&").Id("cfg").Dot(name))
		}
		if n.Replicas == 1 {
			b.Add(orReturn(jen.List(jen.Id("a").Dot(name), jen.Err()).Op("=").Add(made(jen.Lit(0))), jen.Nil()))
			continue
		}
		b.Id("a").Dot(name).Op("=").Make(jen.Index().Op("*").Id(name), jen.Lit(n.Replicas))
		b.For(jen.Id("i").Op(":=").Range().Id("a").Dot(name)).Block(
			orReturn(jen.List(jen.Id("a").Dot(name).Index(jen.Id("i")), jen.Err()).Op("=").Add(made(jen.Id("i"))), jen.Nil()))
	}
	b.Add(orReturn(jen.Err().Op(":=").Id("a").Dot("together").Dot("Start").Call(jen.Id("ctx")), jen.Nil()))
	b.Return(jen.Id("a"), jen.Nil())
}

// keyedParams are the key, where there is one, to declare and to pass on.
func keyedParams(keyed bool) (params, args []jen.Code) {
	params, args = []jen.Code{ctxParam()}, []jen.Code{jen.Id("ctx")}
	if keyed {
		params, args = append(params, jen.Id("key").String()), append(args, jen.Id("key"))
	}
	return params, args
}
