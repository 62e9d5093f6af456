package expr

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// build checks a mapping that sets fields of something: each by a value of its
// type, and, where whole is set, every required one.
func (c *checker) build(v *spec.Value, fields []*model.Field, what string, at source.Pos, sc *scope, whole bool) {
	if v != nil && v.Kind != spec.MapValue {
		c.diags.Add(diag.WrongShape, v.Pos, "%s is a mapping of fields to expressions", what)
		return
	}
	if v != nil {
		for _, e := range v.Entries {
			c.entry(e, fields, what, sc)
		}
		at = v.Pos
	}
	if whole {
		model.MissingFields(c.diags, v, fields, what, at)
	}
}

func (c *checker) entry(e *spec.Entry, fields []*model.Field, what string, sc *scope) {
	f := model.FieldNamed(fields, e.Key.Value)
	if f == nil {
		model.UnknownField(c.diags, e.Key, fields, what)
		return
	}
	c.value(e.Value, f.Type, sc)
}

// value checks a value of type t: an expression, a list that builds a slice, or
// a mapping that builds a struct or a map.
func (c *checker) value(v *spec.Value, t *model.Type, sc *scope) {
	if t.Kind == model.Invalid {
		return
	}
	switch {
	case v.Kind == spec.ScalarValue:
		elem := *t
		elem.Optional = false
		c.table.Values[v] = c.expression(v.Scalar, c.typ(&elem), t.Optional, sc)
	case v.Kind == spec.ListValue && t.Kind == model.Slice:
		for _, i := range v.Items {
			c.value(i, t.Elem, sc)
		}
	case v.Kind == spec.MapValue && t.Kind == model.Map:
		for _, e := range v.Entries {
			c.value(e.Value, t.Elem, sc)
		}
	case v.Kind == spec.MapValue && t.Kind == model.Struct:
		c.build(v, t.Named.Fields, t.Named.Name.Value, v.Pos, sc, true)
	default:
		c.cannotBuild(v, t)
	}
}

func (c *checker) cannotBuild(v *spec.Value, t *model.Type) {
	c.diags.Add(diag.Expression, v.Pos, "a value of type %s cannot be built of a %s", t, map[spec.ValueKind]string{spec.ListValue: "list", spec.MapValue: "mapping"}[v.Kind])
}
