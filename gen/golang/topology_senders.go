package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/wiring"
)

// senders declares to whom the code of each node sends, and what: nobody else has a
// method.
func (g *topologyGenerator) senders(f *jen.File) {
	for _, n := range g.wiring.Nodes {
		for _, d := range n.Doors {
			if d.Self {
				g.selfDoor(f, n, d)
			} else {
				g.door(f, n, d)
			}
		}
	}
}

// doorDoc says what a door is for.
func (g *topologyGenerator) doorDoc(n *wiring.Node, d *wiring.Door) string {
	typ, _ := g.names.door(n.Node, d)
	to := "the machine " + d.Machine.ID.Value
	if d.Group != nil {
		to = "the group " + d.Group.Name.Value
	}
	return typ + " sends to " + to + " what code of the node " + n.Name.Value + " may send to it. It is safe for concurrent use."
}

func sendField(s *wiring.Send) string { return "send" + goname.Exported(s.Topic.Event.Name.Value) }
func requestField(s *wiring.Send) string {
	return "request" + goname.Exported(s.Topic.Event.Name.Value)
}

func keyedName(keyed bool, before, after string) string {
	if keyed {
		return before + "Keyed" + after
	}
	return before + after
}

// door declares a way to a machine or a group by topics.
func (g *topologyGenerator) door(f *jen.File, n *wiring.Node, d *wiring.Door) {
	typ, _ := g.names.door(n.Node, d)
	var fields, makes []jen.Code
	made := func(name string, call *jen.Statement) {
		makes = append(makes, orReturn(jen.List(jen.Id("s").Dot(name), jen.Err()).Op("=").Add(call), jen.Nil()))
	}
	for _, s := range d.Sends {
		topic, keyed := g.topic(s.Topic)
		event := g.event(d.Machine, s.Topic.Event)
		fields = append(fields, jen.Id(sendField(s)).Op("*").Add(ofNode(keyedName(keyed, "", "Sender"))).Index(event))
		made(sendField(s), ofNode(keyedName(keyed, "New", "Sender")).Index(event.Clone()).Call(jen.Id("n"), topic))
	}
	for _, s := range d.Requests {
		topic, keyed := g.topic(s.Topic)
		types := []jen.Code{g.event(d.Machine, s.Topic.Event), g.reply(d, s)}
		via := ""
		if s.Via != nil {
			via = s.Via.Kind.Name
		}
		fields = append(fields, jen.Id(requestField(s)).Op("*").Add(ofNode(keyedName(keyed, "", "Requester"))).Types(types...))
		made(requestField(s), ofNode(keyedName(keyed, "New", "Requester")).Types(types...).Call(jen.Id("n"), topic, jen.Lit(via), timeout(s)))
	}
	f.Add(doc(g.doorDoc(n, d))).Type().Id(typ).Struct(fields...)
	f.Func().Id("new"+typ).Params(jen.Id("n").Op("*").Add(ofNode("Node"))).Params(jen.Op("*").Id(typ), jen.Error()).BlockFunc(func(b *jen.Group) {
		b.Id("s").Op(":=").Op("&").Id(typ).Values()
		b.Var().Err().Error()
		for _, m := range makes {
			b.Add(m)
		}
		b.Return(jen.Id("s"), jen.Nil())
	})
	for _, s := range d.Sends {
		_, keyed := g.topic(s.Topic)
		g.sendMethod(f, d, s, typ, keyed, func(args []jen.Code) *jen.Statement {
			return jen.Id("s").Dot(sendField(s)).Dot("Send").Call(args...)
		})
	}
	for _, s := range d.Requests {
		_, keyed := g.topic(s.Topic)
		g.requestMethod(f, d, s, typ, keyed, func(args []jen.Code) *jen.Statement {
			return jen.Id("s").Dot(requestField(s)).Dot("Request").Call(args...)
		})
	}
}

func (g *topologyGenerator) reply(d *wiring.Door, s *wiring.Send) *jen.Statement {
	return g.of(d.Machine, g.peer(d.Machine).names.reply[s.Topic.Event])
}

func timeout(s *wiring.Send) *jen.Statement {
	if s.Timeout == 0 {
		return jen.Lit(0)
	}
	return duration(s.Timeout)
}

// sendMethod declares the method that sends an event.
func (g *topologyGenerator) sendMethod(f *jen.File, d *wiring.Door, s *wiring.Send, typ string, keyed bool, call func([]jen.Code) *jen.Statement) {
	e := s.Topic.Event
	name := goname.Exported(e.Name.Value)
	params, args := keyedParams(keyed)
	f.Add(doc(name+" sends the event "+e.Name.Value+", which must not be changed afterwards.", e.Description)).
		Func().Params(jen.Id("s").Op("*").Id(typ)).Id(name).Params(append(params, jen.Id("e").Op("*").Add(g.event(d.Machine, e)))...).Error().Block(
		jen.Return(call(append(args, jen.Id("e")))))
}

// requestMethod declares the method that asks for a reply.
func (g *topologyGenerator) requestMethod(f *jen.File, d *wiring.Door, s *wiring.Send, typ string, keyed bool, call func([]jen.Code) *jen.Statement) {
	e := s.Topic.Event
	name := "Request" + goname.Exported(e.Name.Value)
	params, args := keyedParams(keyed)
	limit := "ctx says how long."
	if s.Timeout > 0 {
		limit = "It waits for " + s.Timeout.String() + ", or as long as ctx says if that is less."
	}
	f.Add(doc(name+" sends the event "+e.Name.Value+" and waits for the reply. "+limit+" See node.Requester.", e.Description)).
		Func().Params(jen.Id("s").Op("*").Id(typ)).Id(name).Params(append(params, jen.Id("e").Op("*").Add(g.event(d.Machine, e)))...).
		Params(jen.Op("*").Add(g.reply(d, s)), jen.Error()).Block(jen.Return(call(append(args, jen.Id("e")))))
}

// selfDoor declares the way to the process's own machine, which is called.
func (g *topologyGenerator) selfDoor(f *jen.File, n *wiring.Node, d *wiring.Door) {
	typ, _ := g.names.door(n.Node, d)
	f.Add(doc(g.doorDoc(n, d), "The machine runs in several processes: this one's is called, and its errors are returned.")).
		Type().Id(typ).Struct(jen.Id("n").Op("*").Add(ofNode("Node")), jen.Id("m").Add(g.host(d.Machine)))
	for _, s := range d.Sends {
		g.sendMethod(f, d, s, typ, false, func(args []jen.Code) *jen.Statement {
			return jen.Id("s").Dot("n").Dot("Send").Call(jen.Func().Params().Error().Block(jen.Return(jen.Id("s").Dot("m").Dot("Send").Call(args...))))
		})
	}
	for _, s := range d.Requests {
		g.requestMethod(f, d, s, typ, false, func(args []jen.Code) *jen.Statement {
			method := "Request" + g.peer(d.Machine).names.event[s.Topic.Event]
			return ofNode("Ask").Call(jen.Id("ctx"), jen.Id("s").Dot("n"), timeout(s), jen.Id("s").Dot("m").Dot(method), jen.Id("e"))
		})
	}
}
