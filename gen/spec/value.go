package spec

import (
	"strings"
	"unicode/utf8"

	"github.com/xsgen/xsgen/gen/source"
)

// Scalar is a YAML scalar with its place. The zero Scalar is an absent one.
type Scalar struct {
	Value string
	Pos   source.Pos
	Tag   string // YAML's short tag: !!str, !!int, !!float, !!bool, !!null, !!timestamp
}

// IsSet reports whether the scalar was written at all.
func (s Scalar) IsSet() bool { return s.Pos.IsValid() }

// At is the place of the n bytes at offset off of the scalar's value. Where those
// are on several lines of the file, it is the part on the first one.
func (s Scalar) At(off, n int) source.Pos {
	off = min(off, len(s.Value))
	n = min(n, len(s.Value)-off)
	text := s.Pos.File.From(s.Pos)
	lead := 0
	if strings.HasPrefix(text, `"`) || strings.HasPrefix(text, `'`) {
		lead = 1
	}
	if !strings.HasPrefix(text[min(lead, len(text)):], s.Value) {
		return s.aligned(off, n)
	}
	return s.Pos.Sub(lead+utf8.RuneCountInString(s.Value[:off]), utf8.RuneCountInString(s.Value[off:off+n]))
}

// Value is a YAML value that stands for data: a scalar, a list or a mapping.
type Value struct {
	Kind    ValueKind
	Pos     source.Pos
	Scalar  Scalar
	Items   []*Value
	Entries []*Entry
}

// ValueKind tells the forms of a Value apart.
type ValueKind int

// The forms of a Value.
const (
	ScalarValue ValueKind = iota
	ListValue
	MapValue
)

// Entry is one pair of a mapping.
type Entry struct {
	Key   Scalar
	Value *Value
}

// Entry returns the pair with the given key, or nil.
func (v *Value) Entry(key string) *Entry {
	for _, e := range v.Entries {
		if e.Key.Value == key {
			return e
		}
	}
	return nil
}
