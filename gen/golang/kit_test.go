package golang

import "testing"

// TestTestPackage: a package whose name ends in _test is Go's own affair.
func TestTestPackage(t *testing.T) {
	for pkg, want := range map[string]string{"order": "ordertest", "order_": "ordertest", "x_y": "x_ytest"} {
		if got := TestPackage(pkg); got != want {
			t.Errorf("the kit of %s is %s", pkg, got)
		}
	}
}
