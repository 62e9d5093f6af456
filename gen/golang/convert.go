package golang

import (
	"maps"
	"slices"
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// over is the border that a value crosses: to a child, or from it.
type over struct {
	child *model.Child
	to    bool
}

// conversion is a function that carries a named type over.
type conversion struct {
	over
	ours, theirs *model.Named
}

// structure is the expression for the struct, of the type with the given name,
// that is made of the variable called from; pointer says that both are pointers.
// Structs that are the same but for their names are converted as they are.
func (r *relatives) structure(o over, from string, to *jen.Statement, ours, theirs []*model.Field, pointer bool) *jen.Statement {
	if sameLayout(ours, theirs) {
		if pointer {
			return jen.Parens(jen.Op("*").Add(to)).Call(jen.Id(from))
		}
		return to.Call(jen.Id(from))
	}
	s := &jen.Statement{}
	if pointer {
		s.Op("&")
	}
	fields := ours
	if o.to {
		fields = theirs
	}
	return s.Add(to).ValuesFunc(func(list *jen.Group) {
		for _, fd := range fields {
			name := goname.Exported(fd.Name.Value)
			own, other := model.FieldNamed(ours, fd.Name.Value), model.FieldNamed(theirs, fd.Name.Value)
			list.Id(name).Op(":").Add(r.value(o, jen.Id(from).Dot(name), own.Type, other.Type))
		}
	})
}

// sameLayout reports whether two lists of fields make identical Go structs.
func sameLayout(a, b []*model.Field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name.Value != b[i].Name.Value || hasNamed(a[i].Type) || !a[i].Type.Equal(b[i].Type) {
			return false
		}
	}
	return true
}

// hasNamed reports whether t is a type of its package, or made of one.
func hasNamed(t *model.Type) bool { return t.Named != nil || t.Elem != nil && hasNamed(t.Elem) }

// value is the expression for x on the other side of the border.
func (r *relatives) value(o over, x *jen.Statement, ours, theirs *model.Type) *jen.Statement {
	if !hasNamed(ours) {
		return x
	}
	if ours.Optional {
		return jen.Qual(convertPath, "Ptr").Call(x, r.function(o, required(ours), required(theirs)))
	}
	switch ours.Kind {
	case model.Slice:
		return jen.Qual(convertPath, "Slice").Call(x, r.function(o, ours.Elem, theirs.Elem))
	case model.Map:
		return jen.Qual(convertPath, "Map").Call(x, r.function(o, ours.Elem, theirs.Elem))
	}
	return r.function(o, ours, theirs).Call(x)
}

func required(t *model.Type) *model.Type {
	plain := *t
	plain.Optional = false
	return &plain
}

// function is a function that converts: one with a name for a named type.
func (r *relatives) function(o over, ours, theirs *model.Type) *jen.Statement {
	if ours.Named != nil {
		return jen.Id(r.named(conversion{o, ours.Named, theirs.Named}))
	}
	from, to := r.typ(ours), r.their(o.child, theirs)
	if !o.to {
		from, to = to, from
	}
	return jen.Func().Params(jen.Id("v").Add(from)).Add(to).Block(jen.Return(r.value(o, jen.Id("v"), ours, theirs)))
}

// their is t, a type of a child, in Go.
func (r *relatives) their(c *model.Child, t *model.Type) *jen.Statement {
	s := &jen.Statement{}
	if t.Optional {
		s.Op("*")
	}
	switch {
	case t.Kind == model.Slice:
		return s.Index().Add(r.their(c, t.Elem))
	case t.Kind == model.Map:
		return s.Map(jen.String()).Add(r.their(c, t.Elem))
	case t.Named != nil:
		return s.Add(r.theirs(c, goname.Exported(t.Named.Name.Value)))
	}
	return s.Add(r.typ(required(t)))
}

// named is the name of the function for c, which is declared later. No name of
// another function begins like these; a number tells those apart whose names are
// put together alike.
func (r *relatives) named(c conversion) string {
	if name, ok := r.funcs[c]; ok {
		return name
	}
	name := "from"
	if c.to {
		name = "to"
	}
	name += goname.Exported(c.child.Service.Name.Value) + goname.Exported(c.ours.Name.Value)
	for slices.Contains(slices.Collect(maps.Values(r.funcs)), name) {
		name += "_" + strconv.Itoa(len(r.funcs))
	}
	r.funcs[c] = name
	r.queue = append(r.queue, c)
	return name
}

// functions declares the functions that have been used, and those that they use.
func (r *relatives) functions() {
	for len(r.queue) > 0 {
		c := r.queue[0]
		r.queue = r.queue[1:]
		ours, theirs := jen.Id(r.names.typ[c.ours]), r.theirs(c.child, goname.Exported(c.theirs.Name.Value))
		from, to := ours, theirs
		if !c.to {
			from, to = theirs, ours
		}
		result := to.Clone().Call(jen.Id("v"))
		if !c.ours.Enum {
			result = r.structure(c.over, "v", to.Clone(), c.ours.Fields, c.theirs.Fields, false)
		}
		r.file.Func().Id(r.funcs[c]).Params(jen.Id("v").Add(from)).Add(to).Block(jen.Return(result))
	}
}
