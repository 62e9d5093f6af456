package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// built is a pointer to a new struct with the given values, and the defaults of
// the fields that are left out.
func (g *generator) built(name string, v *spec.Value, fields []*model.Field) *jen.Statement {
	return jen.Op("&").Id(name).Values(g.fieldValues(v, fields)...)
}

func (g *generator) fieldValues(v *spec.Value, fields []*model.Field) []jen.Code {
	return builder{generator: g}.fieldValues(v, fields)
}

// fieldsBy are the values of the fields of a struct: of those that v has, made by
// value, and of those that it leaves out their defaults.
func (g *generator) fieldsBy(value func(*spec.Value, *model.Type) *jen.Statement, v *spec.Value, fields []*model.Field) []jen.Code {
	var out []jen.Code
	for _, fd := range fields {
		name := jen.Id(goname.Exported(fd.Name.Value)).Op(":")
		var e *spec.Entry
		if v != nil {
			e = v.Entry(fd.Name.Value)
		}
		switch {
		case e != nil:
			out = append(out, name.Add(value(e.Value, fd.Type)))
		case fd.Default != nil:
			out = append(out, name.Add(g.literal(fd.Default, fd.Type)))
		}
	}
	return out
}

func (g builder) fieldValues(v *spec.Value, fields []*model.Field) []jen.Code {
	return g.fieldsBy(g.value, v, fields)
}

// value is a value of type t, which has been checked against it.
func (g builder) value(v *spec.Value, t *model.Type) *jen.Statement {
	if v.Kind == spec.ScalarValue {
		s := g.expression(v)
		if g.table.Values[v].Lift {
			elem := *t
			elem.Optional = false
			return jen.Qual(checkedPath, "Ptr").Index(g.typ(&elem)).Call(s)
		}
		return s
	}
	plain := *t
	plain.Optional = false
	s := &jen.Statement{}
	if t.Optional && t.Kind == model.Struct {
		s.Op("&")
	}
	s.Add(g.typ(&plain)).ValuesFunc(func(list *jen.Group) {
		switch t.Kind {
		case model.Slice:
			for _, i := range v.Items {
				list.Add(g.value(i, t.Elem))
			}
		case model.Map:
			for _, e := range v.Entries {
				list.Add(jen.Lit(e.Key.Value).Op(":").Add(g.value(e.Value, t.Elem)))
			}
		case model.Struct:
			for _, fv := range g.fieldValues(v, t.Named.Fields) {
				list.Add(fv)
			}
		}
	})
	if t.Optional && t.Kind != model.Struct {
		return jen.Qual(checkedPath, "Ptr").Call(s)
	}
	return s
}

// expression is an expression in Go. Integer arithmetic that could overflow goes
// through package checked.
func (g *generator) expression(e *expr.Expr) *jen.Statement { return g.phrasing().part(e.Part()) }

// phrasing is how an expression says what depends on where it stands.
type phrasing struct {
	context, key, now func() *jen.Statement
	field             func(*model.Field) *jen.Statement // of the event
	enum              func(*model.Named, string) *jen.Statement
}

// phrasing is that of the machine's own expressions.
func (g *generator) phrasing() phrasing {
	core := func() *jen.Statement { return jen.Id("p").Dot("core") }
	return phrasing{
		context: func() *jen.Statement { return jen.Id("p").Dot("context") },
		key:     func() *jen.Statement { return core().Dot("Key").Call() },
		now:     func() *jen.Statement { return core().Dot("Now").Call() },
		field:   func(f *model.Field) *jen.Statement { return jen.Id("e").Dot(goname.Exported(f.Name.Value)) },
		enum:    func(n *model.Named, text string) *jen.Statement { return jen.Id(g.enumValue(n, text)) },
	}
}

// basic is a built-in type.
func basic(k model.Kind) *jen.Statement { return (&generator{}).typ(&model.Type{Kind: k}) }

func (w phrasing) part(p *expr.Part) *jen.Statement {
	switch p.Node {
	case expr.Literal:
		return jen.Id(p.Text)
	case expr.Event:
		return jen.Op("*").Id("e")
	case expr.Failure:
		return jen.Err()
	case expr.Context:
		return w.context()
	case expr.Key:
		return w.key()
	case expr.Now:
		return w.now()
	case expr.Selection:
		return w.selection(p)
	case expr.EnumValue:
		return w.enum(p.Named, p.Text)
	case expr.Constant:
		return jen.Parens(duration(p.Duration))
	case expr.Paren:
		return jen.Parens(w.part(p.Args[0]))
	case expr.Deref:
		return jen.Op("*").Add(w.part(p.Args[0]))
	case expr.Unary:
		if p.Checked {
			return jen.Qual(checkedPath, "Neg").Index(basic(p.Kind)).Call(w.part(p.Args[0]))
		}
		return jen.Op(p.Op.String()).Add(w.part(p.Args[0]))
	case expr.Binary:
		return w.binary(p)
	case expr.Index:
		return w.part(p.Args[0]).Index(w.part(p.Args[1]))
	case expr.Len:
		return jen.Int64().Call(jen.Len(w.part(p.Args[0])))
	case expr.Before:
		return jen.Qual(checkedPath, "Before").Call(w.part(p.Args[0]), w.part(p.Args[1]))
	case expr.Contains:
		return jen.Qual("strings", "Contains").Call(w.part(p.Args[0]), w.part(p.Args[1]))
	}
	return w.conversion(p)
}

func (w phrasing) selection(p *expr.Part) *jen.Statement {
	of := p.Args[0]
	switch {
	case p.Field == nil && p.Name == "code":
		return jen.Qual(machinePath, "ErrorCode").Call(jen.Err())
	case p.Field == nil:
		return jen.Err().Dot("Error").Call()
	case of.Node == expr.Event:
		return w.field(p.Field)
	}
	return w.part(of).Dot(goname.Exported(p.Field.Name.Value))
}

var checkedOps = map[string]string{"+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "%": "Mod", "<<": "Shl", ">>": "Shr"}

func (w phrasing) binary(p *expr.Part) *jen.Statement {
	x, y := w.part(p.Args[0]), w.part(p.Args[1])
	if p.Checked {
		// A constant says nothing of the type: 1 << n would be an int.
		return jen.Qual(checkedPath, checkedOps[p.Op.String()]).Index(basic(p.Kind)).Call(x, y)
	}
	return x.Op(p.Op.String()).Add(y)
}

func isFloat(k model.Kind) bool { return k == model.Float32 || k == model.Float64 }

func isNumber(k model.Kind) bool { return k.IsInteger() || k == model.Duration }

// conversion converts between basic types; what a number would lose is an error
// at run time.
func (w phrasing) conversion(p *expr.Part) *jen.Statement {
	to := basic(p.Kind)
	x := w.part(p.Args[0])
	switch {
	case p.Checked && isNumber(p.Kind) && isNumber(p.From):
		return jen.Qual(checkedPath, "Int").Index(to).Call(x)
	case p.Checked && isNumber(p.Kind) && isFloat(p.From):
		return jen.Qual(checkedPath, "Trunc").Index(to).Call(x)
	}
	return to.Call(x)
}

// partUsesEvent reports whether the event occurs in p.
func partUsesEvent(p *expr.Part) bool {
	if p.Node == expr.Event || p.Node == expr.Failure {
		return true
	}
	for _, a := range p.Args {
		if partUsesEvent(a) {
			return true
		}
	}
	return false
}
