package codec

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// Errors of writing.
var (
	// ErrInvalidUTF8 is returned for a string that is not UTF-8, by writers and
	// readers alike.
	ErrInvalidUTF8 = errors.New("codec: a string is not valid UTF-8")
	// ErrTooDeep is returned for a value that is nested deeper than MaxDepth;
	// writing a value that contains itself ends with it.
	ErrTooDeep = errors.New("codec: nested deeper than 32 levels")
	// ErrTooLarge is returned for a message, or a part, over its size limit.
	ErrTooLarge = errors.New("codec: larger than the limit")
)

// Writer appends MessagePack to a byte slice. The first error sticks; what was
// written after it is meaningless. A Writer is a value for one message and one
// goroutine.
type Writer struct {
	buf   []byte
	depth int
	err   error
}

// NewWriter returns a Writer that appends to b.
func NewWriter(b []byte) Writer { return Writer{buf: b} }

// Finish returns the bytes, or the first error.
func (w *Writer) Finish() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Fail makes Finish return err, unless something failed before.
func (w *Writer) Fail(err error) { w.fail(err) }

// Map begins a struct or a map of n pairs; End ends it.
func (w *Writer) Map(n int) {
	w.enter()
	w.mapHeader(n)
}

// Array begins an array of n elements; End ends it.
func (w *Writer) Array(n int) {
	w.enter()
	w.arrayHeader(n)
}

func (w *Writer) enter() {
	if w.depth++; w.depth > MaxDepth {
		w.fail(ErrTooDeep)
	}
}

// End ends what Map or Array began.
func (w *Writer) End() { w.depth-- }

// Failed reports whether something failed already. Who writes a value that can
// contain itself looks before it descends.
func (w *Writer) Failed() bool { return w.err != nil }

// Raw appends s as it is: generated code writes its field names with it.
func (w *Writer) Raw(s string) { w.buf = append(w.buf, s...) }

// Nil writes nil.
func (w *Writer) Nil() { w.buf = append(w.buf, codeNil) }

func (w *Writer) mapHeader(n int) {
	switch {
	case n < 16:
		w.buf = append(w.buf, codeFixMap|byte(n))
	case n <= math.MaxUint16:
		w.buf = append(w.buf, codeMap16, byte(n>>8), byte(n))
	default:
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, codeMap32), uint32(n))
	}
}

func (w *Writer) arrayHeader(n int) {
	switch {
	case n < 16:
		w.buf = append(w.buf, codeFixArray|byte(n))
	case n <= math.MaxUint16:
		w.buf = append(w.buf, codeArray16, byte(n>>8), byte(n))
	default:
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, codeArray32), uint32(n))
	}
}

// String writes a string, which must be UTF-8.
func (w *Writer) String(s string) {
	if len(s) < 32 {
		w.buf = append(w.buf, codeFixStr|byte(len(s)))
	} else {
		w.stringHeader(len(s))
	}
	w.buf = append(w.buf, s...)
	if !utf8.ValidString(s) {
		w.fail(ErrInvalidUTF8)
	}
}

func (w *Writer) stringHeader(n int) {
	switch {
	case n <= math.MaxUint8:
		w.buf = append(w.buf, codeStr8, byte(n))
	case n <= math.MaxUint16:
		w.buf = append(w.buf, codeStr16, byte(n>>8), byte(n))
	default:
		w.large(n)
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, codeStr32), uint32(n))
	}
}

func (w *Writer) large(n int) {
	if uint64(n) > math.MaxUint32 {
		w.fail(ErrTooLarge)
	}
}

// Bytes writes a byte string.
func (w *Writer) Bytes(p []byte) {
	switch n := len(p); {
	case n <= math.MaxUint8:
		w.buf = append(w.buf, codeBin8, byte(n))
	case n <= math.MaxUint16:
		w.buf = append(w.buf, codeBin16, byte(n>>8), byte(n))
	default:
		w.large(n)
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, codeBin32), uint32(n))
	}
	w.buf = append(w.buf, p...)
}

// Bool writes a boolean.
func (w *Writer) Bool(v bool) {
	c := byte(codeFalse)
	if v {
		c = codeTrue
	}
	w.buf = append(w.buf, c)
}

// Int writes a signed integer.
func (w *Writer) Int(v int64) {
	switch {
	case v >= 0:
		w.Uint(uint64(v))
	case v >= -32:
		w.buf = append(w.buf, byte(v))
	case v >= math.MinInt8:
		w.buf = append(w.buf, codeInt8, byte(v))
	case v >= math.MinInt16:
		w.buf = append(w.buf, codeInt16, byte(v>>8), byte(v))
	case v >= math.MinInt32:
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, codeInt32), uint32(v))
	default:
		w.buf = binary.BigEndian.AppendUint64(append(w.buf, codeInt64), uint64(v))
	}
}

// Uint writes an unsigned integer.
func (w *Writer) Uint(v uint64) {
	switch {
	case v < 128:
		w.buf = append(w.buf, byte(v))
	case v <= math.MaxUint8:
		w.buf = append(w.buf, codeUint8, byte(v))
	case v <= math.MaxUint16:
		w.buf = append(w.buf, codeUint16, byte(v>>8), byte(v))
	case v <= math.MaxUint32:
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, codeUint32), uint32(v))
	default:
		w.buf = binary.BigEndian.AppendUint64(append(w.buf, codeUint64), v)
	}
}

// Float32 writes a 32-bit float.
func (w *Writer) Float32(v float32) {
	w.buf = binary.BigEndian.AppendUint32(append(w.buf, codeFloat32), math.Float32bits(v))
}

// Float64 writes a 64-bit float.
func (w *Writer) Float64(v float64) {
	w.buf = binary.BigEndian.AppendUint64(append(w.buf, codeFloat64), math.Float64bits(v))
}

// Duration writes a duration as nanoseconds.
func (w *Writer) Duration(v time.Duration) { w.Int(int64(v)) }

// Time writes a time as the timestamp extension, in its shortest form. The
// location and a monotonic reading are not kept.
func (w *Writer) Time(v time.Time) {
	secs, nanos := uint64(v.Unix()), uint64(v.Nanosecond())
	switch {
	case secs>>34 != 0:
		w.buf = append(w.buf, codeExt8, 12, extTime)
		w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(nanos))
		w.buf = binary.BigEndian.AppendUint64(w.buf, secs)
	case nanos == 0 && secs <= math.MaxUint32:
		w.buf = binary.BigEndian.AppendUint32(append(w.buf, codeFixExt4, extTime), uint32(secs))
	default:
		w.buf = binary.BigEndian.AppendUint64(append(w.buf, codeFixExt8, extTime), nanos<<34|secs)
	}
}

// SortedKeys are the keys of m in the order in which a map is written.
func SortedKeys[T any](m map[string]T) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}
