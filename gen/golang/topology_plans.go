package golang

import (
	"strconv"
	"time"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/wiring"
)

// plans declares what the runtime is told of each node.
func (g *topologyGenerator) plans(f *jen.File) {
	g.profiles(f)
	if len(g.wiring.Topics) > 0 {
		g.types(f)
	}
	for _, n := range g.wiring.Nodes {
		set := []jen.Code{field("Topology", jen.Lit(g.t.ID.Value)), field("Node", jen.Lit(n.Name.Value))}
		if len(n.Transports) > 0 {
			var transports []jen.Code
			for _, t := range n.Transports {
				transports = append(transports, g.transport(t))
			}
			set = append(set, field("Transports", list(jen.Index().Add(ofNode("TransportPlan")), transports)))
		}
		if len(n.Outgoing) > 0 {
			var outgoing []jen.Code
			for _, o := range n.Outgoing {
				outgoing = append(outgoing, jen.Values(field("Pattern", g.pattern(o.Topic)), field("Via", jen.Lit(o.Via.Kind.Name)), field("Profile", g.profile(o.Profile))))
			}
			set = append(set, field("Outgoing", list(jen.Index().Add(ofNode("Outgoing")), outgoing)))
		}
		if len(n.Transports) > 0 && len(g.wiring.Topics) > 0 {
			set = append(set, field("Types", jen.Id("eventTypes")))
		}
		f.Comment(planName(n, g.names) + " is what is known of the node " + oneLine(n.Name.Value) + ".")
		f.Var().Id(planName(n, g.names)).Op("=").Add(list(ofNode("Plan"), set))
	}
}

// profiles declares the profiles that the topology declares.
func (g *topologyGenerator) profiles(f *jen.File) {
	var vars []jen.Code
	for _, p := range g.t.Profiles {
		vars = append(vars, jen.Id(g.profileName(p)).Op("=").Add(list(jen.Qual(transportPath, "Profile"), g.delivery(p))))
	}
	if len(vars) > 0 {
		f.Comment("Profiles of the topology.")
		f.Var().Defs(vars...)
	}
}

func (g *topologyGenerator) profileName(p *model.Profile) string {
	return "profile" + goname.Exported(p.Name.Value)
}

// profile is a profile by its name.
func (g *topologyGenerator) profile(p *model.Profile) *jen.Statement {
	switch p.Name.Value {
	case "default":
		return jen.Qual(transportPath, "Profile").Values()
	case "high-throughput", "low-latency", "reliable":
		if p.BuiltIn() {
			return jen.Qual(transportPath, goname.Exported(p.Name.Value)).Call()
		}
	}
	return jen.Id(g.profileName(p))
}

// delivery are the values of a profile that are not zero.
func (g *topologyGenerator) delivery(p *model.Profile) []jen.Code {
	d := p.Delivery
	out := []jen.Code{field("Name", jen.Lit(p.Name.Value))}
	number := func(name string, n int64) {
		if n != 0 {
			out = append(out, field(name, jen.Id(strconv.FormatInt(n, 10))))
		}
	}
	span := func(name string, t time.Duration) {
		if t != 0 {
			out = append(out, field(name, duration(t)))
		}
	}
	value := func(name, of string) {
		if of != "" {
			out = append(out, field(name, jen.Qual(transportPath, of)))
		}
	}
	yes := func(name string, b bool) {
		if b {
			out = append(out, field(name, jen.True()))
		}
	}
	number("BatchSize", int64(d.BatchSize))
	span("BatchTimeout", d.BatchTimeout)
	number("Capacity", int64(d.Capacity))
	number("CapacityBytes", d.CapacityBytes)
	value("Overflow", [...]string{"", "DropOldest", "DropNewest", "Reject"}[d.Overflow])
	value("Durable", [...]string{"", "Durable", "DurableRequired"}[d.Durable])
	value("ManualAck", [...]string{"", "On", "Off"}[d.ManualAck])
	value("Confirm", [...]string{"", "On", "Off"}[d.Confirm])
	number("Prefetch", int64(d.Prefetch))
	if r := g.retry(d.Retry); len(r) > 0 {
		out = append(out, field("Retry", jen.Qual(transportPath, "Retry").Values(r...)))
	}
	yes("DeadLetter", d.DeadLetter)
	span("TTL", d.TTL)
	value("Order", [...]string{"", "OrderKey"}[d.Order])
	number("Concurrency", int64(d.Concurrency))
	number("DedupWindow", int64(d.DedupWindow))
	span("PublishTimeout", d.PublishTimeout)
	yes("Sensitive", d.Sensitive)
	return out
}

func (g *topologyGenerator) retry(r model.Retry) []jen.Code {
	var out []jen.Code
	add := func(name string, set bool, value jen.Code) {
		if set {
			out = append(out, field(name, value))
		}
	}
	number := func(x float64) jen.Code { return jen.Id(strconv.FormatFloat(x, 'g', -1, 64)) }
	add("Attempts", r.Attempts != 0, jen.Lit(r.Attempts))
	add("Initial", r.Initial != 0, duration(r.Initial))
	add("Max", r.Max != 0, duration(r.Max))
	add("Multiplier", r.Multiplier != 0, number(r.Multiplier))
	add("Jitter", r.Jitter != 0, number(r.Jitter))
	return out
}

// types declares how what comes by transports is decoded.
func (g *topologyGenerator) types(f *jen.File) {
	var types []jen.Code
	for _, t := range g.wiring.Topics {
		of, name := g.payload(t)
		types = append(types, jen.Values(field("Pattern", g.pattern(t)), field("Name", jen.Lit(name)), field("Decode", ofNode("Decode").Index(of))))
	}
	f.Comment("eventTypes are the types of what travels between processes.")
	f.Var().Id("eventTypes").Op("=").Add(list(jen.Index().Add(ofNode("Type")), types))
}

func (g *topologyGenerator) transport(t *wiring.Transport) jen.Code {
	set := []jen.Code{field("Name", jen.Lit(t.Kind.Name))}
	if len(t.Settings) > 0 {
		var settings []jen.Code
		for _, s := range t.Settings {
			settings = append(settings, jen.Values(settingFields(s)...))
		}
		set = append(set, field("Settings", list(jen.Index().Add(ofNode("Setting")), settings)))
	}
	if t.Listen != nil {
		set = append(set, field("Listen", g.setting(t.Listen)))
	}
	if len(t.Peers) > 0 {
		var peers []jen.Code
		for _, p := range t.Peers {
			peer := []jen.Code{field("Node", jen.Lit(p.Node.Name.Value)), field("Replicas", jen.Lit(p.Node.Replicas))}
			if p.Address != nil {
				peer = append(peer, field("Address", g.setting(p.Address)))
			}
			peers = append(peers, jen.Values(peer...))
		}
		set = append(set, field("Peers", list(jen.Index().Add(ofNode("PeerPlan")), peers)))
	}
	if len(t.Queues) > 0 {
		var queues []jen.Code
		for _, q := range t.Queues {
			queues = append(queues, g.queue(q))
		}
		set = append(set, field("Queues", list(jen.Index().Qual(transportPath, "Queue"), queues)))
	}
	if t.Kind.Package != "" {
		set = append(set, field("Open", jen.Qual(transportPath+"/"+t.Kind.Package, "Open")))
	}
	return jen.Values(lines(set)...)
}

func (g *topologyGenerator) setting(s *model.Setting) *jen.Statement {
	return jen.Op("&").Add(ofNode("Setting")).Values(settingFields(s)...)
}

func settingFields(s *model.Setting) []jen.Code {
	var parts []jen.Code
	for _, p := range s.Parts {
		var part []jen.Code
		switch {
		case p.Temporary:
			part = append(part, field("Variable", jen.Lit(p.Variable)), field("Temporary", jen.True()))
		case p.Variable != "":
			part = append(part, field("Variable", jen.Lit(p.Variable)))
			if p.HasDefault {
				part = append(part, field("Default", jen.Lit(p.Default)), field("HasDefault", jen.True()))
			}
		default:
			part = append(part, field("Text", jen.Lit(p.Text)))
		}
		parts = append(parts, jen.Values(part...))
	}
	return []jen.Code{field("Key", jen.Lit(s.Key)), field("Parts", jen.Index().Add(ofNode("Part")).Values(parts...))}
}

func (g *topologyGenerator) queue(q wiring.Queue) jen.Code {
	var set []jen.Code
	if q.Node != nil {
		set = append(set, field("Node", jen.Lit(q.Node.Name.Value)))
	}
	set = append(set, field("Name", jen.Lit(q.Name)))
	if q.Group != "" {
		set = append(set, field("Group", jen.Lit(q.Group)), field("Policy", jen.Qual(transportPath, policyNames[q.Policy])))
	}
	set = append(set, field("Patterns", jen.Index().Qual(topicPath, "Pattern").ValuesFunc(func(b *jen.Group) {
		for _, p := range q.Patterns {
			b.Lit(string(p))
		}
	})))
	return jen.Values(append(set, field("Profile", g.profile(q.Profile)))...)
}
