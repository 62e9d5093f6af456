package codec

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"
)

// Reader reads one message. The first error sticks, and everything that is
// read after it is zero, so that generated code checks once, with Finish. A
// Reader is a value for one message and one goroutine; what it returns shares
// no memory with the message.
type Reader struct {
	data   []byte
	copied string // data, once a string of it was asked for
	texts  *Texts // where strings are copied to, if not there
	odd    string // the next field's name as Record knows it, if its form is not the shortest
	pos    int
	depth  int
	key    int   // where the key that was read last begins, for messages
	keyN   int   // its length; 0 for none
	used   int64 // memory that slices, maps and optionals were made of
	err    *DecodeError
}

// NewReader returns a Reader of a message of at most MaxSize bytes.
func NewReader(b []byte) Reader { return NewReaderSize(b, MaxSize) }

// NewReaderSize returns a Reader of a message of at most limit bytes.
func NewReaderSize(b []byte, limit int) Reader {
	r := Reader{data: b}
	if len(b) > limit {
		r.fail(ErrTooLarge)
	}
	return r
}

// Reset makes r what NewReader returns, without copying a Reader, which would take
// as long as reading a field.
func (r *Reader) Reset(b []byte) {
	*r = Reader{data: b}
	if len(b) > MaxSize {
		r.refuse()
	}
}

//go:noinline
func (r *Reader) refuse() { r.fail(ErrTooLarge) }

// Finish returns a *DecodeError for the first thing that was wrong, or nil.
func (r *Reader) Finish() error {
	if r.err == nil && r.pos < len(r.data) {
		r.keyN = 0
		r.fail(ErrTrailing)
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

// fail keeps the first error and leaves nothing to read.
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = &DecodeError{Offset: r.pos, Err: err}
		if r.keyN > 0 && r.key+r.keyN <= len(r.data) {
			r.err.Field = string(r.data[r.key : r.key+r.keyN])
		}
	}
	r.data, r.pos = nil, 0
}

// Offset is how much was read of the message.
func (r *Reader) Offset() int { return r.pos }

// Failed reports whether something was wrong already.
func (r *Reader) Failed() bool { return r.err != nil }

// code reads a format code; where there is none it is codeNever.
func (r *Reader) code() byte {
	if r.pos >= len(r.data) {
		r.fail(ErrTruncated)
		return codeNever
	}
	c := r.data[r.pos]
	r.pos++
	return c
}

// take reads n bytes, which stay part of the message; nil where there are fewer.
func (r *Reader) take(n int) []byte {
	if n < 0 || n > len(r.data)-r.pos {
		r.fail(ErrTruncated)
		return nil
	}
	p := r.data[r.pos : r.pos+n]
	r.pos += n
	return p
}

// number reads n bytes, big-endian.
func (r *Reader) number(n int) uint64 {
	p := r.take(n)
	switch len(p) {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(p))
	case 4:
		return uint64(binary.BigEndian.Uint32(p))
	case 8:
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// wrongType reports the value whose code was just read.
func (r *Reader) wrongType() {
	if r.err == nil {
		r.pos--
		r.fail(ErrType)
	}
}

// Nil reports whether the next value is nil, and reads it if so.
func (r *Reader) Nil() bool {
	if r.pos < len(r.data) && r.data[r.pos] == codeNil {
		r.pos++
		return true
	}
	return false
}

// Bool reads a boolean.
func (r *Reader) Bool() bool {
	c := r.code()
	if c != codeTrue && c != codeFalse {
		r.wrongType()
	}
	return c == codeTrue
}

// shared is the size up to which a message is copied once for all of its
// strings, which are then parts of the copy. A string of a larger message is
// copied alone, so that it does not keep the rest of the message alive.
const shared = 1024

// String reads a string, which must be UTF-8.
func (r *Reader) String() string {
	if start := r.pos + 1; start <= len(r.data) && r.data[start-1]&0xe0 == codeFixStr {
		end := start + int(r.data[start-1]&31)
		if end <= len(r.data) && asciiBytes(r.data[start:end]) {
			r.pos = end
			return r.own(start, end)
		}
	}
	p := r.longText()
	if !utf8.Valid(p) {
		r.pos -= len(p)
		r.fail(ErrInvalidUTF8)
		return ""
	}
	return r.own(r.pos-len(p), r.pos)
}

// own is a part of the message that does not share its memory.
func (r *Reader) own(start, end int) string {
	switch {
	case start == end:
		return ""
	case r.texts != nil:
		return r.texts.Add(r.data[start:end])
	case len(r.data) > shared:
		return string(r.data[start:end])
	case r.copied == "":
		r.copied = string(r.data)
	}
	return r.copied[start:end]
}

// StringLike is String for one that is likely to be a string that String has returned before:
// then it is not copied.
func (r *Reader) StringLike(known string) string {
	if n := len(known); n > 0 && n < 32 {
		start := r.pos + 1
		if end := start + n; end <= len(r.data) && r.data[start-1] == codeFixStr|byte(n) && string(r.data[start:end]) == known {
			r.pos = end
			return known
		}
	}
	return r.String()
}

// text reads a string that stays part of the message, and that may not be UTF-8.
func (r *Reader) text() []byte {
	if pos := r.pos; pos < len(r.data) && r.data[pos]&0xe0 == codeFixStr {
		if end := pos + 1 + int(r.data[pos]&31); end <= len(r.data) {
			r.pos = end
			return r.data[pos+1 : end]
		}
	}
	return r.longText()
}

func (r *Reader) longText() []byte {
	c := r.code()
	switch {
	case c&0xe0 == codeFixStr:
		return r.take(int(c & 31))
	case c < codeStr8 || c > codeStr32:
		r.wrongType()
		return nil
	}
	return r.take(int(r.number(1 << (c - codeStr8))))
}

// Bytes reads a byte string into memory of its own; nil where it is empty.
func (r *Reader) Bytes() []byte {
	c := r.code()
	if c == codeNil {
		return nil
	}
	if c < codeBin8 || c > codeBin32 {
		r.wrongType()
		return nil
	}
	p := r.take(int(r.number(1 << (c - codeBin8))))
	return append([]byte(nil), p...)
}

// Int reads an integer of the given number of bits.
func (r *Reader) Int(bits int) int64 {
	if r.pos < len(r.data) && r.data[r.pos] < codeFixMap {
		r.pos++
		return int64(r.data[r.pos-1])
	}
	return r.longInt(bits)
}

func (r *Reader) longInt(bits int) int64 {
	c := r.code()
	if c >= negFixInt && r.err == nil {
		return int64(int8(c))
	}
	start := r.pos - 1
	var v int64
	switch c {
	case codeInt8:
		v = int64(int8(r.number(1)))
	case codeInt16:
		v = int64(int16(r.number(2)))
	case codeInt32:
		v = int64(int32(r.number(4)))
	case codeInt64:
		v = int64(r.number(8))
	case codeUint8, codeUint16, codeUint32, codeUint64:
		u := r.number(1 << (c - codeUint8))
		if u > math.MaxInt64 {
			r.outOfRange(start)
			return 0
		}
		v = int64(u)
	default:
		r.wrongType()
		return 0
	}
	if shift := 64 - bits; v<<shift>>shift != v {
		r.outOfRange(start)
		return 0
	}
	return v
}

// Uint reads an unsigned integer of the given number of bits.
func (r *Reader) Uint(bits int) uint64 {
	c := r.code()
	if c < codeFixMap {
		return uint64(c)
	}
	start := r.pos - 1
	var v uint64
	switch {
	case c >= codeUint8 && c <= codeUint64:
		v = r.number(1 << (c - codeUint8))
	case c >= negFixInt, c >= codeInt8 && c <= codeInt64:
		r.pos--
		i := r.Int(64)
		if i < 0 {
			r.outOfRange(start)
			return 0
		}
		v = uint64(i)
	default:
		r.wrongType()
		return 0
	}
	if bits < 64 && v>>bits != 0 {
		r.outOfRange(start)
		return 0
	}
	return v
}

func (r *Reader) outOfRange(start int) {
	if r.err == nil {
		r.pos = start
		r.fail(ErrRange)
	}
}

// Float32 reads a float, or an integer, that a float32 holds exactly.
func (r *Reader) Float32() float32 {
	start := r.pos
	v := r.Float64()
	f := float32(v)
	if float64(f) != v && !math.IsNaN(v) {
		r.outOfRange(start)
		return 0
	}
	return f
}

// Float64 reads a float, or an integer that a float64 holds exactly: dynamic
// languages write whole floats as integers.
func (r *Reader) Float64() float64 {
	start := r.pos
	switch c := r.code(); c {
	case codeFloat64:
		return math.Float64frombits(r.number(8))
	case codeFloat32:
		return float64(math.Float32frombits(uint32(r.number(4))))
	case codeUint64:
		u := r.number(8)
		f := float64(u)
		if f >= 1<<64 || uint64(f) != u {
			r.outOfRange(start)
			return 0
		}
		return f
	default:
		if r.err != nil {
			return 0
		}
		r.pos = start
		i := r.Int(64)
		f := float64(i)
		if f >= 1<<63 || int64(f) != i {
			r.outOfRange(start)
			return 0
		}
		return f
	}
}

// Duration reads nanoseconds.
func (r *Reader) Duration() time.Duration { return time.Duration(r.Int(64)) }

// Time reads a timestamp extension; the time is in UTC.
func (r *Reader) Time() time.Time {
	start := r.pos
	n := 0
	switch c := r.code(); c {
	case codeFixExt4:
		n = 4
	case codeFixExt8:
		n = 8
	case codeExt8:
		n = int(r.number(1))
	default:
		r.wrongType()
		return time.Time{}
	}
	p := r.take(1 + n)
	if r.err != nil {
		return time.Time{}
	}
	t, ok := timestamp(p)
	if !ok {
		r.pos = start
		r.fail(ErrType)
	}
	return t
}

// timestamp reads the type and the payload of a timestamp extension.
func timestamp(p []byte) (time.Time, bool) {
	if p[0] != extTime {
		return time.Time{}, false
	}
	var secs int64
	var nanos uint64
	switch p = p[1:]; len(p) {
	case 4:
		secs = int64(binary.BigEndian.Uint32(p))
	case 8:
		v := binary.BigEndian.Uint64(p)
		secs, nanos = int64(v&(1<<34-1)), v>>34
	case 12:
		nanos, secs = uint64(binary.BigEndian.Uint32(p)), int64(binary.BigEndian.Uint64(p[4:]))
	default:
		return time.Time{}, false
	}
	if nanos >= 1e9 {
		return time.Time{}, false
	}
	return time.Unix(secs, int64(nanos)).UTC(), true
}
