package expr

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
)

// sameTwice are the operators that have a foregone result, or none at all, between
// two equal operands.
var sameTwice = map[token.Token]bool{
	token.EQL: true, token.NEQ: true, token.LSS: true, token.LEQ: true, token.GTR: true, token.GEQ: true, token.SUB: true,
	token.QUO: true, token.REM: true, token.AND: true, token.OR: true, token.XOR: true, token.AND_NOT: true,
}

// pointless reports operations whose operands are the same, and alternatives that
// are all true or all false together: mistakes, which vet and staticcheck would
// find in the generated code.
func (e *Expr) pointless(n ast.Node, refuse refusal) {
	switch n := n.(type) {
	case *ast.UnaryExpr:
		if x, twice := ast.Unparen(n.X).(*ast.UnaryExpr); twice && n.Op == token.NOT && x.Op == token.NOT {
			refuse(diag.PointlessExpression, n, "a negation of a negation changes nothing")
		}
	case *ast.BinaryExpr:
		e.pointlessBinary(n, refuse)
	}
}

func (e *Expr) pointlessBinary(n *ast.BinaryExpr, refuse refusal) {
	switch {
	case n.Op == token.LAND || n.Op == token.LOR:
		e.pointlessChain(n, refuse)
	case overflows[n.Op] && e.runtimeInteger(n): // a call in Go, and fine
	case sameTwice[n.Op] && e.canon(n.X) == e.canon(n.Y) && !e.notANumber(n) && !e.constants(n):
		refuse(diag.PointlessExpression, n, "both sides of %s are the same", n.Op)
	}
}

// notANumber reports whether n is how one asks for a float that is none.
func (e *Expr) notANumber(n *ast.BinaryExpr) bool {
	b, ok := e.info.Types[n.X].Type.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsFloat != 0 && (n.Op == token.EQL || n.Op == token.NEQ)
}

// constants reports whether n computes with literals, which may well be equal.
func (e *Expr) constants(n *ast.BinaryExpr) bool {
	return e.info.Types[n.X].Value != nil && types.ExprString(n.X) != types.ExprString(n.Y) || isLiteral(n.X) && isLiteral(n.Y)
}

func isLiteral(x ast.Expr) bool {
	_, ok := ast.Unparen(x).(*ast.BasicLit)
	return ok
}

// pointlessChain looks at all operands of a chain of one operator.
func (e *Expr) pointlessChain(n *ast.BinaryExpr, refuse refusal) {
	var list []clause
	for _, x := range operands(n, n.Op, nil) {
		list = append(list, e.clause(x, n.Op))
	}
	if i, why := pointlessClause(list, n.Op); why != "" {
		refuse(diag.PointlessExpression, list[i].expr, "%s", why)
	}
}

// clause is an operand of && or ||, of an expression or of a guard.
type clause struct {
	whole      string // as canon writes it
	what, with string // of a comparison with a constant
	expr       ast.Expr
	pos        source.Pos
}

// clause is x as an operand of op.
func (e *Expr) clause(x ast.Expr, op token.Token) clause {
	c := clause{whole: e.canon(x), expr: x}
	c.what, c.with = e.withConstant(x, map[token.Token]token.Token{token.LOR: token.NEQ, token.LAND: token.EQL}[op])
	return c
}

// pointlessClause finds the first operand that repeats an earlier one, or settles
// together with it what the result is, and says so.
func pointlessClause(list []clause, op token.Token) (int, string) {
	seen, compared := map[string]bool{}, map[string]string{}
	for i, c := range list {
		if seen[c.whole] {
			return i, "the condition is written twice"
		}
		seen[c.whole] = true
		if c.what == "" {
			continue
		}
		if first, again := compared[c.what]; again && first != c.with {
			return i, fmt.Sprintf("the condition is always %t: %s cannot be two things at once", op == token.LOR, c.what)
		}
		compared[c.what] = c.with
	}
	return 0, ""
}

func operands(x ast.Expr, op token.Token, to []ast.Expr) []ast.Expr {
	if b, ok := ast.Unparen(x).(*ast.BinaryExpr); ok && b.Op == op {
		return operands(b.Y, op, operands(b.X, op, to))
	}
	return append(to, x)
}

// withConstant takes a comparison of something with a constant apart.
func (e *Expr) withConstant(x ast.Expr, op token.Token) (what, with string) {
	b, isBinary := ast.Unparen(x).(*ast.BinaryExpr)
	switch {
	case !isBinary || b.Op != op:
	case e.isConstant(b.Y):
		return e.canon(b.X), e.canon(b.Y)
	case e.isConstant(b.X):
		return e.canon(b.Y), e.canon(b.X)
	}
	return "", ""
}

// isConstant reports whether x is a constant in Go: values of enums and durations
// are, too.
func (e *Expr) isConstant(x ast.Expr) bool {
	x = ast.Unparen(x)
	if e.info.Types[x].Value != nil {
		return true
	}
	switch x := x.(type) {
	case *ast.CallExpr:
		return x.Fun.(*ast.Ident).Name == parseDuration
	case *ast.SelectorExpr:
		id, ok := ast.Unparen(x.X).(*ast.Ident)
		return ok && e.enumOf(id) != nil
	}
	return false
}

// canon is the same text for expressions that are the same but for parentheses
// and the spelling of constants.
func (e *Expr) canon(x ast.Expr) string {
	x = ast.Unparen(x)
	if v := e.info.Types[x].Value; v != nil {
		return v.ExactString()
	}
	switch x := x.(type) {
	case *ast.SelectorExpr:
		return e.canon(x.X) + "." + x.Sel.Name
	case *ast.IndexExpr:
		return e.canon(x.X) + "[" + e.canon(x.Index) + "]"
	case *ast.StarExpr:
		return "*" + e.canon(x.X)
	case *ast.UnaryExpr:
		return x.Op.String() + e.canon(x.X)
	case *ast.BinaryExpr:
		return "(" + e.canon(x.X) + " " + x.Op.String() + " " + e.canon(x.Y) + ")"
	case *ast.CallExpr:
		return e.canonCall(x)
	}
	return types.ExprString(x)
}

func (e *Expr) canonCall(x *ast.CallExpr) string {
	name := x.Fun.(*ast.Ident).Name
	if name == parseDuration {
		d, _ := time.ParseDuration(constant.StringVal(e.info.Types[x.Args[0]].Value))
		return d.String()
	}
	var args []string
	for _, a := range x.Args {
		args = append(args, e.canon(a))
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}
