//go:build !race

package fields

import (
	"io"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// TestMsgpackWithoutAllocation: nothing is allocated but what msgpack/v5 itself may.
func TestMsgpackWithoutAllocation(t *testing.T) {
	line := &Line{To: &Point{}, Name: "l"}
	enc := msgpack.NewEncoder(io.Discard)
	if n := testing.AllocsPerRun(1000, func() { _ = line.EncodeMsgpack(enc) }); n > 0.1 { // the pool may be emptied
		t.Errorf("%v allocations", n)
	}
}
