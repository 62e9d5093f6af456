package model

import (
	"slices"
	"strconv"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

// defaults checks the defaults, once every type is known.
func (b *builder) defaults() {
	w := &weigher{weight: map[*Field]int{}}
	for _, f := range b.defaulted {
		if f.Type.Kind == Invalid {
			continue
		}
		b.literal(f.Default, f.Type)
		if n := w.field(f); n > maxDefault {
			b.diags.Add(diag.BadDefault, f.Default.Pos, "the default has more than %d values, those of the fields that it leaves out included", maxDefault).
				WithHint("a type whose default is made of itself has no end: give a field in it `null`")
		}
	}
}

// maxDefault is the most values that a default may have.
const maxDefault = 1000

// weigher counts the values that defaults have, with the defaults of what they
// leave out.
type weigher struct{ weight map[*Field]int }

func (w *weigher) field(f *Field) int {
	n, known := w.weight[f]
	if !known {
		w.weight[f] = maxDefault + 1 // should it come back to itself
		n = min(w.value(f.Default, f.Type), maxDefault+1)
		w.weight[f] = n
	}
	return n
}

func (w *weigher) value(v *spec.Value, t *Type) int {
	n := 1
	switch {
	case t.Kind == Slice:
		for _, i := range v.Items {
			n += w.value(i, t.Elem)
		}
	case t.Kind == Map:
		for _, e := range v.Entries {
			n += w.value(e.Value, t.Elem)
		}
	case t.Kind == Struct && v.Kind == spec.MapValue:
		for _, f := range t.Named.Fields {
			if e := v.Entry(f.Name.Value); e != nil {
				n += w.value(e.Value, f.Type)
			} else if f.Default != nil {
				n += w.field(f)
			}
		}
	}
	return min(n, maxDefault+1)
}

// literal checks that a default is a value of its type.
func (b *builder) literal(v *spec.Value, t *Type) {
	switch {
	case v.Kind == spec.ScalarValue && v.Scalar.Tag == "!!null":
		if !t.Optional {
			b.badDefault(v, t, "null")
		}
	case t.Kind == Slice && v.Kind == spec.ListValue:
		for _, i := range v.Items {
			b.literal(i, t.Elem)
		}
	case t.Kind == Map && v.Kind == spec.MapValue:
		for _, e := range v.Entries {
			b.literal(e.Value, t.Elem)
		}
	case t.Kind == Struct && v.Kind == spec.MapValue:
		b.structLiteral(v, t.Named)
	case v.Kind != spec.ScalarValue:
		b.badDefault(v, t, [...]string{"a scalar", "a list", "a mapping"}[v.Kind])
	case !scalarFits(v.Scalar, t):
		b.badDefault(v, t, strconv.Quote(v.Scalar.Value))
	}
}

func (b *builder) structLiteral(v *spec.Value, n *Named) {
	for _, e := range v.Entries {
		if f := FieldNamed(n.Fields, e.Key.Value); f != nil {
			b.literal(e.Value, f.Type)
		} else {
			UnknownField(b.diags, e.Key, n.Fields, n.Name.Value)
		}
	}
	MissingFields(b.diags, v, n.Fields, n.Name.Value, v.Pos)
}

func (b *builder) badDefault(v *spec.Value, t *Type, got string) {
	d := b.diags.Add(diag.BadDefault, v.Pos, "the default %s is not a value of type %s", got, t)
	switch {
	case t.Kind == Enum:
		d.WithHint("%s", suggest(b, v.Scalar.Value, t.Named.Values, scalarText))
	case t.Kind == Bool && v.Kind == spec.ScalarValue && v.Scalar.Tag == "!!str":
		d.WithHint("%s is a string in YAML 1.2: a bool is `true` or `false`", v.Scalar.Value)
	case t.Kind == Duration:
		d.WithHint("a default is no expression: a duration is a number and a unit, as 5s or 1h30m")
	case t.Kind == Time:
		d.WithHint("a time is written as 2006-01-02T15:04:05Z")
	}
}

// scalarFits reports whether a YAML scalar is a literal of type t.
func scalarFits(s spec.Scalar, t *Type) bool {
	var err error
	switch t.Kind {
	case String, Bytes:
		return s.Tag == "!!str"
	case Bool:
		return s.Tag == "!!bool"
	case Enum:
		return slices.ContainsFunc(t.Named.Values, func(v spec.Scalar) bool { return v.Value == s.Value })
	case Duration:
		_, err = time.ParseDuration(s.Value)
	case Time:
		_, err = time.Parse(time.RFC3339Nano, s.Value)
	case Float32, Float64:
		if s.Tag != "!!int" && s.Tag != "!!float" {
			return false
		}
		_, err = strconv.ParseFloat(s.Value, map[Kind]int{Float32: 32, Float64: 64}[t.Kind])
	default:
		return t.Kind.IsInteger() && s.Tag == "!!int" && integerFits(s.Value, t.Kind)
	}
	return err == nil
}

// integerFits reports whether a literal, in any base that Go reads, is within
// the range of an integer type.
func integerFits(text string, k Kind) bool {
	if k >= Uint {
		_, err := strconv.ParseUint(text, 0, k.Bits())
		return err == nil
	}
	_, err := strconv.ParseInt(text, 0, k.Bits())
	return err == nil
}

// Bits is the size of an integer type; int and uint have 64.
func (k Kind) Bits() int {
	switch k {
	case Int8, Uint8:
		return 8
	case Int16, Uint16:
		return 16
	case Int32, Uint32:
		return 32
	default:
		return 64
	}
}
