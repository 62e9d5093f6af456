package spec

import (
	"regexp"

	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen/diag"
)

// methodName is what a guard's or an action's name looks like.
var methodName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// guard reads a name, an operator or an expression.
func (p *parser) guard(n *yaml.Node) *Guard {
	g := &Guard{Pos: p.pos(n)}
	if n.Kind == yaml.ScalarNode {
		g.Text = p.scalar(n, "a guard")
		if !methodName.MatchString(n.Value) || n.Value == "true" || n.Value == "false" {
			g.Kind = GuardExpr
		}
		return g
	}
	count := 0
	set := func(k GuardKind, read func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) {
			count++
			g.Kind = k
			read(n)
		}
	}
	operands := func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
			p.diags.Add(diag.WrongShape, p.pos(n), "and, or take a list of guards with at least one in it")
			return
		}
		for _, c := range n.Content {
			g.Args = append(g.Args, p.guard(c))
		}
	}
	ok := p.object(n, "a guard", []key{
		{"not", set(GuardNot, func(n *yaml.Node) { g.Args = []*Guard{p.guard(n)} })},
		{"and", set(GuardAnd, operands)},
		{"or", set(GuardOr, operands)},
		{"in", set(GuardIn, func(n *yaml.Node) { g.Text = p.name(n) })},
	})
	if ok && count != 1 {
		p.diags.Add(diag.KeyConflict, g.Pos, "a guard has exactly one of not, and, or, in").
			WithHint("nest them: `{and: [{not: a}, b]}`")
	}
	return g
}

// actions reads one action or a list of them.
func (p *parser) actions(n *yaml.Node) []*Action {
	var out []*Action
	p.each(n, func(n *yaml.Node) {
		if a := p.action(n); a != nil {
			out = append(out, a)
		}
	})
	return out
}

func (p *parser) action(n *yaml.Node) *Action {
	a := &Action{Pos: p.pos(n)}
	if n.Kind == yaml.ScalarNode {
		a.Name = p.name(n)
		if a.Name.IsSet() && !methodName.MatchString(a.Name.Value) {
			p.diags.Add(diag.BadName, a.Pos, "%s cannot be the name of an action", quote(a.Name.Value)).
				WithHint("a name is a letter followed by letters, digits, `_` and `-`; to compute something write `{assign: {field: expression}}`")
		}
		return a
	}
	verbs := 0
	verb := func(k ActionKind, read func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) {
			verbs++
			a.Kind = k
			read(n)
		}
	}
	event := func(n *yaml.Node) { a.Name = p.name(n) }
	ok := p.object(n, "an action", []key{
		{"assign", verb(ActionAssign, func(n *yaml.Node) { a.With = p.mapValue(n, "assign") })},
		{"raise", verb(ActionRaise, event)},
		{"emit", verb(ActionEmit, event)},
		{"send", verb(ActionSend, event)},
		{"cancel", verb(ActionCancel, event)},
		{"reply", verb(ActionReply, func(n *yaml.Node) { a.With = p.mapValue(n, "reply") })},
		{"log", verb(ActionLog, func(n *yaml.Node) { a.With = p.value(n) })},
		{"with", func(*yaml.Node) {}},
		{"to", func(*yaml.Node) {}},
		{"after", func(*yaml.Node) {}},
		{"id", func(*yaml.Node) {}},
	})
	if !ok {
		return nil
	}
	if verbs != 1 {
		p.diags.Add(diag.KeyConflict, a.Pos, "an action has exactly one of assign, raise, emit, send, cancel, reply, log").
			WithHint("write several actions as a list: `[{assign: …}, {raise: …}]`")
		return nil
	}
	p.companions(n, a)
	return a
}

// companions reads what stands beside an action's verb, and reports what
// cannot stand there.
func (p *parser) companions(n *yaml.Node, a *Action) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch name := k.Value; {
		case name == "with" && (a.Kind == ActionRaise || a.Kind == ActionEmit || a.Kind == ActionSend):
			a.With = p.mapValue(v, "with")
		case name == "to" && a.Kind == ActionSend:
			a.To = p.name(v)
		case name == "after" && a.Kind == ActionSend:
			a.After = p.scalar(v, "after")
		case name == "id" && a.Kind == ActionSend:
			a.ID = p.name(v)
		case name == "with" || name == "to" || name == "after" || name == "id":
			p.diags.Add(diag.KeyConflict, p.pos(k), "%s does not belong to this action", quote(name)).
				WithHint("`with` goes with raise, emit and send; `to`, `after` and `id` with send")
		}
	}
}
