package golang

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen/diag"
)

// tree is a guard as a spec writes it, and what it means: leaves are the bits of
// a number.
type tree struct {
	yaml  string
	value func(bits int) bool
}

// leaves are guards of every form that is not made of others.
var leaves = []string{"g0", "g1", `"context.b2"`, `"!context.b3"`, `"context.b4 || context.b5"`, `"!(context.b4 && context.b5)"`, `"context.i6 > 0"`, `{in: "#m.a"}`}

func leafValue(n, bits int) bool {
	b := func(i int) bool { return bits>>i&1 == 1 }
	switch n {
	case 3:
		return !b(3)
	case 4:
		return b(4) || b(5)
	case 5:
		return !(b(4) && b(5))
	}
	return b(n)
}

func randomTree(r *rand.Rand, depth int) tree {
	kind := r.IntN(4)
	if depth == 0 || kind == 3 {
		n := r.IntN(len(leaves))
		return tree{leaves[n], func(bits int) bool { return leafValue(n, bits) }}
	}
	if kind == 0 {
		x := randomTree(r, depth-1)
		return tree{"{not: " + x.yaml + "}", func(bits int) bool { return !x.value(bits) }}
	}
	var args []tree
	var texts []string
	for range 1 + r.IntN(3) {
		x := randomTree(r, depth-1)
		args, texts = append(args, x), append(texts, x.yaml)
	}
	all := kind == 1
	return tree{fmt.Sprintf("{%s: [%s]}", map[bool]string{true: "and", false: "or"}[all], strings.Join(texts, ", ")), func(bits int) bool {
		for _, x := range args {
			if x.value(bits) != all {
				return !all
			}
		}
		return all
	}}
}

// TestGuards compares the conditions that random guards become with what the
// guards mean, for every value of their leaves.
func TestGuards(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	trees := []tree{{"{and: [g0, {not: {not: {or: [g1, g0]}}}]}", func(bits int) bool { return leafValue(0, bits) && (leafValue(0, bits) || leafValue(1, bits)) }}}
	for range 400 {
		trees = append(trees, randomTree(r, 5))
	}
	var text strings.Builder
	text.WriteString("version: 1\nmachine: m\ncontext: {b2: bool, b3: bool, b4: bool, b5: bool, i6: int}\nevents: {e: {}}\ninitial: a\nstates:\n  a:\n    on:\n      e:\n")
	for _, x := range trees {
		fmt.Fprintf(&text, "        - {guard: %s}\n        - {guard: %[1]s, actions: [x]}\n", x.yaml)
	}
	got := conditions(t, text.String())
	for i, x := range trees {
		for bits := range 256 {
			want := x.value(bits)
			if value(t, got[2*i], bits) != want || value(t, got[2*i+1], bits) == want {
				t.Fatalf("%s becomes\n%s", x.yaml, types.ExprString(got[2*i]))
			}
		}
	}
}

// conditions are those that the transitions of a machine return, or return for.
func conditions(t *testing.T, text string) []ast.Expr {
	t.Helper()
	m, table := resolve(t, "m.machine.yaml", []byte(text), diag.PointlessExpression)
	files, err := Package(m, table, Config{ImportPath: "example.com/m", Source: "m.machine.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	var out []ast.Expr
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file.Name, file.Data, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			clause, ok := n.(*ast.CaseClause)
			if !ok || file.Name != "dispatch_xsgen.go" {
				return true
			}
			for _, s := range clause.Body {
				switch s := s.(type) {
				case *ast.ReturnStmt:
					if len(s.Results) == 2 {
						out = append(out, s.Results[0])
					}
				case *ast.IfStmt:
					if s.Init == nil {
						out = append(out, s.Cond)
					}
				}
			}
			return false
		})
	}
	return out
}

// value computes a condition.
func value(t *testing.T, x ast.Expr, bits int) bool {
	switch x := x.(type) {
	case *ast.ParenExpr:
		return value(t, x.X, bits)
	case *ast.UnaryExpr:
		return !value(t, x.X, bits)
	case *ast.BinaryExpr:
		switch x.Op {
		case token.LAND:
			return value(t, x.X, bits) && value(t, x.Y, bits)
		case token.LOR:
			return value(t, x.X, bits) || value(t, x.Y, bits)
		}
		return leafValue(6, bits)
	case *ast.CallExpr:
		return value(t, x.Fun, bits)
	case *ast.SelectorExpr:
		if x.Sel.Name == "Active" {
			return leafValue(7, bits)
		}
		return bits>>(x.Sel.Name[1]-'0')&1 == 1
	}
	t.Fatalf("what is %s?", types.ExprString(x))
	return false
}
