package golang

import (
	"strconv"
	"strings"
	"time"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// types declares the spec's own types, and the context.
func (g *generator) types(f *jen.File) {
	for _, t := range g.m.Types {
		if t.Enum {
			g.enum(f, t)
			continue
		}
		g.structure(f, g.names.typ[t], g.names.typ[t]+" is the type "+t.Name.Value+".", t.Description, t.Fields)
	}
	g.structure(f, "Context", "Context is the machine's extended state.", "", g.m.Context)
	if len(g.m.Input) > 0 {
		g.structure(f, "Input", "Input is what a machine is started with.", "", g.m.Input)
	}
	if len(g.m.Output) > 0 {
		g.structure(f, "Output", "Output is what the machine returns to the one that invoked it.", "", g.m.Output)
	}
	for _, c := range g.m.Children {
		name := goname.Exported(c.Service.Name.Value)
		if len(c.Service.Input) > 0 {
			g.structure(f, name+"Input", name+"Input is what the machine "+c.Service.Name.Value+" is started with.", "", c.Service.Input)
		}
		g.structure(f, name+"Output", name+"Output is what the machine "+c.Service.Name.Value+" returns.", "", c.Service.Output)
	}
	for _, s := range g.m.Services {
		name := goname.Exported(s.Name.Value)
		g.structure(f, name+"Input", name+"Input is what the service "+s.Name.Value+" is given.", s.Description, s.Input)
		g.structure(f, name+"Output", name+"Output is what the service "+s.Name.Value+" returns.", "", s.Output)
	}
}

// structure declares a struct, how it is copied and, where a field has a default,
// its constructor.
func (g *generator) structure(f *jen.File, name, what, description string, fields []*model.Field) {
	f.Add(doc(what, description)).Type().Id(name).Struct(g.fields(fields)...)
	g.cloning(f, name, fields)
	if !hasDefaults(fields) {
		return
	}
	values := g.defaults(fields)
	f.Add(doc("New" + name + " returns a " + name + " with the defaults of its fields.")).
		Func().Id("New" + name).Params().Op("*").Id(name).Block(jen.Return(jen.Op("&").Id(name).Values(values...)))
}

func (g *generator) fields(fields []*model.Field) []jen.Code {
	var out []jen.Code
	for _, fd := range fields {
		tag := fd.Name.Value
		if fd.Type.Optional {
			tag += ",omitempty"
		}
		out = append(out, doc(fd.Description).Id(goname.Exported(fd.Name.Value)).Add(g.typ(fd.Type)).Tag(map[string]string{"json": tag}))
	}
	return out
}

// defaults are the values of the fields that have one, in order.
func (g *generator) defaults(fields []*model.Field) []jen.Code {
	var out []jen.Code
	for _, fd := range fields {
		if fd.Default != nil {
			out = append(out, jen.Id(goname.Exported(fd.Name.Value)).Op(":").Add(g.literal(fd.Default, fd.Type)))
		}
	}
	return out
}

var goTypes = map[model.Kind]string{
	model.String: "string", model.Bool: "bool", model.Int: "int64", model.Int8: "int8", model.Int16: "int16", model.Int32: "int32",
	model.Int64: "int64", model.Uint: "uint64", model.Uint8: "uint8", model.Uint16: "uint16", model.Uint32: "uint32",
	model.Uint64: "uint64", model.Float32: "float32", model.Float64: "float64",
}

// typ is the Go type of t. The spec's int and uint have 64 bits everywhere.
func (g *generator) typ(t *model.Type) *jen.Statement {
	s := &jen.Statement{}
	if t.Optional {
		s.Op("*")
	}
	switch t.Kind {
	case model.Bytes:
		return s.Index().Byte()
	case model.Time:
		return s.Qual("time", "Time")
	case model.Duration:
		return s.Qual("time", "Duration")
	case model.Slice:
		return s.Index().Add(g.typ(t.Elem))
	case model.Map:
		return s.Map(jen.String()).Add(g.typ(t.Elem))
	case model.Struct, model.Enum:
		return s.Add(g.own(g.names.typ[t.Named]))
	}
	return s.Id(goTypes[t.Kind])
}

// literal is the Go value of a default, which has been checked against t.
func (g *generator) literal(v *spec.Value, t *model.Type) *jen.Statement {
	if v.Kind == spec.ScalarValue && v.Scalar.Tag == "!!null" {
		return jen.Nil()
	}
	if t.Optional {
		elem := *t
		elem.Optional = false
		return jen.Qual(checkedPath, "Ptr").Index(g.typ(&elem)).Call(g.literal(v, &elem))
	}
	switch t.Kind {
	case model.Slice:
		return g.typ(t).ValuesFunc(func(list *jen.Group) {
			for _, i := range v.Items {
				list.Add(g.literal(i, t.Elem))
			}
		})
	case model.Map:
		return g.typ(t).ValuesFunc(func(list *jen.Group) {
			for _, e := range v.Entries {
				list.Add(jen.Lit(e.Key.Value).Op(":").Add(g.literal(e.Value, t.Elem)))
			}
		})
	case model.Struct:
		return g.typ(t).Values(g.fieldsBy(g.literal, v, t.Named.Fields)...)
	}
	return g.scalar(v.Scalar.Value, t)
}

func (g *generator) scalar(text string, t *model.Type) *jen.Statement {
	switch t.Kind {
	case model.String:
		return jen.Lit(text)
	case model.Bytes:
		return jen.Index().Byte().Call(jen.Lit(text))
	case model.Enum:
		return g.own(g.enumValue(t.Named, text))
	case model.Duration:
		d, _ := time.ParseDuration(text)
		return duration(d)
	case model.Time:
		at, _ := time.Parse(time.RFC3339Nano, text)
		at = at.UTC()
		return jen.Qual("time", "Unix").Call(jen.Lit(int(at.Unix())), jen.Lit(at.Nanosecond())).Dot("UTC").Call()
	case model.Float32, model.Float64:
		x, _ := strconv.ParseFloat(text, 64)
		return jen.Id(strconv.FormatFloat(x, 'g', -1, 64))
	}
	return jen.Id(strings.ToLower(text))
}

func (g *generator) enumValue(n *model.Named, text string) string {
	for i, v := range n.Values {
		if v.Value == text || goname.Expr(v.Value) == text {
			return g.names.value[n][i]
		}
	}
	return ""
}

// duration is a duration in its largest whole unit.
func duration(d time.Duration) *jen.Statement {
	units := []struct {
		name string
		unit time.Duration
	}{{"Hour", time.Hour}, {"Minute", time.Minute}, {"Second", time.Second}, {"Millisecond", time.Millisecond}, {"Microsecond", time.Microsecond}}
	for _, u := range units {
		if d != 0 && d%u.unit == 0 {
			return jen.Lit(int(d/u.unit)).Op("*").Qual("time", u.name)
		}
	}
	return jen.Qual("time", "Duration").Call(jen.Lit(int(d)))
}

// enum declares an enum: a string type whose unknown values are kept.
func (g *generator) enum(f *jen.File, t *model.Named) {
	name := g.names.typ[t]
	f.Add(doc(name+" is the type "+t.Name.Value+". A value that is not among the constants is kept as it is, and is not Valid.", t.Description)).
		Type().Id(name).String()
	f.Comment("The values of " + name + ".")
	var consts, values []jen.Code
	for i, v := range t.Values {
		consts = append(consts, jen.Id(g.names.value[t][i]).Id(name).Op("=").Lit(v.Value))
		values = append(values, jen.Id(g.names.value[t][i]))
	}
	f.Const().Defs(consts...)
	f.Add(doc("Valid reports whether v is one of the constants.")).
		Func().Params(jen.Id("v").Id(name)).Id("Valid").Params().Bool().Block(
		jen.Switch(jen.Id("v")).Block(jen.Case(values...).Block(jen.Return(jen.True()))),
		jen.Return(jen.False()),
	)
}
