package spec

import (
	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
)

// version is the only version of the spec language so far.
const version = "1"

func (p *parser) machine(n *yaml.Node) *Machine {
	if !p.isMap(n, "a spec") {
		return nil
	}
	m := &Machine{File: p.file, Root: &State{Pos: p.pos(n)}}
	var ver Scalar
	keys := append([]key{
		{"version", func(n *yaml.Node) { ver = p.scalar(n, "version") }},
		{"machine", func(n *yaml.Node) { m.ID = p.name(n) }},
		{"package", func(n *yaml.Node) { m.Package = p.name(n) }},
		{"keyed", func(n *yaml.Node) { m.Keyed = p.boolean(n, "keyed") }},
		{"types", func(n *yaml.Node) {
			p.pairs(n, "types", func(s Scalar, n *yaml.Node) { m.Types = append(m.Types, p.typ(s, n)) })
		}},
		{"context", func(n *yaml.Node) { m.Context = p.fields(n, "context") }},
		{"events", func(n *yaml.Node) { m.Events = p.events(n, "events") }},
		{"emits", func(n *yaml.Node) { m.Emits = p.events(n, "emits") }},
		{"internal", func(n *yaml.Node) { m.Internal = p.events(n, "internal") }},
		{"sends", func(n *yaml.Node) {
			p.pairs(n, "sends", func(s Scalar, n *yaml.Node) {
				m.Sends = append(m.Sends, &Role{Name: s, Events: p.events(n, "a role")})
			})
		}},
		{"services", func(n *yaml.Node) {
			p.pairs(n, "services", func(s Scalar, n *yaml.Node) { m.Services = append(m.Services, p.service(s, n)) })
		}},
		{"input", func(n *yaml.Node) { m.Input = p.fields(n, "input") }},
		{"output", func(n *yaml.Node) { m.Output = p.fields(n, "output") }},
		{"unhandled", func(n *yaml.Node) { m.Unhandled = p.oneOf(n, "unhandled", "ignore", "error") }},
	}, p.stateKeys(m.Root, true)...)
	p.object(n, "a machine", keys)
	p.header(n, "machine", ver)
	m.Root.Name = m.ID
	m.Description = m.Root.Description
	return m
}

// header checks the two keys that every spec of a kind has.
func (p *parser) header(n *yaml.Node, kind string, ver Scalar) {
	start := source.Pos{File: p.file, Line: n.Line, Col: n.Column, Len: 1}
	switch {
	case !ver.IsSet() && lookup(n, "version") == nil:
		p.diags.Add(diag.MissingKey, start, "the spec has no version").WithHint("begin it with `version: 1`")
	case ver.IsSet() && ver.Value == version && ver.Tag == "!!str":
		p.diags.Add(diag.Version, ver.Pos, "the version is a number, not a string").WithHint("unquote it: `version: %s`", version)
	case ver.IsSet() && (ver.Value != version || ver.Tag != "!!int"):
		p.diags.Add(diag.Version, ver.Pos, "version %s is not supported: this xsgen reads version %s", quote(ver.Value), version)
	}
	if lookup(n, kind) == nil {
		p.diags.Add(diag.MissingKey, start, "the %s has no id", kind).WithHint("add `%s: <id>`", kind)
	}
}

// lookup returns the value of a key of a mapping, or nil.
func lookup(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func (p *parser) typ(name Scalar, n *yaml.Node) *Type {
	t := &Type{Name: name}
	var fields, enum *yaml.Node
	p.object(n, "a type", []key{
		{"fields", func(n *yaml.Node) { fields = n; t.Fields = p.fields(n, "fields") }},
		{"enum", func(n *yaml.Node) { enum = n; t.Enum = true; t.Values = p.names(n, "enum") }},
		{"description", func(n *yaml.Node) { t.Description = p.description(n) }},
	})
	switch {
	case fields != nil && enum != nil:
		p.diags.Add(diag.KeyConflict, p.pos(enum), "a type has either fields or an enum, not both").
			WithRelated(p.pos(fields), "the fields are here")
	case fields == nil && enum == nil && n.Kind == yaml.MappingNode:
		p.diags.Add(diag.MissingKey, name.Pos, "the type %s has neither fields nor an enum", quote(name.Value)).
			WithHint("write `{fields: {…}}` or `{enum: […]}`")
	case enum != nil && len(t.Values) == 0:
		p.diags.Add(diag.BadValue, p.pos(enum), "an enum has at least one value")
	}
	return t
}

// names reads a list of names.
func (p *parser) names(n *yaml.Node, what string) []Scalar {
	if n.Kind != yaml.SequenceNode {
		p.diags.Add(diag.WrongShape, p.pos(n), "%s must be a list, not a %s", what, kindName(n))
		return nil
	}
	var out []Scalar
	for _, c := range n.Content {
		if s := p.name(c); s.IsSet() {
			out = append(out, s)
		}
	}
	return out
}

func (p *parser) fields(n *yaml.Node, what string) []*Field {
	var out []*Field
	p.pairs(n, what, func(name Scalar, n *yaml.Node) { out = append(out, p.field(name, n)) })
	return out
}

func (p *parser) field(name Scalar, n *yaml.Node) *Field {
	f := &Field{Name: name}
	if n.Kind != yaml.MappingNode {
		f.Type = p.text(n, "a field's type")
		return f
	}
	p.object(n, "a field", []key{
		{"type", func(n *yaml.Node) { f.Type = p.text(n, "a field's type") }},
		{"default", func(n *yaml.Node) { f.Default = p.value(n) }},
		{"description", func(n *yaml.Node) { f.Description = p.description(n) }},
	})
	if lookup(n, "type") == nil {
		p.diags.Add(diag.MissingKey, name.Pos, "the field %s has no type", quote(name.Value)).WithHint("add `type:`")
	}
	return f
}

func (p *parser) events(n *yaml.Node, what string) []*Event {
	var out []*Event
	p.pairs(n, what, func(name Scalar, n *yaml.Node) { out = append(out, p.event(name, n)) })
	return out
}

// event reads an event's long form, known by fields or reply, or its short
// form, a mapping of fields.
func (p *parser) event(name Scalar, n *yaml.Node) *Event {
	e := &Event{Name: name}
	if n.Kind != yaml.MappingNode || lookup(n, "fields") == nil && lookup(n, "reply") == nil {
		e.Fields = p.fields(n, "an event")
		return e
	}
	p.object(n, "an event", []key{
		{"fields", func(n *yaml.Node) { e.Fields = p.fields(n, "fields") }},
		{"reply", func(n *yaml.Node) { e.HasReply = true; e.Reply = p.fields(n, "reply") }},
		{"description", func(n *yaml.Node) { e.Description = p.description(n) }},
	})
	return e
}

func (p *parser) service(name Scalar, n *yaml.Node) *Service {
	s := &Service{Name: name}
	if isNull(n) {
		return s
	}
	p.object(n, "a service", []key{
		{"input", func(n *yaml.Node) { s.Input = p.fields(n, "input") }},
		{"output", func(n *yaml.Node) { s.Output = p.fields(n, "output") }},
		{"description", func(n *yaml.Node) { s.Description = p.description(n) }},
	})
	return s
}
