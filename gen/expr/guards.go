package expr

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// guard checks the expressions of a guard, and then what they are joined to.
func (c *checker) guard(g *model.Guard, sc *scope) {
	before := c.diags.Errors()
	c.guardExpressions(g, sc)
	if c.diags.Errors() == before {
		c.guardChains(g)
	}
}

func (c *checker) guardExpressions(g *model.Guard, sc *scope) {
	if g.Kind == spec.GuardExpr {
		c.table.Guards[g] = c.expression(g.Expr, types.Typ[types.Bool], false, sc)
	}
	for _, a := range g.Args {
		c.guardExpressions(a, sc)
	}
}

var guardOps = map[spec.GuardKind]token.Token{spec.GuardAnd: token.LAND, spec.GuardOr: token.LOR}

// guardChains reports what is pointless within and and or, as it is within
// expressions: they become operators, too.
func (c *checker) guardChains(g *model.Guard) {
	if op, chain := guardOps[g.Kind]; chain {
		list := c.clauses(g, op, nil)
		if i, why := pointlessClause(list, op); why != "" {
			c.diags.Add(diag.PointlessExpression, list[i].pos, "%s", why)
			return
		}
	}
	for _, a := range g.Args {
		c.guardChains(a)
	}
}

// clauses are the operands of a chain, those of nested chains of the same
// operator included.
func (c *checker) clauses(g *model.Guard, op token.Token, to []clause) []clause {
	g, x := c.simple(g)
	switch {
	case x != nil:
		for _, y := range operands(x, op, nil) {
			cl := c.table.Guards[g].clause(y, op)
			cl.pos = g.Pos
			to = append(to, cl)
		}
	case guardOps[g.Kind] == op:
		for _, a := range g.Args {
			to = c.clauses(a, op, to)
		}
	default:
		to = append(to, clause{whole: c.guardText(g), pos: g.Pos})
	}
	return to
}

// simple is g without what changes nothing: pairs of negations, and lists of one.
// If it is an expression then, that is returned too.
func (c *checker) simple(g *model.Guard) (*model.Guard, ast.Expr) {
	for len(g.Args) == 1 && guardOps[g.Kind] != 0 {
		g = g.Args[0]
	}
	if g.Kind == spec.GuardExpr && c.table.Guards[g] != nil {
		return g, c.table.Guards[g].AST
	}
	if g.Kind != spec.GuardNot {
		return g, nil
	}
	inner, x := c.simple(g.Args[0])
	if inner.Kind == spec.GuardNot {
		return c.simple(inner.Args[0])
	}
	if u, ok := x.(*ast.UnaryExpr); ok {
		return inner, u.X
	}
	return g, nil
}

// guardText is the same text for guards that are the same.
func (c *checker) guardText(g *model.Guard) string {
	g, x := c.simple(g)
	switch {
	case x != nil:
		return c.table.Guards[g].canon(x)
	case g.Kind == spec.GuardNot:
		return "!" + c.guardText(g.Args[0])
	case len(g.Args) == 0:
		return fmt.Sprintf("{%d %s}", g.Kind, g.Expr.Value) // no expression is written so
	}
	var args []string
	for _, a := range g.Args {
		args = append(args, c.guardText(a))
	}
	return "(" + strings.Join(args, " "+guardOps[g.Kind].String()+" ") + ")"
}
