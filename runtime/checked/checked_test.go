package checked_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/xsgen/xsgen/runtime/checked"
)

// try returns what f returns, or the error that it panics with.
func try[T any](f func() T) (v T, err error) {
	defer func() {
		if e, ok := recover().(*checked.Error); ok {
			err = e
		}
	}()
	return f(), nil
}

// compare runs every operation on every pair of T's values and compares it with
// arithmetic that does not overflow.
func compare[T checked.Integer](t *testing.T, values []T) {
	t.Helper()
	wide := func(v T) *big.Int {
		b, _ := new(big.Int).SetString(sprint(v), 10)
		return b
	}
	ops := []struct {
		name string
		do   func(a, b T) T
		big  func(z, a, b *big.Int) *big.Int
	}{
		{"+", checked.Add[T], (*big.Int).Add},
		{"-", checked.Sub[T], (*big.Int).Sub},
		{"*", checked.Mul[T], (*big.Int).Mul},
		{"/", checked.Div[T], (*big.Int).Quo},
		{"%", checked.Mod[T], (*big.Int).Rem},
		{"neg", func(a, _ T) T { return checked.Neg(a) }, func(z, a, _ *big.Int) *big.Int { return z.Neg(a) }},
	}
	for _, op := range ops {
		for _, a := range values {
			for _, b := range values {
				got, err := try(func() T { return op.do(a, b) })
				if b == 0 && (op.name == "/" || op.name == "%") {
					if !errors.Is(err, checked.ErrDivisionByZero) {
						t.Errorf("%v %s 0: %v", a, op.name, err)
					}
					continue
				}
				want := op.big(new(big.Int), wide(a), wide(b))
				fits := wide(T(want.Int64())).Cmp(want) == 0 || wide(T(want.Uint64())).Cmp(want) == 0
				if fits && (err != nil || wide(got).Cmp(want) != 0) {
					t.Fatalf("%v %s %v = %v, %v, want %v", a, op.name, b, got, err, want)
				}
				if !fits && !errors.Is(err, checked.ErrOverflow) {
					t.Fatalf("%v %s %v = %v, %v, want an overflow (%v)", a, op.name, b, got, err, want)
				}
			}
		}
	}
}

func sprint[T checked.Integer](v T) string {
	if v < 0 {
		return big.NewInt(int64(v)).String()
	}
	return new(big.Int).SetUint64(uint64(v)).String()
}

func TestArithmetic(t *testing.T) {
	var i8 []int8
	var u8 []uint8
	for i := range 256 {
		i8, u8 = append(i8, int8(i)), append(u8, uint8(i))
	}
	compare(t, i8)
	compare(t, u8)
	compare(t, []int64{0, 1, -1, 2, -2, 3, math.MaxInt64, math.MinInt64, math.MaxInt64 / 2, math.MinInt64 / 2, 1 << 32})
	compare(t, []uint64{0, 1, 2, 3, math.MaxUint64, math.MaxUint64 / 2, 1 << 32, 1<<32 + 1})
}

func TestConversions(t *testing.T) {
	overflows := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, checked.ErrOverflow) {
			t.Errorf("%s: %v, want an overflow", name, err)
		}
	}
	_, err := try(func() int8 { return checked.Int[int8](128) })
	overflows("int8(128)", err)
	_, err = try(func() uint64 { return checked.Int[uint64](-1) })
	overflows("uint64(-1)", err)
	_, err = try(func() int64 { return checked.Int[int64](uint64(math.MaxUint64)) })
	overflows("int64(max)", err)
	for _, f := range []float64{math.NaN(), math.Inf(1), 1e30, -1e30, 1 << 63} {
		_, err = try(func() int64 { return checked.Trunc[int64](f) })
		overflows("int64 of a float", err)
	}
	_, err = try(func() uint8 { return checked.Trunc[uint8](-1.0) })
	overflows("uint8(-1.0)", err)
	_, err = try(func() int8 { return checked.Shl(int8(1), 7) })
	overflows("1<<7", err)
	_, err = try(func() int { return checked.Shl(1, -1) })
	if !errors.Is(err, checked.ErrShift) {
		t.Errorf("1<<-1: %v", err)
	}
	if v, err := try(func() int { return checked.Trunc[int](-2.9) }); v != -2 || err != nil {
		t.Errorf("int(-2.9) = %d, %v", v, err)
	}
	if v, err := try(func() uint8 { return checked.Int[uint8](255) }); v != 255 || err != nil {
		t.Errorf("uint8(255) = %d, %v", v, err)
	}
}
