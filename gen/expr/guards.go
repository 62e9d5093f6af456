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
	core, x, negated := c.core(g)
	switch {
	case x != nil && !negated:
		for _, y := range operands(x, op, nil) {
			cl := c.table.Guards[core].clause(y, op)
			cl.pos = core.Pos
			to = append(to, cl)
		}
	case guardOps[core.Kind] == op && !negated:
		for _, a := range core.Args {
			to = c.clauses(a, op, to)
		}
	default:
		to = append(to, clause{whole: c.guardText(g), pos: core.Pos})
	}
	return to
}

// core is what is left of g without negations and lists of one, and whether it is
// then negated. If it is an expression, that is returned too.
func (c *checker) core(g *model.Guard) (core *model.Guard, x ast.Expr, negated bool) {
	for len(g.Args) == 1 {
		negated = negated != (g.Kind == spec.GuardNot)
		g = g.Args[0]
	}
	if e := c.table.Guards[g]; e != nil {
		x = e.AST
	}
	if u, ok := x.(*ast.UnaryExpr); ok && negated && u.Op == token.NOT {
		return g, u.X, false
	}
	return g, x, negated
}

// guardText is the same text for guards that are the same.
func (c *checker) guardText(g *model.Guard) string {
	g, x, negated := c.core(g)
	text := ""
	switch {
	case x != nil:
		text = c.table.Guards[g].canon(x)
	case len(g.Args) == 0:
		text = fmt.Sprintf("{%d %s}", g.Kind, g.Expr.Value) // no expression is written so
	default:
		var args []string
		for _, a := range g.Args {
			args = append(args, c.guardText(a))
		}
		text = "(" + strings.Join(args, " "+guardOps[g.Kind].String()+" ") + ")"
	}
	if negated {
		text = "!" + text
	}
	return text
}
