package spec

import (
	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen/diag"
)

// stateKeys are the keys that a state has; the root has fewer.
func (p *parser) stateKeys(s *State, root bool) []key {
	keys := []key{
		{"type", func(n *yaml.Node) { s.Type = p.stateType(n, root) }},
		{"description", func(n *yaml.Node) { s.Description = p.description(n) }},
		{"tags", func(n *yaml.Node) {
			if !isNull(n) {
				s.Tags = p.names(n, "tags")
			}
		}},
		{"initial", func(n *yaml.Node) { s.Initial = p.initial(n, "initial") }},
		{"states", func(n *yaml.Node) {
			p.pairs(n, "states", func(name Scalar, n *yaml.Node) { s.States = append(s.States, p.state(name, n)) })
		}},
		{"entry", func(n *yaml.Node) { s.Entry = p.actions(n) }},
		{"exit", func(n *yaml.Node) { s.Exit = p.actions(n) }},
		{"on", func(n *yaml.Node) {
			p.pairs(n, "on", func(e Scalar, n *yaml.Node) {
				s.On = append(s.On, &On{Event: e, Transitions: p.transitions(n, e)})
			})
		}},
		{"always", func(n *yaml.Node) { s.Always = p.transitions(n, Scalar{}) }},
		{"after", func(n *yaml.Node) { s.After = p.after(n) }},
		{"invoke", func(n *yaml.Node) {
			p.each(n, func(n *yaml.Node) { s.Invoke = append(s.Invoke, p.invoke(n)) })
		}},
		{"onDone", func(n *yaml.Node) { s.OnDone = p.transitions(n, Scalar{}) }},
	}
	if root {
		return keys
	}
	return append(keys,
		key{"defer", func(n *yaml.Node) { s.Defer = p.names(n, "defer") }},
		key{"history", func(n *yaml.Node) { s.History = p.oneOf(n, "history", "shallow", "deep") }},
		key{"target", func(n *yaml.Node) { s.Target = p.initial(n, "target") }},
		key{"output", func(n *yaml.Node) { s.Output = p.value(n) }},
	)
}

func (p *parser) stateType(n *yaml.Node, root bool) Scalar {
	if root {
		return p.oneOf(n, "a machine's type", "compound", "parallel")
	}
	return p.oneOf(n, "type", "atomic", "compound", "parallel", "final", "history")
}

func (p *parser) state(name Scalar, n *yaml.Node) *State {
	s := &State{Name: name, Pos: name.Pos}
	if !isNull(n) {
		p.object(n, "a state", p.stateKeys(s, false))
	}
	return s
}

// initial reads a target, a list of targets, or {target, actions}.
func (p *parser) initial(n *yaml.Node, what string) *Initial {
	i := &Initial{Pos: p.pos(n)}
	if n.Kind != yaml.MappingNode {
		i.Targets = p.targets(n)
		return i
	}
	p.object(n, what, []key{
		{"target", func(n *yaml.Node) { i.Targets = p.targets(n) }},
		{"actions", func(n *yaml.Node) { i.Actions = p.actions(n) }},
	})
	if lookup(n, "target") == nil {
		p.diags.Add(diag.MissingKey, i.Pos, "%s has no target", what).WithHint("add `target:`")
	}
	return i
}

func (p *parser) targets(n *yaml.Node) []Scalar {
	var out []Scalar
	p.each(n, func(n *yaml.Node) {
		if s := p.name(n); s.IsSet() {
			out = append(out, s)
		}
	})
	return out
}

// transitions reads a target, a mapping, or a list of mappings tried in order.
func (p *parser) transitions(n *yaml.Node, event Scalar) []*Transition {
	switch {
	case isNull(n):
		pos := p.pos(n)
		if event.IsSet() {
			pos = event.Pos
		}
		return []*Transition{{Pos: pos}}
	case n.Kind != yaml.SequenceNode:
		return []*Transition{p.transition(n)}
	}
	var out []*Transition
	for _, c := range n.Content {
		if c.Kind != yaml.MappingNode {
			p.diags.Add(diag.WrongShape, p.pos(c), "each transition of a list must be a mapping, not a %s", kindName(c)).
				WithHint("write `{target: …}`; several targets of one transition are `{target: [a, b]}`")
			continue
		}
		out = append(out, p.transition(c))
	}
	return out
}

func (p *parser) transition(n *yaml.Node) *Transition {
	t := &Transition{Pos: p.pos(n)}
	if n.Kind == yaml.ScalarNode {
		t.Targets = p.targets(n)
		return t
	}
	p.object(n, "a transition", []key{
		{"target", func(n *yaml.Node) { t.Targets = p.targets(n) }},
		{"guard", func(n *yaml.Node) { t.Guard = p.guard(n) }},
		{"actions", func(n *yaml.Node) { t.Actions = p.actions(n) }},
		{"reenter", func(n *yaml.Node) { t.Reenter = p.boolean(n, "reenter") }},
		{"description", func(n *yaml.Node) { t.Description = p.description(n) }},
	})
	return t
}

func (p *parser) after(n *yaml.Node) []*After {
	if isNull(n) || !p.isMap(n, "after") {
		return nil
	}
	var out []*After
	for i := 0; i+1 < len(n.Content); i += 2 {
		delay := p.scalar(n.Content[i], "a delay")
		out = append(out, &After{Delay: delay, Transitions: p.transitions(n.Content[i+1], delay)})
	}
	return out
}

func (p *parser) invoke(n *yaml.Node) *Invoke {
	i := &Invoke{Pos: p.pos(n)}
	ok := p.object(n, "an invocation", []key{
		{"src", func(n *yaml.Node) { i.Src = p.name(n) }},
		{"machine", func(n *yaml.Node) { i.Machine = p.text(n, "machine") }},
		{"id", func(n *yaml.Node) { i.ID = p.name(n) }},
		{"input", func(n *yaml.Node) { i.Input = p.mapValue(n, "input") }},
		{"onDone", func(n *yaml.Node) { i.OnDone = p.transitions(n, Scalar{}) }},
		{"onError", func(n *yaml.Node) { i.OnError = p.transitions(n, Scalar{}) }},
	})
	switch {
	case !ok:
	case i.Src.IsSet() && i.Machine.IsSet():
		p.diags.Add(diag.KeyConflict, i.Machine.Pos, "an invocation has either src or machine, not both").
			WithRelated(i.Src.Pos, "src is here")
	case lookup(n, "src") == nil && lookup(n, "machine") == nil:
		p.diags.Add(diag.MissingKey, i.Pos, "the invocation has neither src nor machine").
			WithHint("add `src: <service>` or `machine: <spec path>`")
	}
	return i
}
