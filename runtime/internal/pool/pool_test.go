package pool

import (
	"testing"

	"github.com/xsgen/xsgen/runtime/internal/poison"
)

func TestUsage(t *testing.T) {
	taken, missed, held := Usage()
	first := Copy([]byte("secret"))
	if all, _, bytes := Usage(); all != taken+1 || bytes != held+6 || string(*first) != "secret" {
		t.Errorf("%d were taken, %d bytes are held: %q", all, bytes, *first)
	}
	Release(first, true)
	if !poison.On && string(*first) != "\x00\x00\x00\x00\x00\x00" || poison.On && string(*first) != "\xc1\xc1\xc1\xc1\xc1\xc1" {
		t.Errorf("%q is left", *first)
	}
	const n = 100
	for range n {
		Release(Copy([]byte("a")), false)
	}
	all, allocated, bytes := Usage()
	if all != taken+1+n || bytes != held || !poison.On && allocated-missed > n/2 || poison.On && allocated-missed != n+1 {
		t.Errorf("%d were taken, %d of them allocated, and %d bytes are held", all, allocated, bytes)
	}
}

// TestLarge gives back a buffer that is too large to be kept.
func TestLarge(t *testing.T) {
	b := Copy(make([]byte, largest+1))
	Release(b, false)
	for range 10 {
		if c := Copy([]byte("a")); cap(*c) > largest {
			t.Error("it is kept")
		}
	}
}
