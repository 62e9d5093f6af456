// Package expr types the expressions of machines and topologies. They are Go expressions over
// the spec's own types: go/parser parses them and go/types checks them in a scope
// that the spec makes. What the emitter needs is kept beside the model; nothing
// is emitted here.
package expr

import (
	"go/ast"
	"go/types"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// Expr is a typed expression.
type Expr struct {
	Pos  source.Pos
	Text string
	AST  ast.Expr
	Lift bool // a T that is stored in a T?

	table *Table
	info  *types.Info
}

// Table holds the expressions of a machine by what they belong to.
type Table struct {
	Guards map[*model.Guard]*Expr
	Delays map[*model.Delay]*Expr
	Values map[*spec.Value]*Expr

	// Reads are the context's fields that some expression reads.
	Reads map[*model.Field]bool

	fields map[*types.Var]*model.Field
	enums  map[*types.Var]*model.Named // the variables that enums' values are selected from
}

// Check types every expression of m. What is wrong is added to l.
func Check(m *model.Machine, l *diag.List) *Table {
	c := &checker{m: m, diags: l, named: map[*model.Named]types.Type{}, table: &Table{
		Guards: map[*model.Guard]*Expr{}, Delays: map[*model.Delay]*Expr{}, Values: map[*spec.Value]*Expr{},
		Reads: map[*model.Field]bool{}, fields: map[*types.Var]*model.Field{}, enums: map[*types.Var]*model.Named{},
	}}
	c.universe()
	for _, s := range m.States {
		c.state(s)
	}
	for _, t := range m.Transitions {
		c.transition(t)
	}
	return c.table
}

func (c *checker) state(s *model.State) {
	c.actions(s.Entry, c.plain)
	c.actions(s.Exit, c.plain)
	if s.Initial != nil {
		c.actions(s.Initial.Actions, c.plain)
	}
	for _, d := range s.After {
		c.delay(d, c.plain)
	}
	for _, i := range s.Invokes {
		c.input(i)
	}
	if s.Output != nil {
		c.build(s.Output, c.m.Output, "the output", s.Output.Pos, c.plain, true)
	}
}

func (c *checker) input(i *model.Invoke) {
	if i.Service != nil {
		c.build(i.Input, i.Service.Input, "the input", i.Pos, c.plain, true)
	}
}

func (c *checker) transition(t *model.Transition) {
	sc := c.scopeOf(t)
	if sc == nil {
		return
	}
	if t.Guard != nil {
		c.guard(t.Guard, sc)
	}
	c.actions(t.Actions, sc)
}

func (c *checker) delay(d *model.Delay, sc *scope) {
	if d.Constant == 0 && !d.Broken {
		c.table.Delays[d] = c.expression(d.Text, c.duration, false, sc)
	}
}

func (c *checker) actions(list []*model.Action, sc *scope) {
	for _, a := range list {
		c.action(a, sc)
	}
}

func (c *checker) action(a *model.Action, sc *scope) {
	switch a.Kind {
	case spec.ActionAssign:
		c.build(a.With, a.Fields, "the context", a.Pos, sc, false)
	case spec.ActionLog:
		if a.With != nil {
			c.logged(a.With, sc)
		}
	case spec.ActionRaise, spec.ActionEmit, spec.ActionSend:
		if a.Event != nil {
			c.build(a.With, a.Event.Fields, "the event "+a.Event.Name.Value, a.Pos, sc, true)
		}
	case spec.ActionReply:
		c.build(a.With, a.Fields, "the reply", a.Pos, sc, true)
	}
	if a.After != nil {
		c.delay(a.After, sc)
	}
}

// logged checks a value of any type.
func (c *checker) logged(v *spec.Value, sc *scope) {
	switch v.Kind {
	case spec.ScalarValue:
		c.table.Values[v] = c.expression(v.Scalar, nil, false, sc)
	default:
		c.diags.Add(diag.Expression, v.Pos, "log takes one expression").WithHint("join texts with `+`")
	}
}
