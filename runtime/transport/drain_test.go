package transport_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
)

// TestJoinDrained joins what several Closes have returned.
func TestJoinDrained(t *testing.T) {
	other := errors.New("other")
	left := func(n int) error { return &transport.DrainError{Left: n} }
	for _, c := range []struct {
		errs []error
		left int
		text string
	}{
		{nil, 0, "<nil>"},
		{[]error{nil, nil}, 0, "<nil>"},
		{[]error{left(2), nil, left(3)}, 5, left(5).Error()},
		{[]error{errors.Join(left(2), other), other, fmt.Errorf("other")}, 2, "other\n" + left(2).Error()},
		{[]error{transport.ErrDrainTimeout, transport.ErrDrainTimeout}, 0, transport.ErrDrainTimeout.Error()},
	} {
		err := transport.JoinDrained(c.errs)
		var d *transport.DrainError
		if errors.As(err, &d) && d.Left != c.left || d == nil && c.left > 0 || fmt.Sprint(err) != c.text {
			t.Errorf("%v: %v, want %s", c.errs, err, c.text)
		}
	}
}
