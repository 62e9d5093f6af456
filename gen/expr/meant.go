package expr

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

// meant reports what type-checks and nobody means, or what Go's own tools would
// refuse in the generated code. It reports one thing about an expression.
func (c *checker) meant(s spec.Scalar, e *Expr) bool {
	ok := true
	refuse := func(rule *diag.Rule, n ast.Node, format string, args ...any) {
		if ok {
			c.diags.Add(rule, s.At(int(n.Pos())-1, int(n.End()-n.Pos())), format, args...)
		}
		ok = false
	}
	used := map[*ast.Ident]bool{} // where a name may stand that is no value
	ast.Inspect(e.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if id, isName := ast.Unparen(n.X).(*ast.Ident); isName {
				used[id] = true
			}
		case *ast.Ident:
			if !used[n] {
				e.noValue(n, refuse)
			}
		case *ast.BinaryExpr:
			e.comparison(n, refuse)
		case *ast.CallExpr:
			f, isName := n.Fun.(*ast.Ident)
			if isName {
				used[f] = true
			}
			if isName && f.Name == "string" && len(n.Args) == 1 && e.isInteger(n.Args[0]) {
				refuse(diag.Expression, n, "string of a number is a character in Go, not its digits")
			}
		}
		return ok
	})
	ast.Inspect(e.AST, func(n ast.Node) bool {
		e.pointless(n, refuse)
		return ok
	})
	return ok
}

// refusal reports a part of an expression.
type refusal func(rule *diag.Rule, n ast.Node, format string, args ...any)

// noValue reports the names of enums and functions where a value is wanted: an
// enum's values are its fields here, and so its name a variable to Go.
func (e *Expr) noValue(n *ast.Ident, refuse refusal) {
	switch obj := e.info.Uses[n].(type) {
	case *types.Var:
		if enum := e.table.enums[obj]; enum != nil {
			refuse(diag.Expression, n, "%s is a type, not a value: its values are written %[1]s.%s", n.Name, enum.Values[0].Value)
		}
	case *types.Func:
		refuse(diag.Expression, n, "%s is a function: it is called, or left out", n.Name)
	}
}

// comparison reports comparisons that Go would make of addresses.
func (e *Expr) comparison(n *ast.BinaryExpr, refuse refusal) {
	if n.Op != token.EQL && n.Op != token.NEQ {
		return
	}
	switch {
	case e.isPointer(n.X) && e.isPointer(n.Y):
		refuse(diag.Expression, n, "optionals are compared with nil only; read a value with `*`")
	case !e.isPointer(n.X) && !e.isPointer(n.Y) && e.holdsPointer(n.X):
		refuse(diag.Expression, n, "values that hold an optional cannot be compared as a whole; compare their fields")
	}
}

// timesCompared reports times between which an operator stands: Go would tell of the
// struct that a time is.
func (c *checker) timesCompared(s spec.Scalar, e *Expr) (found bool) {
	ast.Inspect(e.AST, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if ok && !found && e.info.Types[b.X].Type == c.time && e.info.Types[b.Y].Type == c.time {
			found = true
			c.diags.Add(diag.Expression, s.At(int(b.Pos())-1, int(b.End()-b.Pos())), "there is no %s between times", b.Op).
				WithHint("before(t, u) compares times")
		}
		return !found
	})
	return found
}

func (e *Expr) isPointer(x ast.Expr) bool {
	t := e.info.Types[x].Type
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// holdsPointer reports whether x is a struct with a pointer somewhere in it.
func (e *Expr) holdsPointer(x ast.Expr) bool {
	seen := map[types.Type]bool{}
	var holds func(types.Type) bool
	holds = func(t types.Type) bool {
		if t == nil || seen[t] {
			return false
		}
		seen[t] = true
		switch u := t.Underlying().(type) {
		case *types.Pointer:
			return true
		case *types.Struct:
			for f := range u.Fields() {
				if holds(f.Type()) {
					return true
				}
			}
		}
		return false
	}
	return holds(e.info.Types[x].Type)
}

func (e *Expr) isInteger(x ast.Expr) bool {
	b, ok := e.info.Types[x].Type.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}
