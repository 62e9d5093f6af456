package expr

import (
	"go/ast"
	"go/types"
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// Routes holds the expressions of a topology by the way that they belong to: those of
// a link may be typed differently for each event that it takes.
type Routes map[*model.Route]*Mapping

// Mapping is the expressions of one event's way along a link. What its event has is
// always read through `event`: bare names are made selections of it.
type Mapping struct {
	Where  *Expr // nil if there is none
	Key    *Expr // nil if there is none
	Values map[*spec.Value]*Mapped
}

// Mapped is an expression that sets something of the receiver.
type Mapped struct {
	*Expr
	// Type is the expression's own type, of the source's machine or of the receiver's;
	// what it sets is of a type that it can be assigned to, once Lift is done.
	Type *model.Type
}

// CheckTopology types every expression of a topology. What is wrong is added to l.
func CheckTopology(t *model.Topology, l *diag.List) Routes {
	out := Routes{}
	known := map[[2]*model.Machine]*checker{}
	for _, link := range t.Links {
		for _, r := range link.Routes {
			if link.FromMachine == nil {
				continue
			}
			ends := [2]*model.Machine{link.FromMachine.Machine, nil}
			if link.ToMachine != nil {
				ends[1] = link.ToMachine.Machine
			}
			if known[ends] == nil {
				known[ends] = between(ends[0], ends[1], l)
			}
			out[r] = known[ends].mapping(r)
		}
	}
	return out
}

// between is a checker of what passes from one machine to another, which may be nil.
func between(from, to *model.Machine, l *diag.List) *checker {
	c := &checker{m: from, diags: l, named: map[*model.Named]types.Type{}, table: &Table{
		Reads: map[*model.Field]bool{}, fields: map[*types.Var]*model.Field{}, enums: map[*types.Var]*model.Named{},
	}}
	c.builtin()
	c.types = from.Types
	if to != nil && to != from {
		c.types = slices.Concat(from.Types, to.Types)
	}
	c.declare()
	return c
}

func (c *checker) mapping(r *model.Route) *Mapping {
	sc := c.routeScope(r)
	m := &Mapping{Values: map[*spec.Value]*Mapped{}}
	if r.Where != nil {
		m.Where = c.expression(r.Where.Scalar, types.Typ[types.Bool], false, sc)
	}
	if r.Key != nil {
		m.Key = c.expression(r.Key.Scalar, types.Typ[types.String], false, sc)
	}
	for _, s := range r.Sets {
		if s.Value != nil {
			c.mapValue(m, s.Value, s.Field.Type, sc)
		}
	}
	return m
}

// routeScope is what the expressions of a route can name.
func (c *checker) routeScope(r *model.Route) *scope {
	sc := c.base(newNamed("event", c.structOf(r.Fields)), "")
	sc.reach = "the source's fields, event, key and now"
	sc.bare = map[string]bool{}
	for _, f := range r.Fields {
		sc.bare[goname.Expr(f.Name.Value)] = true
	}
	for _, name := range []string{"event", "key", "now", "true", "false", "nil"} {
		delete(sc.bare, name)
	}
	return sc
}

// qualified is e with bare names of the event's fields as selections of it. A name
// that is an enum's, too, is the enum where one of its values follows.
func (c *checker) qualified(e ast.Expr, sc *scope) ast.Expr {
	switch x := e.(type) {
	case *ast.Ident:
		if sc.bare[x.Name] {
			return &ast.SelectorExpr{X: &ast.Ident{NamePos: x.NamePos, Name: "event"}, Sel: x}
		}
	case *ast.ParenExpr:
		x.X = c.qualified(x.X, sc)
	case *ast.StarExpr:
		x.X = c.qualified(x.X, sc)
	case *ast.UnaryExpr:
		x.X = c.qualified(x.X, sc)
	case *ast.BinaryExpr:
		x.X, x.Y = c.qualified(x.X, sc), c.qualified(x.Y, sc)
	case *ast.IndexExpr:
		x.X, x.Index = c.qualified(x.X, sc), c.qualified(x.Index, sc)
	case *ast.CallExpr:
		for i := range x.Args {
			x.Args[i] = c.qualified(x.Args[i], sc)
		}
	case *ast.SelectorExpr:
		if id, ok := x.X.(*ast.Ident); !ok || !c.enumValue(id.Name, x.Sel.Name) {
			x.X = c.qualified(x.X, sc)
		}
	}
	return e
}

// enumValue reports whether an enum of the given name has a value.
func (c *checker) enumValue(name, value string) bool {
	return slices.ContainsFunc(c.types, func(n *model.Named) bool {
		return n.Enum && goname.Expr(n.Name.Value) == name &&
			slices.ContainsFunc(n.Values, func(v spec.Scalar) bool { return goname.Expr(v.Value) == value })
	})
}

// mapValue checks a value that sets something of type t of the receiver.
func (c *checker) mapValue(m *Mapping, v *spec.Value, t *model.Type, sc *scope) {
	switch {
	case t.Kind == model.Invalid:
	case v.Kind == spec.ScalarValue:
		if e := c.mapped(v.Scalar, t, sc); e != nil {
			m.Values[v] = e
		}
	case v.Kind == spec.ListValue && t.Kind == model.Slice:
		for _, i := range v.Items {
			c.mapValue(m, i, t.Elem, sc)
		}
	case v.Kind == spec.MapValue && t.Kind == model.Map:
		for _, e := range v.Entries {
			c.mapValue(m, e.Value, t.Elem, sc)
		}
	case v.Kind == spec.MapValue && t.Kind == model.Struct:
		for _, e := range v.Entries {
			if f := model.FieldNamed(t.Named.Fields, e.Key.Value); f != nil {
				c.mapValue(m, e.Value, f.Type, sc)
			} else {
				model.UnknownField(c.diags, e.Key, t.Named.Fields, t.Named.Name.Value)
			}
		}
		model.MissingFields(c.diags, v, t.Named.Fields, t.Named.Name.Value, v.Pos)
	default:
		c.cannotBuild(v, t)
	}
}

// mapped checks an expression that sets something of type t. Where no declared type
// is involved it is Go's affair; else the types of the two machines are compared.
func (c *checker) mapped(s spec.Scalar, t *model.Type, sc *scope) *Mapped {
	plain := *t
	plain.Optional = false
	if !declared(t) || t.Optional && (s.Value == "nil" || s.Tag == "!!null") {
		e := c.expression(s, c.typ(&plain), t.Optional, sc)
		switch {
		case e == nil:
			return nil
		case e.Lift:
			return &Mapped{e, &plain}
		}
		return &Mapped{e, t}
	}
	e := c.expression(s, nil, false, sc)
	if e == nil {
		return nil
	}
	got := c.modelType(e.info.Types[e.AST].Type)
	e.Lift = t.Optional && !got.Optional
	if !model.Assignable(got, t) && !(e.Lift && model.Assignable(got, &plain)) {
		d := c.diags.Add(diag.Expression, s.Pos, "cannot use %s (of type %s at its source) as the receiver's %s", s.Value, got, t)
		if t.Kind == model.Enum {
			d.WithHint("a value is written %s.%s; an enum fits if the receiver's has all of its values", t.Named.Name.Value, t.Named.Values[0].Value)
		} else {
			d.WithHint("a struct fits if it has the same fields; else build it: `{field: expression}`")
		}
		return nil
	}
	return &Mapped{e, got}
}

// declared reports whether a declared type is part of t.
func declared(t *model.Type) bool {
	return t.Named != nil || t.Elem != nil && declared(t.Elem)
}

// modelType is the type of the specs that a Go type was made of.
func (c *checker) modelType(t types.Type) *model.Type {
	switch t := t.(type) {
	case *types.Pointer:
		out := *c.modelType(t.Elem())
		out.Optional = true
		return &out
	case *types.Slice:
		if t.Elem() == types.Universe.Lookup("byte").Type() {
			return &model.Type{Kind: model.Bytes}
		}
		return &model.Type{Kind: model.Slice, Elem: c.modelType(t.Elem())}
	case *types.Map:
		return &model.Type{Kind: model.Map, Elem: c.modelType(t.Elem())}
	case *types.Basic:
		for k, b := range basics {
			if types.Identical(types.Default(t), b) {
				return &model.Type{Kind: k}
			}
		}
	case *types.Named:
		return c.namedType(t)
	}
	return &model.Type{}
}

func (c *checker) namedType(t *types.Named) *model.Type {
	switch {
	case t == c.duration:
		return &model.Type{Kind: model.Duration}
	case t == c.time:
		return &model.Type{Kind: model.Time}
	}
	for _, n := range c.types {
		if c.named[n] == t {
			return &model.Type{Kind: map[bool]model.Kind{true: model.Enum, false: model.Struct}[n.Enum], Named: n}
		}
	}
	return &model.Type{}
}
