package model

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// LinkTopology resolves a topology; find finds the machines' specs, and returns nil
// for those that cannot be used, of which it has reported why. What does not resolve
// is added to l; the model is then still whole enough for the checks that follow,
// but must not be generated from.
func LinkTopology(s *spec.Topology, l *diag.List, find Finder) *Topology {
	b := &topologyBuilder{
		spec: s, diags: l, find: find, t: &Topology{File: s.File, ID: s.ID, Description: s.Description.Value},
		names: &builder{spec: &spec.Machine{}, diags: l, m: &Machine{}}, ends: map[string]source.Pos{},
		profile: map[string]*Profile{}, profileSpec: map[*Profile]*spec.Profile{}, hosts: map[string]*Host{},
	}
	b.identity()
	b.profiles()
	b.transports()
	b.machines()
	b.processes()
	b.groups()
	b.broadcasts()
	for _, link := range s.Links {
		b.link(link)
	}
	b.subscriptions()
	b.collisions()
	b.route()
	return b.t
}

// topologyBuilder carries what the steps of LinkTopology share.
type topologyBuilder struct {
	spec  *spec.Topology
	diags *diag.List
	find  Finder
	t     *Topology
	names *builder // checks names and fields, which are those of machines

	ends        map[string]source.Pos // machines, nodes and groups: what links can name
	hosts       map[string]*Host
	profile     map[string]*Profile
	profileSpec map[*Profile]*spec.Profile
	overlaps    Overlaps // of subscriptions with topics
}

func (b *topologyBuilder) identity() {
	s := b.spec
	if s.ID.IsSet() && (!idPattern.MatchString(s.ID.Value) || len(s.ID.Value) > maxName) {
		b.diags.Add(diag.BadName, s.ID.Pos, "the topology's id %q must match [a-z][a-z0-9_-]* and have at most %d characters", s.ID.Value, maxName)
	}
	b.t.Package = b.names.packageOf(s.ID, s.Package)
}

// end declares a name that links can begin or end at.
func (b *topologyBuilder) end(s spec.Scalar, what string) {
	b.names.name(s, what)
	if first, twice := b.ends[s.Value]; twice {
		b.diags.Add(diag.DuplicateName, s.Pos, "the name %q is taken: machines, nodes and groups share theirs", s.Value).WithRelated(first, "first used here")
		return
	}
	b.ends[s.Value] = s.Pos
}

func (b *topologyBuilder) machines() {
	for _, s := range b.spec.Machines {
		b.end(s.ID, "a machine")
		p := &Participant{ID: s.ID, Import: s.Import.Value}
		b.t.Machines = append(b.t.Machines, p)
		if s.Spec.IsSet() {
			p.Machine = b.find(s.Spec)
		}
		if m := p.Machine; m != nil && m.ID.IsSet() && m.ID.Value != s.ID.Value {
			b.diags.Add(diag.MachineID, s.ID.Pos, "the machine is called %s here, and %s in its spec", s.ID.Value, m.ID.Value).
				WithRelated(m.ID.Pos, "the spec's id").WithHint("topics are made of the id: use the same")
			p.Machine = nil
		}
		if s.Import.IsSet() && !importPath(s.Import.Value) {
			b.diags.Add(diag.BadValue, s.Import.Pos, "%q cannot be the import path of a package", s.Import.Value)
		}
		b.keeping(p, s)
	}
}

// importPath reports whether s can be an import path: its elements are what files
// can be called, and nothing in it ends a string.
func importPath(s string) bool {
	for _, elem := range strings.Split(s, "/") {
		if elem == "" || strings.Trim(elem, ".") == "" || strings.Trim(elem, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+") != "" {
			return false
		}
	}
	return true
}

// keeping reads where the instances of a keyed machine are kept.
func (b *topologyBuilder) keeping(p *Participant, s *spec.Participant) {
	for _, k := range []struct {
		name string
		text spec.Scalar
	}{{"store", s.Store}, {"idle", s.Idle}, {"max", s.Max}, {"retain", s.Retain}} {
		if k.text.IsSet() && p.Machine != nil && !p.Machine.Keyed {
			b.diags.Add(diag.KeyConflict, k.text.Pos, "%s belongs to keyed machines, and %s is not keyed", k.name, p.ID.Value).
				WithRelated(p.Machine.ID.Pos, "its spec").WithHint("a machine with `keyed: true` has an instance for each key")
		}
	}
	p.Store = map[string]Store{"files": StoreFiles, "shared": StoreShared}[s.Store.Value]
	p.Idle, p.Retain = b.span(s.Idle, "idle"), b.span(s.Retain, "retain")
	p.Max = b.positive(s.Max, "max", 0)
}

// span reads a positive duration, 0 if there is none.
func (b *topologyBuilder) span(s spec.Scalar, what string) time.Duration {
	d, ok := span(s)
	if s.IsSet() && (!ok || d == 0) {
		b.diags.Add(diag.BadValue, s.Pos, "%s must be a positive duration, as 500ms or 10m, not %q", what, s.Value)
	}
	return d
}

// maxReplicas is the most processes that a node may be.
const maxReplicas = 1000

// positive reads a whole number from 1 on.
func (b *topologyBuilder) positive(s spec.Scalar, what string, otherwise int) int {
	if !s.IsSet() {
		return otherwise
	}
	n, ok := whole(s, 1<<31-1)
	if !ok || n == 0 {
		b.diags.Add(diag.BadValue, s.Pos, "%s must be a whole number from 1 on, not %q", what, s.Value)
		return max(otherwise, 1)
	}
	return int(n)
}

// processes resolves hosts and nodes.
func (b *topologyBuilder) processes() {
	for _, s := range b.spec.Hosts {
		b.names.name(s.Name, "a host")
		h := &Host{Name: s.Name}
		for _, x := range s.Settings {
			h.Address = b.setting("address", x.Value)
		}
		b.t.Hosts, b.hosts[s.Name.Value] = append(b.t.Hosts, h), h
	}
	for _, s := range b.spec.Nodes {
		b.end(s.Name, "a node")
		n := &Node{Name: s.Name, Host: b.hosts[s.Host.Value], Replicas: b.positive(s.Replicas, "replicas", 1), Listen: b.listen(s.Listen)}
		if n.Replicas > maxReplicas {
			b.diags.Add(diag.BadValue, s.Replicas.Pos, "replicas must be at most %d", maxReplicas)
		}
		if n.Host == nil && s.Host.IsSet() {
			b.diags.Add(diag.UnknownHost, s.Host.Pos, "the host %q is not declared", s.Host.Value).
				WithHint("%s", suggest(b.names, s.Host.Value, b.t.Hosts, func(h *Host) string { return h.Name.Value }))
		}
		for _, m := range s.Machines {
			b.runs(n, m)
		}
		b.t.Nodes = append(b.t.Nodes, n)
	}
}

// runs notes that a machine runs on a node.
func (b *topologyBuilder) runs(n *Node, id spec.Scalar) {
	p := b.machine(id)
	switch {
	case p == nil:
	case slices.Contains(n.Machines, p):
		b.diags.Add(diag.DuplicateName, id.Pos, "the machine %s is listed twice on this node", id.Value).
			WithHint("several processes are `replicas: 3`; several machines in one are keyed")
	default:
		n.Machines, p.Nodes = append(n.Machines, p), append(p.Nodes, n)
	}
}

func participantID(p *Participant) string { return p.ID.Value }
func nodeName(n *Node) string             { return n.Name.Value }
func groupName(g *Group) string           { return g.Name.Value }

// machine is the machine of an id, or nil, which is reported.
func (b *topologyBuilder) machine(id spec.Scalar) *Participant {
	i := slices.IndexFunc(b.t.Machines, func(p *Participant) bool { return p.ID.Value == id.Value })
	if i >= 0 {
		return b.t.Machines[i]
	}
	if id.IsSet() {
		b.diags.Add(diag.UnknownMachine, id.Pos, "the machine %q is not listed under machines", id.Value).
			WithHint("%s", suggest(b.names, id.Value, b.t.Machines, participantID))
	}
	return nil
}

func (b *topologyBuilder) groups() {
	for _, s := range b.spec.Groups {
		b.end(s.Name, "a group")
		g := &Group{Name: s.Name, Machine: b.machine(s.Machine), Policy: Policy(max(slices.Index(policyNames, s.Policy.Value), 0))}
		b.t.Groups = append(b.t.Groups, g)
	}
}

func (b *topologyBuilder) broadcasts() {
	events := b.names.events(b.spec.Broadcasts, Emitted, nil, map[string]source.Pos{})
	b.names.defaults()
	for _, e := range events {
		all := &Broadcast{Event: e}
		for _, p := range b.t.Machines {
			if p.Machine == nil {
				continue
			}
			own := eventNamed(p.Machine.Events, e.Name.Value)
			switch {
			case own == nil:
			case !own.HasReply && (assignment{}).fields(e.Fields, own.Fields):
				all.Hearers = append(all.Hearers, p)
			default:
				all.Mismatched = append(all.Mismatched, p)
			}
		}
		b.t.Broadcasts = append(b.t.Broadcasts, all)
	}
}

func eventNamed(events []*Event, name string) *Event {
	for _, e := range events {
		if e.Name.Value == name {
			return e
		}
	}
	return nil
}

// collisions reports names that become one Go identifier. Of a node several are made.
func (b *topologyBuilder) collisions() {
	seen := map[string]spec.Scalar{}
	claim := func(s spec.Scalar, names ...string) {
		for _, n := range names {
			if first, twice := seen[n]; twice && first.Value != s.Value {
				b.diags.Add(diag.NameCollision, s.Pos, "%q and %q would both be %s in Go", first.Value, s.Value, n).WithRelated(first.Pos, "the other name")
				return
			}
			seen[n] = s
		}
	}
	for _, n := range b.t.Nodes {
		if name := goname.Exported(n.Name.Value); name == "All" {
			b.diags.Add(diag.BadName, n.Name.Pos, "a node cannot be called %q: StartAll starts all of them", n.Name.Value)
		} else if name != "" {
			claim(n.Name, name, name+"Config", "Start"+name)
		}
	}
	for _, list := range []iter.Seq[spec.Scalar]{
		scalars(b.t.Machines, func(p *Participant) spec.Scalar { return p.ID }),
		scalars(b.t.Groups, func(g *Group) spec.Scalar { return g.Name }),
		scalars(b.t.Broadcasts, func(x *Broadcast) spec.Scalar { return x.Event.Name }),
		scalars(b.t.Subscriptions, func(x *Subscription) spec.Scalar { return x.Name }),
	} {
		clear(seen)
		for s := range list {
			claim(s, goname.Exported(s.Value))
		}
	}
}

func scalars[T any](list []T, name func(T) spec.Scalar) iter.Seq[spec.Scalar] {
	return func(yield func(spec.Scalar) bool) {
		for _, x := range list {
			if !yield(name(x)) {
				return
			}
		}
	}
}
