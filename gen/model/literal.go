package model

import (
	"slices"
	"strconv"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

func sortStrings(s []string) { slices.Sort(s) }

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
			b.diags.Add(diag.BadDefault, e.Key.Pos, "%s has no field %q", n.Name.Value, e.Key.Value)
		}
	}
}

func (b *builder) badDefault(v *spec.Value, t *Type, got string) {
	d := b.diags.Add(diag.BadDefault, v.Pos, "the default %s is not a value of type %s", got, t)
	if t.Kind == Enum {
		d.WithHint("%s", suggest(v.Scalar.Value, scalarValues(t.Named.Values)))
	}
}

func scalarValues(list []spec.Scalar) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Value
	}
	return out
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
		return slices.Contains(scalarValues(t.Named.Values), s.Value)
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
