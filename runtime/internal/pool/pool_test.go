package pool

import (
	"testing"

	"github.com/xsgen/xsgen/runtime/internal/poison"
)

func TestUsage(t *testing.T) {
	taken, missed, held := Usage()
	first := Fill(nil, []byte("secret"))
	if all, allocated, bytes := Usage(); all != taken+1 || allocated != missed+1 || bytes != held+6 || string(first) != "secret" {
		t.Errorf("%d were filled, %d allocated, %d bytes are held: %q", all, allocated, bytes, first)
	}
	kept := Empty(first, true)
	if !poison.On && string(first) != "\x00\x00\x00\x00\x00\x00" || poison.On && string(first) != "\xc1\xc1\xc1\xc1\xc1\xc1" {
		t.Errorf("%q is left", first)
	}
	const n = 100
	for range n {
		kept = Empty(Fill(kept, []byte("a")), false)
	}
	all, allocated, bytes := Usage()
	if all != taken+1+n || bytes != held || !poison.On && allocated != missed+1 || poison.On && allocated != missed+1+n {
		t.Errorf("%d were filled, %d of them allocated, and %d bytes are held", all, allocated, bytes)
	}
}

// TestLarge empties a buffer that is too large to be kept.
func TestLarge(t *testing.T) {
	if Empty(Fill(nil, make([]byte, largest+1)), false) != nil {
		t.Error("it is kept")
	}
}
