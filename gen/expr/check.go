package expr

import (
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"strings"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

// maxLength bounds an expression, and with it the depth of its tree.
const maxLength = 1000

// expression checks one expression. It must be assignable to want, or, where
// optional is set, be a pointer to it, nil, or a value that a pointer can be made
// of; want may be nil for any type at all. It returns nil if something is wrong.
func (c *checker) expression(s spec.Scalar, want types.Type, optional bool, sc *scope) *Expr {
	text := s.Value
	if s.Tag == "!!null" {
		text = "nil"
	}
	if len(text) > maxLength {
		c.diags.Add(diag.Expression, s.Pos, "the expression has %d characters, more than %d", len(text), maxLength)
		return nil
	}
	tree, err := parser.ParseExprFrom(token.NewFileSet(), "", text, 0)
	if err != nil {
		c.syntax(s, err)
		return nil
	}
	e := &Expr{Pos: s.Pos, Text: text, AST: tree, table: c.table}
	if !c.allowed(s, tree, sc) {
		return nil
	}
	if sc.bare != nil {
		e.AST = c.qualified(tree, sc)
	}
	if optional {
		if e.check(sc, types.NewPointer(want)) == nil {
			c.reads(e)
			return e
		}
		e.Lift = true
	}
	if err := e.check(sc, want); err != nil {
		if !c.timesCompared(s, e) {
			c.mismatch(s, err, sc)
		}
		return nil
	}
	if !c.meant(s, e) {
		return nil
	}
	c.reads(e)
	return e
}

// syntax reports the parser's first error.
func (c *checker) syntax(s spec.Scalar, err error) {
	pos, msg := s.Pos, err.Error()
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		msg = strings.ReplaceAll(list[0].Msg, "'EOF'", "its end")
		// What ends too early is marked at its last character.
		if end := len(strings.TrimRight(s.Value, " \t\n")); end > 0 {
			pos = s.At(min(list[0].Pos.Offset, end-1), 1)
		}
	}
	d := c.diags.Add(diag.Expression, pos, "not an expression: %s", msg)
	if _, err := time.ParseDuration(s.Value); err == nil {
		d.WithHint("a duration is written duration(%q)", s.Value)
	}
}

// want is the name of the function through which an expression is given its type:
// a name that no expression can spell.
const wantName = "wanted type"

// check type-checks e, as an argument of a parameter of type want.
func (e *Expr) check(sc *scope, want types.Type) error {
	e.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	tree := e.AST
	pkg := sc.pkg
	if want != nil {
		pkg = types.NewPackage("spec", "spec")
		for _, n := range sc.pkg.Scope().Names() {
			pkg.Scope().Insert(sc.pkg.Scope().Lookup(n))
		}
		param := types.NewTuple(types.NewParam(token.NoPos, pkg, "", want))
		pkg.Scope().Insert(types.NewFunc(token.NoPos, pkg, wantName, types.NewSignatureType(nil, nil, nil, param, nil, false)))
		tree = &ast.CallExpr{Fun: &ast.Ident{Name: wantName, NamePos: e.AST.Pos()}, Args: []ast.Expr{e.AST}, Lparen: e.AST.Pos(), Rparen: e.AST.End()}
	}
	err := types.CheckExpr(token.NewFileSet(), pkg, token.NoPos, tree, e.info)
	if err == nil && want == nil && e.info.Types[e.AST].IsNil() {
		return types.Error{Pos: e.AST.Pos(), Msg: "nil has no type here"}
	}
	return err
}

// mismatch reports the type checker's error in the spec's words.
func (c *checker) mismatch(s spec.Scalar, err error, sc *scope) {
	var te types.Error
	if !errors.As(err, &te) {
		c.diags.Add(diag.Expression, s.Pos, "%v", err)
		return
	}
	msg := te.Msg
	if i := strings.Index(msg, " in argument to "+wantName); i >= 0 {
		msg = msg[:i] + msg[i+len(" in argument to "+wantName):]
	}
	msg = strings.NewReplacer("untyped int constant", "constant", "untyped float constant", "constant", "untyped string constant", "constant",
		"spec.", "", parseDuration, "duration").Replace(msg)
	off := max(int(te.Pos)-1, 0)
	pos := s.Pos
	if off < len(s.Value) {
		pos = s.At(off, wordAt(s.Value[off:]))
	}
	d := c.diags.Add(diag.Expression, pos, "%s", msg)
	if name, ok := strings.CutPrefix(msg, "undefined: "); ok {
		d.WithHint("a string is written in two kinds of quotes: '\"%s\"'; the names in reach are %s", name, sc.reach)
	}
}

// wordAt is the length of the identifier, or else the one character, at the start of s.
func wordAt(s string) int {
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] == '.' || '0' <= s[n] && s[n] <= '9' || 'a' <= s[n]|0x20 && s[n]|0x20 <= 'z') {
		n++
	}
	return max(n, 1)
}

// basicTypes are the types that can be converted to.
var basicTypes = map[string]bool{
	"string": true, "bool": true, "int": true, "int8": true, "int16": true, "int32": true, "int64": true, "uint": true, "uint8": true,
	"uint16": true, "uint32": true, "uint64": true, "float32": true, "float64": true, "duration": true, "byte": true,
}

// allowed reports whether e has only what expressions may have, and reports what
// it has besides.
func (c *checker) allowed(s spec.Scalar, e ast.Expr, sc *scope) bool {
	ok := true
	refuse := func(n ast.Node, format string, args ...any) {
		if ok {
			off := int(n.Pos()) - 1
			c.diags.Add(diag.Expression, s.At(off, int(n.End()-n.Pos())), format, args...)
		}
		ok = false
	}
	selected := map[*ast.Ident]bool{} // the names of fields
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			selected[n.Sel] = true
		case nil, *ast.ParenExpr, *ast.IndexExpr, *ast.StarExpr, *ast.BinaryExpr:
		case *ast.BasicLit:
			if n.Kind == token.IMAG {
				refuse(n, "complex numbers are not allowed in expressions")
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND || n.Op == token.ARROW || n.Op == token.TILDE {
				refuse(n, "the operator %s is not allowed in expressions", n.Op)
			}
		case *ast.Ident:
			switch {
			case selected[n]:
			case n.Name == "event" && sc.noEvent != "":
				refuse(n, "%s", sc.noEvent)
			case n.Name == "iota":
				refuse(n, "iota is not allowed in expressions")
			}
		case *ast.CallExpr:
			c.call(n, refuse)
		default:
			refuse(n, "expressions have operators, selectors, indexing, literals, conversions and len, duration, before, contains; nothing else")
		}
		return ok
	})
	return ok
}

func (c *checker) call(n *ast.CallExpr, refuse func(ast.Node, string, ...any)) {
	f, isName := n.Fun.(*ast.Ident)
	switch {
	case !isName:
		refuse(n.Fun, "only functions by name can be called: len, duration, before, contains and conversions")
	case n.Ellipsis.IsValid():
		refuse(n, "`...` is not allowed in expressions")
	case f.Name == "duration" && len(n.Args) == 1:
		lit, isLit := n.Args[0].(*ast.BasicLit)
		if !isLit || lit.Kind != token.STRING {
			return
		}
		f.Name = parseDuration
		text := constant.StringVal(constant.MakeFromLiteral(lit.Value, token.STRING, 0))
		if _, err := time.ParseDuration(text); err != nil {
			refuse(lit, "%q is not a duration: units are ns, us, ms, s, m and h", text)
		}
	case f.Name == "len" || f.Name == "before" || f.Name == "contains" || basicTypes[f.Name]:
	default:
		refuse(f, "%s cannot be called: there are len, duration, before, contains and conversions to basic types", f.Name)
	}
}

// reads notes the fields that e reads.
func (c *checker) reads(e *Expr) {
	for _, sel := range e.info.Selections {
		if v, ok := sel.Obj().(*types.Var); ok {
			if f := c.table.fields[v]; f != nil {
				c.table.Reads[f] = true
			}
		}
	}
}
