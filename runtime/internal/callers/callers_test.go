package callers_test

import (
	"strings"
	"testing"

	"github.com/xsgen/xsgen/runtime/internal/callers"
)

//go:noinline
func asks(name string) bool {
	found := callers.Any(func(f string) bool { return strings.HasSuffix(f, name) })
	return found
}

//go:noinline
func deep(n int, name string) bool {
	if n == 0 {
		found := asks(name)
		return found
	}
	found := deep(n-1, name)
	return found
}

// TestAny looks for callers near and far, further than one look at the stack shows, and
// for some that there are not.
func TestAny(t *testing.T) {
	for _, n := range []int{0, 1, 250, 256, 1000} {
		if !deep(n, "callers_test.TestAny") || !deep(n, "callers_test.deep") {
			t.Errorf("%d calls deep a caller is not found", n)
		}
		if deep(n, "callers_test.nobody") || deep(n, "callers_test.asks") {
			t.Errorf("%d calls deep a caller is found that is none", n)
		}
	}
}
