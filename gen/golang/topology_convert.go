package golang

import (
	"maps"
	"slices"
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
)

// crossing carries values over from the types of one machine to those of another. Each
// pair of named types has a function, which is declared when it is used.
type crossing struct {
	*topologyGenerator
	file  *jen.File
	funcs map[[2]*model.Named]string
	queue [][2]*model.Named
}

// convert is the expression for x, of a source's type, as the receiver's type. A T may
// become a T?.
func (c *crossing) convert(x *jen.Statement, from, to *model.Type) *jen.Statement {
	if to.Optional && !from.Optional {
		plain := required(to)
		return jen.Qual(checkedPath, "Ptr").Index(c.typ(plain)).Call(c.convert(x, from, plain))
	}
	if !crosses(from, to) {
		return x
	}
	if to.Optional {
		return jen.Qual(convertPath, "Ptr").Call(x, c.function(required(from), required(to)))
	}
	switch to.Kind {
	case model.Slice:
		return jen.Qual(convertPath, "Slice").Call(x, c.function(from.Elem, to.Elem))
	case model.Map:
		return jen.Qual(convertPath, "Map").Call(x, c.function(from.Elem, to.Elem))
	}
	return c.function(from, to).Call(x)
}

// crosses reports whether two types that fit are different in Go.
func crosses(from, to *model.Type) bool {
	if from.Elem != nil && to.Elem != nil {
		return crosses(from.Elem, to.Elem)
	}
	return from.Named != to.Named
}

// function is a function that converts: one with a name for named types.
func (c *crossing) function(from, to *model.Type) *jen.Statement {
	if from.Named != nil && !from.Optional {
		return jen.Id(c.named([2]*model.Named{from.Named, to.Named}))
	}
	return jen.Func().Params(jen.Id("v").Add(c.typ(from))).Add(c.typ(to)).Block(jen.Return(c.convert(jen.Id("v"), from, to)))
}

// typ is a type in Go, of whichever machine it is.
func (c *crossing) typ(t *model.Type) *jen.Statement {
	named := t
	for named.Elem != nil {
		named = named.Elem
	}
	if named.Named == nil {
		return c.own.typ(t)
	}
	return c.owner(named.Named).typ(t)
}

// namedType is a named type in Go.
func (c *crossing) namedType(n *model.Named) *jen.Statement {
	owner := c.owner(n)
	return owner.own(owner.names.typ[n])
}

// named is the name of the function for two types, which is declared later. A number
// tells those apart whose names are put together alike.
func (c *crossing) named(pair [2]*model.Named) string {
	if name, ok := c.funcs[pair]; ok {
		return name
	}
	name := c.side(pair[0]) + "As" + goname.Exported(c.side(pair[1]))
	for slices.Contains(slices.Collect(maps.Values(c.funcs)), name) {
		name += "_" + strconv.Itoa(len(c.funcs))
	}
	c.funcs[pair] = name
	c.queue = append(c.queue, pair)
	return name
}

// side names a type and its machine.
func (c *crossing) side(n *model.Named) string {
	return goname.Unexported(c.owner(n).m.ID.Value) + goname.Exported(n.Name.Value)
}

// functions declares the functions that have been used, and those that they use.
func (c *crossing) functions() {
	for len(c.queue) > 0 {
		pair := c.queue[0]
		c.queue = c.queue[1:]
		from, to := pair[0], pair[1]
		made := c.namedType(to).Call(jen.Id("v"))
		if !from.Enum && !sameLayout(from.Fields, to.Fields) {
			made = c.namedType(to).ValuesFunc(func(b *jen.Group) {
				for _, f := range to.Fields {
					source := model.FieldNamed(from.Fields, f.Name.Value)
					b.Add(field(goname.Exported(f.Name.Value), c.convert(jen.Id("v").Dot(goname.Exported(f.Name.Value)), source.Type, f.Type)))
				}
			})
		}
		c.file.Func().Id(c.funcs[pair]).Params(jen.Id("v").Add(c.namedType(from))).Add(c.namedType(to)).Block(jen.Return(made))
	}
}
