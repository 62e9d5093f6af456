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

// AppendMap begins a struct or a map of n pairs.
func AppendMap(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, codeFixMap|byte(n))
	case n <= math.MaxUint16:
		return append(b, codeMap16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeMap32), uint32(n))
}

// AppendArray begins an array of n elements.
func AppendArray(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, codeFixArray|byte(n))
	case n <= math.MaxUint16:
		return append(b, codeArray16, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeArray32), uint32(n))
}

// AppendString appends a string, which must be UTF-8. The error that is passed
// is returned unless it is nil and there is a new one: so it runs through a
// message, and is looked at once.
func AppendString(b []byte, s string, err error) ([]byte, error) {
	n := len(b)
	if len(s) >= 32 || cap(b)-n <= len(s) {
		return appendLong(b, s, err)
	}
	b = b[:n+1+len(s)]
	b[n] = codeFixStr | byte(len(s))
	// Copying and looking at the bytes is one pass, eight at a time; the last eight
	// overlap those before.
	var or uint64
	if p, rest := b[n+1:], s; len(s) >= 8 {
		or = word(s[len(s)-8:])
		binary.LittleEndian.PutUint64(p[len(p)-8:], or)
		for len(rest) > 8 && len(p) >= 8 {
			w := word(rest)
			binary.LittleEndian.PutUint64(p, w)
			or |= w
			rest, p = rest[8:], p[8:]
		}
	} else {
		for i := 0; i < len(rest) && i < len(p); i++ {
			p[i] = rest[i]
			or |= uint64(rest[i])
		}
	}
	if or&highBits != 0 {
		err = refuse(s, err)
	}
	return b, err
}

// refuse returns err, or ErrInvalidUTF8 if there is none and s is not UTF-8.
func refuse(s string, err error) error {
	if err == nil && !utf8.ValidString(s) {
		return ErrInvalidUTF8
	}
	return err
}

func appendLong(b []byte, s string, err error) ([]byte, error) {
	if len(s) < 32 {
		b = append(b, codeFixStr|byte(len(s)))
	} else if b = appendStringHeader(b, len(s)); b == nil {
		return nil, ErrTooLarge
	}
	if !ascii(s) {
		err = refuse(s, err)
	}
	return append(b, s...), err
}

const highBits = 0x8080808080808080

// ascii reports whether s has only bytes below 0x80, as most strings of events
// do: eight at a time, the last eight overlapping those before.
func ascii(s string) bool {
	if len(s) < 8 {
		var or byte
		for i := range len(s) {
			or |= s[i]
		}
		return or < utf8.RuneSelf
	}
	or := word(s[len(s)-8:])
	for len(s) >= 8 {
		or |= word(s)
		s = s[8:]
	}
	return or&highBits == 0
}

// asciiBytes is ascii for bytes.
func asciiBytes(p []byte) bool {
	if len(p) < 8 {
		var or byte
		for _, c := range p {
			or |= c
		}
		return or < utf8.RuneSelf
	}
	or := binary.LittleEndian.Uint64(p[len(p)-8:])
	for len(p) >= 8 {
		or |= binary.LittleEndian.Uint64(p)
		p = p[8:]
	}
	return or&highBits == 0
}

// word loads eight bytes; the compiler makes one load of it.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// appendStringHeader returns nil for a length that MessagePack cannot say.
func appendStringHeader(b []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(b, codeStr8, byte(n))
	case n <= math.MaxUint16:
		return append(b, codeStr16, byte(n>>8), byte(n))
	case uint64(n) > math.MaxUint32:
		return nil
	}
	return binary.BigEndian.AppendUint32(append(b, codeStr32), uint32(n))
}

// AppendBytes appends a byte string; err is as AppendString's.
func AppendBytes(b, p []byte, err error) ([]byte, error) {
	switch n := len(p); {
	case n <= math.MaxUint8:
		b = append(b, codeBin8, byte(n))
	case n <= math.MaxUint16:
		b = append(b, codeBin16, byte(n>>8), byte(n))
	case uint64(n) > math.MaxUint32:
		return nil, ErrTooLarge
	default:
		b = binary.BigEndian.AppendUint32(append(b, codeBin32), uint32(n))
	}
	return append(b, p...), err
}

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

// AppendInt appends a signed integer.
func AppendInt(b []byte, v int64) []byte {
	switch {
	case v >= 0:
		return AppendUint(b, uint64(v))
	case v >= -32:
		return append(b, byte(v))
	case v >= math.MinInt8:
		return append(b, codeInt8, byte(v))
	case v >= math.MinInt16:
		return append(b, codeInt16, byte(v>>8), byte(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, codeInt32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, codeInt64), uint64(v))
}

// AppendUint appends an unsigned integer.
func AppendUint(b []byte, v uint64) []byte {
	switch {
	case v < 128:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, codeUint8, byte(v))
	case v <= math.MaxUint16:
		return append(b, codeUint16, byte(v>>8), byte(v))
	case v <= math.MaxUint32:
		return append(b, codeUint32, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return binary.BigEndian.AppendUint64(append(b, codeUint64), v)
}

// AppendFloat32 appends a 32-bit float.
func AppendFloat32(b []byte, v float32) []byte {
	return binary.BigEndian.AppendUint32(append(b, codeFloat32), math.Float32bits(v))
}

// AppendFloat64 appends a 64-bit float.
func AppendFloat64(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, codeFloat64), math.Float64bits(v))
}

// AppendDuration appends a duration as nanoseconds.
func AppendDuration(b []byte, v time.Duration) []byte { return AppendInt(b, int64(v)) }

// AppendTime appends a time as the timestamp extension, in its shortest form.
// The location and a monotonic reading are not kept.
func AppendTime(b []byte, v time.Time) []byte {
	secs, nanos := uint64(v.Unix()), uint64(v.Nanosecond())
	switch {
	case secs>>34 != 0:
		b = binary.BigEndian.AppendUint32(append(b, codeExt8, 12, extTime), uint32(nanos))
		return binary.BigEndian.AppendUint64(b, secs)
	case nanos == 0 && secs <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, codeFixExt4, extTime), uint32(secs))
	}
	return binary.BigEndian.AppendUint64(append(b, codeFixExt8, extTime), nanos<<34|secs)
}

// SortedKeys are the keys of m in the order in which a map is written.
func SortedKeys[T any](m map[string]T) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}

// Descend returns err, or ErrTooDeep for a struct, slice or map that is depth
// levels within others.
func Descend(depth int, err error) error {
	if err == nil && depth >= MaxDepth {
		return ErrTooDeep
	}
	return err
}
