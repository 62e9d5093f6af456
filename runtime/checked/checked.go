// Package checked is the arithmetic of specs' expressions: what Go would let
// wrap around panics here instead, with an *Error, which the machine that
// evaluates the expression turns into error.execution. It holds what generated
// expressions call and nothing else; only the standard library is imported.
package checked

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Integer is every integer type; a duration is one.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Float is every floating-point type.
type Float interface{ ~float32 | ~float64 }

// Sentinels that an *Error wraps.
var (
	ErrOverflow       = errors.New("integer overflow")
	ErrDivisionByZero = errors.New("division by zero")
	ErrShift          = errors.New("shift by a negative count")
)

// Error says which operation failed.
type Error struct {
	Op  string // as written: "+", "int8"
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("%v in %s", e.Err, e.Op) }

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.Err }

func overflow(op string) { panic(&Error{op, ErrOverflow}) }

// Add is a + b.
func Add[T Integer](a, b T) T {
	c := a + b
	if (c < a) != (b < 0) {
		overflow("+")
	}
	return c
}

// Sub is a - b.
func Sub[T Integer](a, b T) T {
	c := a - b
	if (c > a) != (b < 0) {
		overflow("-")
	}
	return c
}

// Mul is a * b.
func Mul[T Integer](a, b T) T {
	c := a * b
	if a != 0 && (c/a != b || a+1 == 0 && b < 0 && c == b) {
		overflow("*")
	}
	return c
}

// Div is a / b.
func Div[T Integer](a, b T) T {
	if b == 0 {
		panic(&Error{"/", ErrDivisionByZero})
	}
	c := a / b
	if a < 0 && b < 0 && c < 0 {
		overflow("/")
	}
	return c
}

// Mod is a % b.
func Mod[T Integer](a, b T) T {
	if b == 0 {
		panic(&Error{"%", ErrDivisionByZero})
	}
	return a % b
}

// Neg is -a.
func Neg[T Integer](a T) T {
	if a != 0 && (-a < 0) == (a < 0) {
		overflow("-")
	}
	return -a
}

// Shl is a << n; bits that are lost are an overflow.
func Shl[T, N Integer](a T, n N) T {
	if n < 0 {
		panic(&Error{"<<", ErrShift})
	}
	c := a << n
	if c>>n != a {
		overflow("<<")
	}
	return c
}

// Shr is a >> n.
func Shr[T, N Integer](a T, n N) T {
	if n < 0 {
		panic(&Error{">>", ErrShift})
	}
	return a >> n
}

// Int converts between integer types.
func Int[T, F Integer](v F) T {
	t := T(v)
	if F(t) != v || (t < 0) != (v < 0) {
		overflow(fmt.Sprintf("%T", t))
	}
	return t
}

// Trunc converts a float to an integer; the fraction is dropped, as in Go, and
// what is then out of range, or not a number, is an overflow.
func Trunc[T Integer, F Float](v F) T {
	f := math.Trunc(float64(v))
	t := T(f)
	low := T(0) - 1
	signed := low < 0
	if math.IsNaN(f) || !signed && f < 0 || f >= 1<<64 || signed && (f < -1<<63 || f >= 1<<63) || float64(t) != f {
		overflow(fmt.Sprintf("%T", t))
	}
	return t
}

// Before reports whether a is before b.
func Before(a, b time.Time) bool { return a.Before(b) }

// Contains reports whether t is within s.
func Contains(s, t string) bool { return strings.Contains(s, t) }

// Ptr returns a pointer to a new v.
func Ptr[T any](v T) *T { return &v }
