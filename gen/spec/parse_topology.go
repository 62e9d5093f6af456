package spec

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
)

// ParseTopology reads a topology file. It returns nil where the file has no usable
// root; everything that is wrong is added to l.
func ParseTopology(f *source.File, l *diag.List) *Topology {
	p, root := begin(f, l, "topology")
	if root == nil || !p.isMap(root, "a topology") {
		return nil
	}
	t := &Topology{File: f}
	var ver Scalar
	p.object(root, "a topology", p.topologyKeys(t, &ver))
	p.header(root, "topology", ver)
	p.misplaced(root)
	return t
}

func (p *parser) topologyKeys(t *Topology, ver *Scalar) []key {
	return []key{
		{"version", func(n *yaml.Node) { *ver = p.scalar(n, "version") }},
		{"topology", func(n *yaml.Node) { t.ID = p.name(n) }},
		{"package", func(n *yaml.Node) { t.Package = p.name(n) }},
		{"description", func(n *yaml.Node) { t.Description = p.description(n) }},
		{"machines", func(n *yaml.Node) {
			p.pairs(n, "machines", func(s Scalar, n *yaml.Node) { t.Machines = append(t.Machines, p.participant(s, n)) })
		}},
		{"hosts", func(n *yaml.Node) {
			p.pairs(n, "hosts", func(s Scalar, n *yaml.Node) { t.Hosts = append(t.Hosts, p.host(s, n)) })
		}},
		{"nodes", func(n *yaml.Node) {
			p.pairs(n, "nodes", func(s Scalar, n *yaml.Node) { t.Nodes = append(t.Nodes, p.node(s, n)) })
		}},
		{"locations", func(n *yaml.Node) {
			p.pairs(n, "locations", func(s Scalar, n *yaml.Node) { t.Locations = append(t.Locations, &Choice{s, p.name(n)}) })
		}},
		{"transports", func(n *yaml.Node) {
			p.pairs(n, "transports", func(s Scalar, n *yaml.Node) {
				t.Transports = append(t.Transports, &Options{s, p.settings(n, "a transport")})
			})
		}},
		{"profiles", func(n *yaml.Node) {
			p.pairs(n, "profiles", func(s Scalar, n *yaml.Node) { t.Profiles = append(t.Profiles, p.profile(s, n)) })
		}},
		{"links", func(n *yaml.Node) { p.list(n, "links", func(n *yaml.Node) { t.Links = append(t.Links, p.link(n)) }) }},
		{"groups", func(n *yaml.Node) {
			p.pairs(n, "groups", func(s Scalar, n *yaml.Node) { t.Groups = append(t.Groups, p.group(s, n)) })
		}},
		{"broadcasts", func(n *yaml.Node) { t.Broadcasts = p.events(n, "broadcasts") }},
		{"subscriptions", func(n *yaml.Node) {
			p.pairs(n, "subscriptions", func(s Scalar, n *yaml.Node) { t.Subscriptions = append(t.Subscriptions, p.subscription(s, n)) })
		}},
	}
}

// list reads a list; null is the empty one.
func (p *parser) list(n *yaml.Node, what string, read func(*yaml.Node)) {
	switch {
	case isNull(n):
	case n.Kind != yaml.SequenceNode:
		p.diags.Add(diag.WrongShape, p.pos(n), "%s must be a list, not a %s", what, kindName(n))
	default:
		for _, c := range n.Content {
			read(c)
		}
	}
}

// need reports a key that a mapping must have.
func (p *parser) need(n *yaml.Node, at source.Pos, what, name, hint string) {
	if n.Kind == yaml.MappingNode && lookup(n, name) == nil || isNull(n) {
		p.diags.Add(diag.MissingKey, at, "%s has no %s", what, name).WithHint("%s", hint)
	}
}

func (p *parser) participant(id Scalar, n *yaml.Node) *Participant {
	m := &Participant{ID: id}
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		m.Spec = p.text(n, "a machine's spec")
		return m
	}
	p.need(n, id.Pos, "the machine "+quote(id.Value), "spec", "write the path of its spec, relative to this file: `spec: order.machine.yaml`")
	if isNull(n) {
		return m
	}
	p.object(n, "a machine of a topology", []key{
		{"spec", func(n *yaml.Node) { m.Spec = p.text(n, "a machine's spec") }},
		{"import", func(n *yaml.Node) { m.Import = p.text(n, "import") }},
		{"store", func(n *yaml.Node) { m.Store = p.oneOf(n, "store", "memory", "files", "shared") }},
		{"idle", func(n *yaml.Node) { m.Idle = p.scalar(n, "idle") }},
		{"max", func(n *yaml.Node) { m.Max = p.scalar(n, "max") }},
		{"retain", func(n *yaml.Node) { m.Retain = p.scalar(n, "retain") }},
	})
	return m
}

func (p *parser) host(name Scalar, n *yaml.Node) *Host {
	h := &Host{Name: name}
	if isNull(n) {
		return h
	}
	p.object(n, "a host", []key{
		{"address", func(n *yaml.Node) {
			h.Settings = append(h.Settings, &Setting{Scalar{Value: "address", Pos: p.pos(n)}, p.scalar(n, "address")})
		}},
	})
	return h
}

// settings reads a mapping of settings. Which keys there are is not known here. Those of a mapping
// within it are joined by a dot, and what is in their lists by commas.
func (p *parser) settings(n *yaml.Node, what string) []*Setting {
	var out []*Setting
	p.pairs(n, what, func(k Scalar, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			out = p.setting(out, k, n)
			return
		}
		p.pairs(n, quote(k.Value), func(within Scalar, n *yaml.Node) {
			within.Value = k.Value + "." + within.Value
			if n.Kind == yaml.SequenceNode {
				out = append(out, &Setting{within, p.joined(n)})
				return
			}
			out = p.setting(out, within, n)
		})
	})
	return out
}

func (p *parser) setting(out []*Setting, k Scalar, n *yaml.Node) []*Setting {
	if v := p.scalar(n, "a setting"); v.IsSet() {
		out = append(out, &Setting{k, v})
	}
	return out
}

// joined is what is in a list, with commas between.
func (p *parser) joined(n *yaml.Node) Scalar {
	var list []string
	for _, c := range n.Content {
		list = append(list, p.scalar(c, "what is in a setting").Value)
	}
	return Scalar{Value: strings.Join(list, ","), Pos: p.pos(n), Tag: "!!str"}
}

func (p *parser) node(name Scalar, n *yaml.Node) *Node {
	node := &Node{Name: name}
	p.need(n, name.Pos, "the node "+quote(name.Value), "host", "say on which of the `hosts` it runs: `host: <name>`")
	if isNull(n) {
		return node
	}
	p.object(n, "a node", []key{
		{"host", func(n *yaml.Node) { node.Host = p.name(n) }},
		{"machines", func(n *yaml.Node) {
			if !isNull(n) {
				node.Machines = p.names(n, "machines")
			}
		}},
		{"replicas", func(n *yaml.Node) { node.Replicas = p.scalar(n, "replicas") }},
		{"listen", func(n *yaml.Node) { node.Listen = p.text(n, "listen") }},
	})
	return node
}

func (p *parser) group(name Scalar, n *yaml.Node) *Group {
	g := &Group{Name: name}
	p.need(n, name.Pos, "the group "+quote(name.Value), "machine", "say whose processes are its members: `machine: <id>`")
	if isNull(n) {
		return g
	}
	p.object(n, "a group", []key{
		{"machine", func(n *yaml.Node) { g.Machine = p.name(n) }},
		{"policy", func(n *yaml.Node) {
			g.Policy = p.oneOf(n, "policy", "round-robin", "least-loaded", "random", "sticky")
		}},
	})
	return g
}

func (p *parser) subscription(name Scalar, n *yaml.Node) *Subscription {
	s := &Subscription{Name: name}
	p.need(n, name.Pos, "the subscription "+quote(name.Value), "node", "say whose code hears it: `node: <name>`")
	p.need(n, name.Pos, "the subscription "+quote(name.Value), "topics", "say what it hears: `topics: [\"state.order.*\"]`")
	if isNull(n) {
		return s
	}
	p.object(n, "a subscription", []key{
		{"node", func(n *yaml.Node) { s.Node = p.name(n) }},
		{"topics", func(n *yaml.Node) { s.Topics = p.oneOrMore(n, "topics") }},
		{"profile", func(n *yaml.Node) { s.Profile = p.name(n) }},
		{"shared", func(n *yaml.Node) { s.Shared = p.boolean(n, "shared") }},
	})
	return s
}

// oneOrMore reads a name or a list of names, of which there is at least one.
func (p *parser) oneOrMore(n *yaml.Node, what string) []Scalar {
	var out []Scalar
	p.each(n, func(n *yaml.Node) {
		if s := p.name(n); s.IsSet() {
			out = append(out, s)
		}
	})
	if isNull(n) || n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		p.diags.Add(diag.BadValue, p.pos(n), "%s names nothing", what)
	}
	return out
}
