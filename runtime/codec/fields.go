package codec

import (
	"unicode/utf8"
	"unsafe" // for Sizeof, which is a constant to the compiler
)

// Fields walks over the fields of a struct whose names are not known, or few:
//
//	for f := r.Struct(); f.Next(r); {
//		switch string(f.Key) {
//		case "name":
//			f.Note(r)
//			name = r.String()
//		default:
//			f.Skip(r)
//		}
//	}
//
// Generated code uses Record.
type Fields struct {
	Key []byte // the field's name; part of the message

	left int
	seen names
}

// Struct begins to read a struct.
func (r *Reader) Struct() Fields { return Fields{left: r.mapHeader()} }

// Next reads the next field's name, and reports whether there is one.
func (f *Fields) Next(r *Reader) bool {
	if f.left <= 0 || r.err != nil {
		r.depth--
		r.keyN = 0
		return false
	}
	f.left--
	f.Key = r.name()
	return r.err == nil
}

// Note checks the field's name: it must be UTF-8, and new.
func (f *Fields) Note(r *Reader) { f.seen.note(r, f.Key) }

// Skip notes the field's name, and reads its value.
func (f *Fields) Skip(r *Reader) {
	f.Note(r)
	r.Skip()
}

// names are names of fields that were read.
type names map[string]struct{}

func (n *names) note(r *Reader, name []byte) {
	if !utf8.Valid(name) {
		r.fail(ErrInvalidUTF8)
		return
	}
	if _, dup := (*n)[string(name)]; dup {
		r.fail(ErrDuplicateKey)
		return
	}
	if *n == nil {
		*n = names{}
	}
	(*n)[string(name)] = struct{}{}
}

func (r *Reader) mapHeader() int {
	c := r.code()
	n := 0
	switch {
	case c&0xf0 == codeFixMap:
		n = int(c & 15)
	case c == codeMap16:
		n = int(r.number(2))
	case c == codeMap32:
		n = int(r.number(4))
	default:
		r.wrongType()
	}
	return r.enter(n, 2*n)
}

func (r *Reader) arrayHeader() int {
	c := r.code()
	n := 0
	switch {
	case c&0xf0 == codeFixArray:
		n = int(c & 15)
	case c == codeArray16:
		n = int(r.number(2))
	case c == codeArray32:
		n = int(r.number(4))
	default:
		r.wrongType()
	}
	return r.enter(n, n)
}

// enter goes one level down to n elements that have values values, each of at
// least one byte.
func (r *Reader) enter(n, values int) int {
	r.depth++
	switch {
	case r.err != nil:
		return 0
	case r.depth > MaxDepth:
		r.fail(ErrTooDeep)
		return 0
	case values > len(r.data)-r.pos:
		r.fail(ErrCount)
		return 0
	}
	return n
}

// Elements walks over an array or a map. Generated code reads:
//
//	a := r.Array()
//	s := codec.Make[string](r, a)
//	for a.Next(r) {
//		s = append(s, r.String())
//	}
type Elements struct {
	left, read int
}

// Array begins to read an array; nil is an empty one.
func (r *Reader) Array() Elements {
	if r.Nil() {
		r.depth++
		return Elements{}
	}
	return Elements{left: r.arrayHeader()}
}

// Map begins to read a map of strings to values; nil is an empty one.
func (r *Reader) Map() Elements {
	if r.Nil() {
		r.depth++
		return Elements{}
	}
	return Elements{left: r.mapHeader()}
}

// Next reports whether there is another element to read.
func (e *Elements) Next(r *Reader) bool {
	if e.left <= 0 || r.err != nil {
		r.depth--
		return false
	}
	e.left--
	e.read++
	return true
}

// Unique fails unless a map that was filled with every pair so far has n of them.
func (e *Elements) Unique(r *Reader, n int) {
	if n != e.read && r.err == nil {
		r.fail(ErrDuplicateKey)
	}
}

// prealloc bounds what is allocated before the elements are seen.
const prealloc = 256

// Make returns a slice with room for e's elements; nil where there are none, or
// where they would need more memory than the message may.
func Make[T any](r *Reader, e Elements) []T {
	var v T
	if e.left == 0 || !r.reserve(e.left, unsafe.Sizeof(v)) {
		return nil
	}
	return make([]T, 0, min(e.left, prealloc))
}

// group is the number of pairs that a map has room for at least.
const group = 8

// MakeMap returns a map with room for e's pairs; nil where there are none, or where
// they would need more memory than the message may.
func MakeMap[T any](r *Reader, e Elements) map[string]T {
	var pair struct {
		_ string
		_ T
	}
	if e.left == 0 || !r.reserve(max(e.left, group), unsafe.Sizeof(pair)) {
		return nil
	}
	return make(map[string]T, min(e.left, prealloc))
}

// New returns a zero value for an optional. If the message may not have the memory
// that it needs, reading has failed.
func New[T any](r *Reader) *T {
	v := new(T)
	r.reserve(1, unsafe.Sizeof(*v))
	return v
}

// reserve counts memory for n values of a size, and fails where a message of this
// size may not have it.
func (r *Reader) reserve(n int, size uintptr) bool {
	r.used += int64(n) * int64(size)
	if r.used <= FreeMemory+MaxGrowth*int64(len(r.data)) {
		return true
	}
	r.fail(ErrMemory)
	return false
}

// Skip reads any value, which must be well formed: maps have strings for keys
// and none twice, and strings are UTF-8.
func (r *Reader) Skip() {
	if r.pos >= len(r.data) {
		r.fail(ErrTruncated)
		return
	}
	c := r.data[r.pos]
	switch s := shapeOf(c); {
	case s.kind == pairs:
		r.skipMap()
	case s.kind == elements:
		for n := r.arrayHeader(); n > 0 && r.err == nil; n-- {
			r.Skip()
		}
		r.depth--
	case s.kind == invalid:
		r.fail(ErrType)
	case c&0xe0 == codeFixStr || c >= codeStr8 && c <= codeStr32:
		if p := r.text(); !utf8.Valid(p) {
			r.pos -= len(p)
			r.fail(ErrInvalidUTF8)
		}
	default:
		r.pos++
		n := s.fixed
		if s.length > 0 {
			n += int(r.number(s.length))
		}
		r.take(n)
	}
}

func (r *Reader) skipMap() {
	for f := r.Struct(); f.Next(r); {
		f.Skip(r)
	}
}
