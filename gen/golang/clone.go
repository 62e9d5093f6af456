package golang

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// shares reports whether two values of type t can reach the same memory, so that
// who changes one changes the other. A time's location never changes.
func shares(t *model.Type) bool {
	switch {
	case t == nil:
		return false
	case t.Optional || t.Kind == model.Bytes || t.Kind == model.Slice || t.Kind == model.Map:
		return true
	}
	return t.Kind == model.Struct && anyShares(t.Named.Fields)
}

func anyShares(fields []*model.Field) bool {
	return slices.ContainsFunc(fields, func(f *model.Field) bool { return shares(f.Type) })
}

// clone is a copy of x, of type t, that shares nothing with it.
func (g *generator) clone(x *jen.Statement, t *model.Type) *jen.Statement {
	switch {
	case !shares(t):
		return x
	case t.Optional && t.Kind == model.Struct:
		return x.Dot("Clone").Call()
	case t.Optional:
		return jen.Qual(convertPath, "Ptr").Call(x, g.cloner(required(t)))
	case t.Elem != nil && shares(t.Elem):
		return jen.Qual(convertPath, map[model.Kind]string{model.Slice: "Slice", model.Map: "Map"}[t.Kind]).Call(x, g.cloner(t.Elem))
	case t.Kind == model.Map:
		return jen.Qual("maps", "Clone").Call(x)
	case t.Kind == model.Struct:
		return jen.Id("clone" + g.names.typ[t.Named]).Call(x)
	}
	return jen.Qual("slices", "Clone").Call(x)
}

// cloner is a function that copies a value of type t.
func (g *generator) cloner(t *model.Type) *jen.Statement {
	if shares(t) && t.Kind == model.Struct && !t.Optional {
		return jen.Id("clone" + g.names.typ[t.Named])
	}
	return jen.Func().Params(jen.Id("v").Add(g.typ(t))).Add(g.typ(t)).Block(jen.Return(g.clone(jen.Id("v"), t)))
}

// cloning declares how a struct is copied: as a value, where that takes more than
// Go's assignment, and by the method Clone.
func (g *generator) cloning(f *jen.File, name string, fields []*model.Field) {
	copied := jen.Op("*").Id("e")
	if anyShares(fields) {
		copied = jen.Id("clone" + name).Call(copied)
	}
	f.Add(doc("Clone returns a copy of e that shares nothing with it, nil of nil.")).
		Func().Params(jen.Id("e").Op("*").Id(name)).Id("Clone").Params().Op("*").Id(name).Block(
		jen.If(jen.Id("e").Op("==").Nil()).Block(jen.Return(jen.Nil())),
		jen.Id("c").Op(":=").Add(copied),
		jen.Return(jen.Op("&").Id("c")),
	)
	if !anyShares(fields) {
		return
	}
	f.Func().Id("clone" + name).Params(jen.Id("v").Id(name)).Id(name).BlockFunc(func(b *jen.Group) {
		for _, fd := range fields {
			if shares(fd.Type) {
				at := jen.Id("v").Dot(goname.Exported(fd.Name.Value))
				b.Add(at).Op("=").Add(g.clone(at.Clone(), fd.Type))
			}
		}
		b.Return(jen.Id("v"))
	})
}

// builder makes values of what a spec says. What comes out of the context is
// copied, since actions change the context where it is; what comes with an event
// is immutable, and copied only where it is kept in the context.
type builder struct {
	*generator
	kept bool // the values go into the context
}

// expression is the expression that v is, a copy where its value would otherwise
// be shared.
func (b builder) expression(v *spec.Value) *jen.Statement {
	e := b.table.Values[v]
	p := e.Part()
	s := b.generator.expression(e)
	root := rootOf(p)
	switch {
	case p.Node == expr.Context && anyShares(b.m.Context):
		return jen.Id("cloneContext").Call(s)
	case root == expr.Context, root == expr.Event && b.kept:
		return b.clone(s, typeOf(p))
	}
	return s
}

// rootOf is what p selects from: the context, the event or something else.
func rootOf(p *expr.Part) expr.Node {
	switch p.Node {
	case expr.Selection, expr.Paren, expr.Deref, expr.Index:
		return rootOf(p.Args[0])
	}
	return p.Node
}

// typeOf is the type of what p selects; nil where it is no field's, nor within one.
func typeOf(p *expr.Part) *model.Type {
	switch p.Node {
	case expr.Paren:
		return typeOf(p.Args[0])
	case expr.Selection:
		if p.Field != nil {
			return p.Field.Type
		}
	case expr.Deref:
		return required(typeOf(p.Args[0]))
	case expr.Index:
		return typeOf(p.Args[0]).Elem
	}
	return nil
}
