package codec

import "math"

// Record walks over the fields of a struct whose names are known. Writers keep the
// order of the declaration, so one pass over the names in that order reads a whole
// message; where fields are in another order, every step back takes a pass more.
// Generated code reads:
//
//	for f := r.Record(); f.Pass(r); {
//		if f.At(r, "\xa2id") && f.Take(r, 1<<0) {
//			e.ID = r.String()
//		}
//		if f.At(r, "\xa4name") && f.Take(r, 1<<1) {
//			e.Name = r.String()
//		}
//	}
type Record struct {
	left, before int // fields to read: now, and when the pass began
	seen         uint64
	unknown      names
}

// Record begins to read a struct.
func (r *Reader) Record() Record { return Record{left: r.mapHeader(), before: -1} }

// Pass reports whether there are fields left to read. If nothing was read since the
// last one, the next field is unknown, and skipped.
func (f *Record) Pass(r *Reader) bool {
	if f.left == f.before {
		r.odd = ""
		f.left--
		f.unknown.note(r, r.name())
		r.Skip()
	}
	if f.before = f.left; f.left > 0 && (r.pos >= len(r.data) || r.data[r.pos]&0xe0 != codeFixStr) {
		r.peek()
	}
	if f.left > 0 && r.err == nil {
		return true
	}
	r.depth--
	r.keyN = 0
	return false
}

// name reads the name of a field.
func (r *Reader) name() []byte {
	name := r.text()
	r.key, r.keyN = r.pos-len(name), len(name)
	return name
}

// peek looks at a name that is not a fixstr, and whose form may not be the shortest:
// At finds it under what it should be.
func (r *Reader) peek() {
	start := r.pos
	name := r.longText()
	if r.err != nil {
		return
	}
	switch n := len(name); {
	case n <= 31:
		r.odd = string([]byte{codeFixStr | byte(n)}) + string(name)
	case r.data[start] != codeStr8 && n <= math.MaxUint8:
		r.odd = string([]byte{codeStr8, byte(n)}) + string(name)
	}
	r.pos = start
}

// At reports whether the next field, if there is one, has a name, which is given as
// it is written, with its header.
func (f *Record) At(r *Reader, name string) bool {
	end := r.pos + len(name)
	return end <= len(r.data) && string(r.data[r.pos:end]) == name || r.odd == name
}

// Take reads the name that At has found, if there is a field left. Each field has a
// bit of its own; those for which there are no more have 0. A name that was read
// before is an error.
func (f *Record) Take(r *Reader, bit uint64) bool {
	if f.left <= 0 {
		return false
	}
	f.left--
	start := r.pos + 1
	end := start + int(r.data[r.pos]&31)
	if r.data[r.pos]&0xe0 == codeFixStr {
		r.pos, r.key, r.keyN = end, start, end-start
	} else {
		r.odd = ""
		r.name()
	}
	if bit == 0 || f.seen&bit != 0 {
		f.again(r, bit)
	}
	f.seen |= bit
	return true
}

func (f *Record) again(r *Reader, bit uint64) {
	if bit == 0 {
		f.unknown.note(r, r.data[r.key:r.key+r.keyN])
		return
	}
	r.fail(ErrDuplicateKey)
}
