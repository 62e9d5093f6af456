package fifo_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport/internal/fifo"
)

// TestList does at random what a slice does.
func TestList(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var l fifo.List[int]
	var want []int
	for i := range 100_000 {
		switch n := r.IntN(1000); {
		case n < 490:
			l.Push(i)
			want = append(want, i)
		case n < 990 && len(want) > 0:
			if got := l.Pop(); got != want[0] {
				t.Fatalf("%d: %d, want %d", i, got, want[0])
			}
			want = want[1:]
		case n < 998:
			l.Unshift([]int{i, -i})
			want = append([]int{i, -i}, want...)
		case n < 999:
			if got := l.Drain(); !slices.Equal(got, want) {
				t.Fatalf("%d: %v, want %v", i, got, want)
			}
			want = nil
		}
		if l.Len() != len(want) {
			t.Fatalf("%d: there are %d, not %d", i, l.Len(), len(want))
		}
	}
}
