package model

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

var builtins = map[string]Kind{
	"string": String, "bool": Bool, "int": Int, "int8": Int8, "int16": Int16, "int32": Int32, "int64": Int64,
	"uint": Uint, "uint8": Uint8, "uint16": Uint16, "uint32": Uint32, "uint64": Uint64,
	"float32": Float32, "float64": Float64, "bytes": Bytes, "time": Time, "duration": Duration,
}

// reservedTypes cannot be declared: they mean something else in expressions.
var reservedTypes = map[string]bool{
	"event": true, "context": true, "key": true, "now": true, "len": true, "before": true, "contains": true,
	"true": true, "false": true, "nil": true,
}

// String is the type as a spec writes it.
func (t *Type) String() string {
	s := ""
	switch t.Kind {
	case Invalid:
		return "?"
	case Slice:
		s = "[]" + t.Elem.String()
	case Map:
		s = "map[string]" + t.Elem.String()
	case Struct, Enum:
		s = t.Named.Name.Value
	default:
		for name, k := range builtins {
			if k == t.Kind {
				s = name
			}
		}
	}
	if t.Optional {
		s += "?"
	}
	return s
}

// Equal reports whether t and u are the same type of one machine.
func (t *Type) Equal(u *Type) bool {
	if t.Kind != u.Kind || t.Optional != u.Optional || t.Named != u.Named {
		return false
	}
	return t.Elem == nil || t.Elem.Equal(u.Elem)
}

// IsInteger reports whether k is an integer type; a duration is not.
func (k Kind) IsInteger() bool { return k >= Int && k <= Uint64 }

func (b *builder) types() {
	named := map[string]*Named{}
	for _, s := range b.spec.Types {
		b.name(s.Name, "a type")
		if _, builtin := builtins[s.Name.Value]; builtin || reservedTypes[s.Name.Value] {
			b.diags.Add(diag.BadName, s.Name.Pos, "%q is built in and cannot be declared", s.Name.Value)
		}
		n := &Named{Name: s.Name, Description: s.Description.Value, Enum: s.Enum, Values: s.Values}
		b.enumValues(n)
		b.m.Types = append(b.m.Types, n)
		named[s.Name.Value] = n
	}
	for i, s := range b.spec.Types {
		b.m.Types[i].Fields = b.fields(s.Fields)
	}
	done := map[*Named]bool{}
	for _, n := range b.m.Types {
		b.recursion(n, nil, done)
	}
}

func (b *builder) enumValues(n *Named) {
	seen := map[string]source.Pos{}
	for _, v := range n.Values {
		b.name(v, "an enum's value")
		if first, twice := seen[v.Value]; twice {
			b.diags.Add(diag.DuplicateName, v.Pos, "the value %q is given twice", v.Value).WithRelated(first, "first given here")
		}
		seen[v.Value] = v.Pos
	}
}

// recursion reports types that contain themselves by value: path are those that n
// is within, done those from which there is nothing more to find.
func (b *builder) recursion(n *Named, path []*Named, done map[*Named]bool) {
	if done[n] {
		return
	}
	path = append(path, n)
	for _, f := range n.Fields {
		if f.Type.Optional || f.Type.Kind != Struct {
			continue
		}
		if i := slices.Index(path, f.Type.Named); i >= 0 {
			b.circle(path[i:], f)
		} else {
			b.recursion(f.Type.Named, path, done)
		}
	}
	done[n] = true
}

// circle reports types that contain each other; f is the field that closes it.
func (b *builder) circle(types []*Named, f *Field) {
	var names []string
	for _, n := range types {
		names = append(names, n.Name.Value)
	}
	first := types[0].Name
	b.diags.Add(diag.RecursiveType, first.Pos, "the type contains itself: %s -> %s", strings.Join(names, " -> "), first.Value).
		WithRelated(f.Name.Pos, "through this field").WithHint("make a field of the circle optional (`%s?`)", first.Value)
}

func (b *builder) fields(list []*spec.Field) []*Field {
	var out []*Field
	for _, s := range list {
		b.name(s.Name, "a field")
		f := &Field{Name: s.Name, Description: s.Description.Value, Type: &Type{}}
		if s.Type.IsSet() {
			f.Type = b.typ(s.Type, s.Type.Value, 0)
		}
		if s.Default != nil {
			f.Default = s.Default
			b.defaulted = append(b.defaulted, f)
		}
		out = append(out, f)
	}
	return out
}

// typ parses the type that is written at text[off:].
func (b *builder) typ(s spec.Scalar, text string, off int) *Type {
	if inner, ok := strings.CutSuffix(text, "?"); ok && off == 0 {
		t := b.typ(s, inner, 0)
		if t.Kind == Invalid {
			return t
		}
		opt := *t
		opt.Optional = true
		return &opt
	}
	if elem, ok := strings.CutPrefix(text, "[]"); ok {
		return b.container(s, Slice, elem, off+len("[]"))
	}
	if elem, ok := strings.CutPrefix(text, "map[string]"); ok {
		return b.container(s, Map, elem, off+len("map[string]"))
	}
	if k, ok := builtins[text]; ok {
		return &Type{Kind: k}
	}
	for _, n := range b.m.Types {
		if n.Name.Value == text {
			if n.Enum {
				return &Type{Kind: Enum, Named: n}
			}
			return &Type{Kind: Struct, Named: n}
		}
	}
	b.unknownType(s, text, off)
	return &Type{}
}

func (b *builder) container(s spec.Scalar, k Kind, elem string, off int) *Type {
	const maxNesting = 8
	if strings.Count(s.Value[:off], "]") > maxNesting {
		b.diags.Add(diag.UnknownType, s.Pos, "the type is nested deeper than %d levels", maxNesting)
		return &Type{}
	}
	e := b.typ(s, elem, off)
	if e.Kind == Invalid {
		return e
	}
	return &Type{Kind: k, Elem: e}
}

// typeNames are the names of all types, the built-in ones first.
func (b *builder) typeNames() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, n := range slices.Sorted(maps.Keys(builtins)) {
			if !yield(n) {
				return
			}
		}
		namesOf(b.m.Types, namedName)(yield)
	}
}

func (b *builder) unknownType(s spec.Scalar, text string, off int) {
	d := b.diags.Add(diag.UnknownType, s.At(off, len(text)), "the type %q is neither built in nor declared", text)
	switch {
	case strings.HasPrefix(text, "map["):
		d.WithHint("a map's keys are strings: `map[string]T`")
	case strings.HasSuffix(text, "?"):
		d.WithHint("only the whole type can be optional: elements cannot")
	default:
		d.WithHint("%s", b.diags.Suggest(text, b.typeNames()))
	}
}
