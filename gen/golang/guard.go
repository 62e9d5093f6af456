package golang

import (
	"go/token"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// condition is a Go condition together with whether its outermost operator is a
// binary one: where it stands beside another operator it needs parentheses then,
// whatever the guard looked like that it was made of.
type condition struct {
	code   *jen.Statement
	binary bool
}

func (c condition) operand() *jen.Statement {
	if c.binary {
		return jen.Parens(c.code)
	}
	return c.code
}

// guard is a guard as a Go condition.
func (g *generator) guard(x *model.Guard) *jen.Statement { return g.condition(x, false).code }

// negated is the opposite of a guard.
func (g *generator) negated(x *model.Guard) *jen.Statement { return g.condition(x, true).code }

func (g *generator) condition(x *model.Guard, negate bool) condition {
	switch {
	case x.Kind == spec.GuardNot:
		return g.condition(x.Args[0], !negate)
	case x.Kind == spec.GuardExpr:
		return g.exprCondition(g.table.Guards[x].Part(), negate)
	case len(x.Args) == 1:
		return g.condition(x.Args[0], negate)
	}
	return not(g.plainCondition(x), negate)
}

// plainCondition is a guard that is neither a negation nor an expression.
func (g *generator) plainCondition(x *model.Guard) condition {
	switch x.Kind {
	case spec.GuardName:
		args := append([]jen.Code{jen.Op("&").Id("p").Dot("context")}, g.arrivalArg(x.Method.Arrival)...)
		return condition{code: jen.Id("p").Dot("guards").Dot(goname.Exported(x.Method.Name.Value)).Call(args...)}
	case spec.GuardIn:
		return condition{code: jen.Id("p").Dot("core").Dot("Active").Call(jen.Id(stateIdent(x.State)))}
	}
	op := "&&"
	if x.Kind == spec.GuardOr {
		op = "||"
	}
	s := &jen.Statement{}
	for i, a := range x.Args {
		if i > 0 {
			s.Op(op)
		}
		s.Add(g.condition(a, false).operand())
	}
	return condition{s, true}
}

// exprCondition drops negations in pairs: vet and staticcheck complain of them.
func (g *generator) exprCondition(p *expr.Part, negate bool) condition {
	for negate && p.Node == expr.Unary && p.Op == token.NOT {
		p, negate = p.Args[0], false
	}
	return not(condition{g.phrasing().part(p), p.Node == expr.Binary && !p.Checked}, negate)
}

func not(c condition, negate bool) condition {
	if !negate {
		return c
	}
	return condition{code: jen.Op("!").Add(c.operand())}
}
