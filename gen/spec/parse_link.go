package spec

import (
	"regexp"

	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen/diag"
)

// profile reads a profile's keys as they are written; what they may be is known to
// package model.
func (p *parser) profile(name Scalar, n *yaml.Node) *Profile {
	out := &Profile{Name: name}
	if isNull(n) || !p.isMap(n, "a profile") {
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := p.name(n.Content[i]), n.Content[i+1]
		switch k.Value {
		case "base":
			out.Base = p.name(v)
		case "retry":
			p.pairs(v, "retry", func(s Scalar, n *yaml.Node) {
				s.Value = "retry." + s.Value
				out.Values = append(out.Values, &Setting{s, p.scalar(n, s.Value)})
			})
		default:
			out.Values = append(out.Values, &Setting{k, p.scalar(v, quote(k.Value))})
		}
	}
	return out
}

func (p *parser) link(n *yaml.Node) *Link {
	l := &Link{Pos: p.pos(n)}
	if !p.object(n, "a link", p.linkKeys(l)) {
		return l
	}
	p.kind(n, l)
	p.need(n, l.Pos, "the link", "from", "say which machine or node it begins at: `from: <id>`")
	switch to, all := lookup(n, "to"), lookup(n, "broadcast"); {
	case to == nil && all == nil:
		p.diags.Add(diag.MissingKey, l.Pos, "the link has neither to nor broadcast").
			WithHint("say where it leads: `to: <machine or group>`, or `broadcast: <name>` for everybody")
	case to != nil && all != nil:
		p.diags.Add(diag.KeyConflict, p.pos(all), "a link has either to or broadcast, not both").WithRelated(p.pos(to), "to is here")
	}
	return l
}

func (p *parser) linkKeys(l *Link) []key {
	names := func(k LinkKind) func(*yaml.Node) {
		return func(n *yaml.Node) { l.Kind, l.Names = k, p.oneOrMore(n, k.String()) }
	}
	return []key{
		{"from", func(n *yaml.Node) { l.From = p.name(n) }},
		{"emits", names(Emits)},
		{"states", names(States)},
		{"sends", names(Sends)},
		{"requests", names(Requests)},
		{"to", func(n *yaml.Node) { l.To = p.name(n) }},
		{"broadcast", func(n *yaml.Node) { l.Broadcast = p.name(n) }},
		{"event", func(n *yaml.Node) { l.Event = p.name(n) }},
		{"map", func(n *yaml.Node) { l.Map = p.mapValue(n, "map") }},
		{"where", func(n *yaml.Node) { l.Where = p.expression(n, "where") }},
		{"key", func(n *yaml.Node) { l.Key = p.expression(n, "key") }},
		{"timeout", func(n *yaml.Node) { l.Timeout = p.scalar(n, "timeout") }},
		{"profile", func(n *yaml.Node) { l.Profile = p.name(n) }},
		{"via", func(n *yaml.Node) { l.Via = p.name(n) }},
		{"inline", func(n *yaml.Node) { l.Inline = p.boolean(n, "inline") }},
	}
}

// expression reads one expression.
func (p *parser) expression(n *yaml.Node, what string) *Value {
	if s := p.scalar(n, what); s.IsSet() {
		return &Value{Pos: s.Pos, Scalar: s}
	}
	return nil
}

// kind checks that a link says once what it takes.
func (p *parser) kind(n *yaml.Node, l *Link) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Value == "inline" {
			l.InlineKey = p.scalar(k, "a key")
		}
		if k.Value != "emits" && k.Value != "states" && k.Value != "sends" && k.Value != "requests" {
			continue
		}
		if l.KindKey.IsSet() {
			p.diags.Add(diag.KeyConflict, p.pos(k), "a link has exactly one of emits, states, sends, requests").
				WithRelated(l.KindKey.Pos, "there is %s already", l.KindKey.Value).WithHint("write a link for each")
			continue
		}
		l.KindKey = p.scalar(k, "a key")
	}
	if !l.KindKey.IsSet() {
		p.diags.Add(diag.MissingKey, l.Pos, "the link does not say what it takes").
			WithHint("add one of `emits:`, `states:`, `sends:` and `requests:`")
	}
}

// variable is how a setting names a variable.
var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`)

// misplaced reports variables where nothing reads them: they are for transports,
// hosts and the addresses at which nodes listen.
func (p *parser) misplaced(root *yaml.Node) {
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch k, v := root.Content[i].Value, root.Content[i+1]; k {
		case "transports", "hosts", "description":
		case "nodes":
			p.fixed(v, "listen")
		default:
			p.fixed(v, "")
		}
	}
}

// fixed reports variables below n, but for the values of one key.
func (p *parser) fixed(n *yaml.Node, but string) {
	if at := variable.FindStringIndex(n.Value); n.Kind == yaml.ScalarNode && at != nil {
		s := Scalar{Value: n.Value, Pos: p.pos(n)}
		p.diags.Add(diag.MisplacedVariable, s.At(at[0], at[1]-at[0]), "%s is not replaced here", quote(n.Value[at[0]:at[1]])).
			WithHint("variables are read in `transports`, in `hosts` and in a node's `listen`, when the node starts")
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && but != "" && i%2 == 1 && n.Content[i-1].Value == but {
			continue
		}
		p.fixed(c, but)
	}
}
