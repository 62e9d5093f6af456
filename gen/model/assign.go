package model

// Assignable reports whether every value of one type is a value of another, of
// another machine perhaps: structs need the same fields, and an enum must have all
// of the other one's values.
func Assignable(from, to *Type) bool {
	return assignment{}.types(from, to)
}

// assignment holds the pairs of named types that are being compared, or have been:
// types may contain themselves.
type assignment map[[2]*Named]bool

func (a assignment) types(from, to *Type) bool {
	switch {
	case from.Kind != to.Kind || from.Optional != to.Optional:
		return false
	case from.Elem != nil:
		return a.types(from.Elem, to.Elem)
	case from.Named != nil:
		return a.named(from.Named, to.Named)
	}
	return true
}

func (a assignment) named(from, to *Named) bool {
	pair := [2]*Named{from, to}
	if from == to || a[pair] {
		return true
	}
	a[pair] = true
	if from.Enum {
		return hasValues(to, from)
	}
	return a.fields(from.Fields, to.Fields)
}

func (a assignment) fields(from, to []*Field) bool {
	if len(from) != len(to) {
		return false
	}
	for _, f := range from {
		if t := FieldNamed(to, f.Name.Value); t == nil || !a.types(f.Type, t.Type) {
			return false
		}
	}
	return true
}

// hasValues reports whether n has all values of the enum of.
func hasValues(n, of *Named) bool {
	for _, v := range of.Values {
		found := false
		for _, w := range n.Values {
			found = found || v.Value == w.Value
		}
		if !found {
			return false
		}
	}
	return true
}
