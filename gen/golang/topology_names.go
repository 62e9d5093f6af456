package golang

import (
	"maps"
	"slices"
	"strconv"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/gen/wiring"
)

// topologyNames are the identifiers of the package of a topology.
type topologyNames struct {
	node         map[*model.Node]string
	machine      map[*model.Participant]string
	group        map[*model.Group]string
	broadcast    map[*model.Broadcast]string
	subscription map[*model.Subscription]string
	way          map[*model.Route]string // of the functions that map a route's events
	all          []ident
}

// door is the type of a node's way to a machine or a group, and the field that has it.
func (n *topologyNames) door(node *model.Node, d *wiring.Door) (typ, field string) {
	field = n.machine[d.Machine]
	if d.Group != nil {
		field = n.group[d.Group]
	}
	return n.node[node] + field, field
}

func newTopologyNames(t *model.Topology) *topologyNames {
	n := &topologyNames{
		node: map[*model.Node]string{}, machine: map[*model.Participant]string{}, group: map[*model.Group]string{},
		broadcast: map[*model.Broadcast]string{}, subscription: map[*model.Subscription]string{}, way: map[*model.Route]string{},
	}
	for _, p := range t.Machines {
		n.machine[p] = goname.Exported(p.ID.Value)
		n.declare(n.machine[p]+"Config", "the configuration of the machine", p.ID)
	}
	for _, g := range t.Groups {
		n.group[g] = goname.Exported(g.Name.Value)
		n.groupTopics(g)
	}
	for _, x := range t.Broadcasts {
		n.broadcast[x] = n.declare(goname.Exported(x.Event.Name.Value), "the broadcast", x.Event.Name)
		n.declare("TopicBroadcast"+n.broadcast[x], "the topic of the broadcast", x.Event.Name)
		if hasDefaults(x.Event.Fields) {
			n.declare("New"+n.broadcast[x], "the constructor of the broadcast", x.Event.Name)
		}
	}
	for _, s := range t.Subscriptions {
		n.subscription[s] = goname.Exported(s.Name.Value)
		n.declare(n.subscription[s]+"Handler", "the handler of the subscription", s.Name)
		n.declare("Unimplemented"+n.subscription[s]+"Handler", "the handler of the subscription", s.Name)
		n.ofHandler(t, n.subscription[s]+"Handler.")
	}
	for _, x := range t.Nodes {
		n.ofNode(t, x)
	}
	n.ways(t)
	return n
}

// ofHandler declares what a handler may be called for. What it is not called for counts as
// well: a pattern may come to match it.
func (n *topologyNames) ofHandler(t *model.Topology, prefix string) {
	for _, p := range t.Machines {
		if p.Machine == nil {
			continue
		}
		for _, e := range slices.Concat(p.Machine.Events, p.Machine.Emits) {
			n.declare(prefix+n.machine[p]+goname.Exported(e.Name.Value), "hearing the event", e.Name)
		}
	}
	for _, x := range t.Broadcasts {
		n.declare(prefix+n.broadcast[x], "hearing the broadcast", x.Event.Name)
	}
}

func (n *topologyNames) declare(name, what string, s spec.Scalar) string {
	n.all = append(n.all, ident{name, what + " " + s.Value, s.Pos})
	return name
}

func (n *topologyNames) groupTopics(g *model.Group) {
	seen := map[*model.Event]bool{}
	for _, l := range g.Links {
		for _, r := range l.Routes {
			if !seen[r.Target] {
				seen[r.Target] = true
				n.declare(n.groupTopic(g, r.Target), "the topic of an event of the group", g.Name)
			}
		}
	}
}

func (n *topologyNames) groupTopic(g *model.Group, e *model.Event) string {
	return "TopicGroup" + n.group[g] + goname.Exported(e.Name.Value)
}

// ofNode declares a node's types, and what these have.
func (n *topologyNames) ofNode(t *model.Topology, x *model.Node) {
	name := goname.Exported(x.Name.Value)
	n.node[x] = n.declare(name, "the node", x.Name)
	n.declare(name+"Config", "the configuration of the node", x.Name)
	n.declare("Start"+name, "the start of the node", x.Name)
	n.declare(name+"Machines", "the machines of the node", x.Name)
	n.declare("All."+name, "the node", x.Name)
	n.declare("AllConfig."+name, "the node", x.Name)
	for _, p := range x.Machines {
		n.declare(name+"Config."+n.machine[p], "the machine", p.ID)
		n.declare(name+"Machines."+n.machine[p], "the machine", p.ID)
		n.ofDoor(x, n.machine[p], "the machine", p.ID, p.Machine, true)
	}
	for _, list := range [][]*model.Link{x.Sends, x.Requests} {
		for _, l := range list {
			switch {
			case l.ToMachine == nil:
			case l.ToGroup != nil:
				n.ofDoor(x, n.group[l.ToGroup], "the group", l.ToGroup.Name, l.ToMachine.Machine, true)
			default:
				n.ofDoor(x, n.machine[l.ToMachine], "the machine", l.ToMachine.ID, l.ToMachine.Machine, false)
			}
		}
	}
	for _, s := range x.Subscriptions {
		n.declare(name+"Config."+n.subscription[s], "the subscription", s.Name)
	}
	for _, b := range t.Broadcasts {
		n.declare(name+".Broadcast"+n.broadcast[b], "the broadcast", b.Event.Name)
	}
}

// ofDoor declares to whom the code of a node may send, and what.
func (n *topologyNames) ofDoor(x *model.Node, to, what string, s spec.Scalar, m *model.Machine, all bool) {
	typ := n.declare(n.node[x]+to, "what "+x.Name.Value+" sends to "+what, s)
	n.declare(n.node[x]+"."+to, what, s)
	if m == nil || !all {
		return
	}
	for _, e := range m.Events {
		n.declare(typ+"."+goname.Exported(e.Name.Value), "sending the event", e.Name)
		if e.HasReply {
			n.declare(typ+".Request"+goname.Exported(e.Name.Value), "requesting the event", e.Name)
		}
	}
}

// ways names the functions of links. A number tells those apart that would be called
// alike.
func (n *topologyNames) ways(t *model.Topology) {
	used := map[string]int{}
	for _, l := range t.Links {
		if l.FromMachine == nil {
			continue
		}
		for _, r := range l.Routes {
			from := "States"
			if r.Source != nil {
				from = goname.Exported(r.Source.Name.Value)
			}
			name := goname.Unexported(l.From.Value) + from + "To" + goname.Exported(l.To.Value)
			if target := goname.Exported(r.Target.Name.Value); target != from && l.ToAll == nil {
				name += target
			}
			if used[name]++; used[name] > 1 {
				name += "_" + strconv.Itoa(used[name])
			}
			n.way[r] = name
		}
	}
}

// topologyFixed are the identifiers that every package of a topology has.
var topologyFixed = []string{"All", "AllConfig", "StartAll", "All.Ready", "All.Shutdown", "AllConfig.Node"}

// nodeFixed are what every node's type and its configuration have.
var nodeFixed = []string{".Ready", ".Shutdown", ".Machines", "Config.Node"}

// CheckTopologyNames reports identifiers that two declarations of the package of t would
// share.
func CheckTopologyNames(t *model.Topology, l *diag.List) {
	n := newTopologyNames(t)
	seen, refused := map[string]ident{}, l.Places(diag.BadName)
	maps.Copy(refused, l.Places(diag.NameCollision))
	maps.Copy(refused, l.Places(diag.DuplicateName))
	for _, f := range topologyFixed {
		seen[f] = ident{name: f}
	}
	for _, x := range t.Nodes {
		for _, f := range nodeFixed {
			seen[n.node[x]+f] = ident{name: f}
		}
	}
	for _, s := range t.Subscriptions {
		seen[n.subscription[s]+"Handler.Failure"] = ident{name: "Failure"}
	}
	for _, x := range t.Broadcasts {
		if len(t.Subscriptions) > 0 && vetted[n.broadcast[x]] {
			l.Add(diag.NameCollision, x.Event.Name.Pos, "the broadcast %s would be a method %s in Go, which `go vet` wants to be another", x.Event.Name.Value, n.broadcast[x])
		}
	}
	reported := map[source.Pos]bool{}
	for _, id := range n.all {
		first, taken := seen[id.name]
		switch {
		case id.name == "" || refused[id.pos] || reported[id.pos]:
		case !taken:
			seen[id.name] = id
		case first.pos == id.pos, first.pos.IsValid() && refused[first.pos]:
		case !first.pos.IsValid():
			reported[id.pos] = true
			l.Add(diag.NameCollision, id.pos, "%s would be called %s in Go, which every topology's package declares itself", id.what, id.name)
		default:
			reported[id.pos] = true
			l.Add(diag.NameCollision, id.pos, "%s and %s would both be called %s in Go", first.what, id.what, id.name).
				WithRelated(first.pos, "%s is declared here", first.what)
		}
	}
}
