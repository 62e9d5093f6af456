package expr

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"time"

	"github.com/xsgen/xsgen/gen/model"
)

// Node tells an emitter what a part of an expression is.
type Node int

// The kinds of parts.
const (
	Literal    Node = iota // a constant or nil: Text
	Event                  // the event that has arrived
	Failure                // the error that has arrived
	Context                // the context
	Key                    // the key
	Now                    // the time
	Selection              // Field of Args[0]
	EnumValue              // Text of Named
	Constant               // a duration
	Paren                  // (Args[0])
	Deref                  // *Args[0]
	Unary                  // Op Args[0]
	Binary                 // Args[0] Op Args[1]
	Index                  // Args[0][Args[1]]
	Len                    // len(Args[0])
	Before                 // before(Args[0], Args[1])
	Contains               // contains(Args[0], Args[1])
	Conversion             // Kind(Args[0])
)

// Part is a part of an expression, with everything resolved that an emitter asks.
type Part struct {
	Node     Node
	Args     []*Part
	Op       token.Token
	Text     string
	Field    *model.Field
	Name     string // of a field that is in no model: code and message of a failure
	Named    *model.Named
	Duration time.Duration
	Kind     model.Kind // of the result of a conversion, or of a checked operation
	From     model.Kind // of a conversion's operand: an integer, a float or a string
	Checked  bool       // the operation can overflow, or divide by zero
}

// Part resolves the expression for an emitter.
func (e *Expr) Part() *Part { return e.part(e.AST) }

func (e *Expr) part(x ast.Expr) *Part {
	switch x := x.(type) {
	case *ast.BasicLit:
		return &Part{Node: Literal, Text: x.Value}
	case *ast.Ident:
		return e.ident(x)
	case *ast.ParenExpr:
		return &Part{Node: Paren, Args: e.parts(x.X)}
	case *ast.StarExpr:
		return &Part{Node: Deref, Args: e.parts(x.X)}
	case *ast.UnaryExpr:
		return e.operation(&Part{Node: Unary, Op: x.Op, Args: e.parts(x.X)}, x, x.Op == token.SUB)
	case *ast.BinaryExpr:
		return e.operation(&Part{Node: Binary, Op: x.Op, Args: e.parts(x.X, x.Y)}, x, overflows[x.Op])
	case *ast.IndexExpr:
		return &Part{Node: Index, Args: e.parts(x.X, x.Index)}
	case *ast.SelectorExpr:
		return e.selection(x)
	case *ast.CallExpr:
		return e.callPart(x)
	}
	panic("expr: allowed let something through") // a mistake in this package
}

func (e *Expr) parts(list ...ast.Expr) []*Part {
	var out []*Part
	for _, x := range list {
		out = append(out, e.part(x))
	}
	return out
}

var overflows = map[token.Token]bool{
	token.ADD: true, token.SUB: true, token.MUL: true, token.QUO: true, token.REM: true, token.SHL: true, token.SHR: true,
}

// operation completes p, which x is, and which can overflow if its type can.
func (e *Expr) operation(p *Part, x ast.Expr, overflows bool) *Part {
	if p.Checked = overflows && e.runtimeInteger(x); p.Checked {
		p.Kind = e.kind(x)
	}
	return p
}

// runtimeInteger reports whether x is an integer that is computed at run time.
func (e *Expr) runtimeInteger(x ast.Expr) bool {
	return e.info.Types[x].Value == nil && e.isInteger(x)
}

func (e *Expr) ident(x *ast.Ident) *Part {
	switch x.Name {
	case "event":
		if e.info.Types[x].Type == failure {
			return &Part{Node: Failure}
		}
		return &Part{Node: Event}
	case "context":
		return &Part{Node: Context}
	case "key":
		return &Part{Node: Key}
	case "now":
		return &Part{Node: Now}
	}
	return &Part{Node: Literal, Text: x.Name} // true, false, nil
}

func (e *Expr) selection(x *ast.SelectorExpr) *Part {
	if id, ok := ast.Unparen(x.X).(*ast.Ident); ok && e.enumOf(id) != nil {
		return &Part{Node: EnumValue, Named: e.enumOf(id), Text: x.Sel.Name}
	}
	p := &Part{Node: Selection, Args: e.parts(x.X), Name: x.Sel.Name}
	if v, ok := e.info.Selections[x].Obj().(*types.Var); ok {
		p.Field = e.table.fields[v]
	}
	return p
}

// enumOf is the enum that a name stands for, or nil.
func (e *Expr) enumOf(id *ast.Ident) *model.Named {
	v, _ := e.info.Uses[id].(*types.Var)
	return e.table.enums[v]
}

func (e *Expr) callPart(x *ast.CallExpr) *Part {
	switch name := x.Fun.(*ast.Ident).Name; name {
	case parseDuration:
		d, _ := time.ParseDuration(constant.StringVal(e.info.Types[x.Args[0]].Value))
		return &Part{Node: Constant, Duration: d}
	case "len":
		return &Part{Node: Len, Args: e.parts(x.Args...)}
	case "before":
		return &Part{Node: Before, Args: e.parts(x.Args...)}
	case "contains":
		return &Part{Node: Contains, Args: e.parts(x.Args...)}
	}
	return &Part{Node: Conversion, Args: e.parts(x.Args...), Kind: e.kind(x), From: e.kind(x.Args[0]), Checked: e.info.Types[x].Value == nil}
}

// kind is the basic kind of x's type; a constant without a type is an int, a
// float or a string.
func (e *Expr) kind(x ast.Expr) model.Kind {
	t := e.info.Types[x].Type
	if n, ok := t.(*types.Named); ok && n.Obj().Name() == "duration" {
		return model.Duration
	}
	b, ok := t.Underlying().(*types.Basic)
	if !ok {
		return model.Bytes
	}
	for k, t := range basics {
		if t == types.Typ[b.Kind()] {
			return k
		}
	}
	switch {
	case b.Info()&types.IsInteger != 0:
		return model.Int
	case b.Info()&types.IsFloat != 0:
		return model.Float64
	case b.Info()&types.IsBoolean != 0:
		return model.Bool
	}
	return model.String
}
