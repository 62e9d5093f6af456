package zeromq

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTakens has entries come and go as a peer says, against a plain list.
func TestTakens(t *testing.T) {
	var have takens
	var want []uint64
	rnd, next := rand.New(rand.NewPCG(1, 2)), uint64(0)
	for range 20_000 {
		if rnd.IntN(3) > 0 {
			next += 1 + rnd.Uint64N(3)
			have.add(&entry{number: next})
			want = append(want, next)
		}
		from := next - min(rnd.Uint64N(300), next)
		to := from + rnd.Uint64N(4)
		if rnd.IntN(50) == 0 {
			from, to = 0, next-min(rnd.Uint64N(100), next)
		}
		if rnd.IntN(2000) == 0 {
			to = 1<<64 - 1
		}
		var out, gone []uint64
		have.remove(from, to, func(e *entry) { out = append(out, e.number) })
		want = slices.DeleteFunc(want, func(n uint64) bool {
			if n >= from && n <= to {
				gone = append(gone, n)
				return true
			}
			return false
		})
		if !slices.Equal(out, gone) || have.len() != len(want) || !slices.Equal(have.numbers(), want) {
			t.Fatalf("from %d to %d: %v and not %v; %d are left and not %d", from, to, out, gone, have.len(), len(want))
		}
	}
	if len(have.items) > 4*len(want)+100 {
		t.Errorf("%d places for %d entries", len(have.items), len(want))
	}
	if list := have.drain(); len(list) != len(want) || have.len() != 0 {
		t.Errorf("%d and not %d", len(list), len(want))
	}
}
