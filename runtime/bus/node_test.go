package bus

import (
	"testing"
	"testing/synctest"
)

// settling calls settle, and returns what reports whether it has returned.
func settling(n *node[int]) (returned func() bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.settle()
	}()
	return func() bool {
		synctest.Wait()
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// TestSettleWaitsForALateCount stops a publish between its two steps: it has seen
// the turn, and is counted after a settle has changed that.
func TestSettleWaitsForALateCount(t *testing.T) {
	for settles := range 3 {
		synctest.Test(t, func(t *testing.T) {
			n := newNode[int](place{bus: New(), name: "a.b"})
			side := n.side()
			for range settles {
				n.settle()
			}
			e := n.spare(side)
			returned := settling(n)
			if returned() {
				t.Error("settle returned while a publish was running that began before", settles)
			}
			n.end(e, side)
			if !returned() {
				t.Fatal("settle waits for nothing")
			}
		})
	}
}

// TestSettleWaitsForTheHolder stops a publish when it has given the event back and
// not yet looked whether somebody waits; another one has taken the event meanwhile.
func TestSettleWaitsForTheHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode[int](place{bus: New(), name: "a.b"})
		n.taken.Store(1)
		returned := settling(n)
		if returned() {
			t.Error("settle did not wait for who holds the event")
		}
		n.wake() // the first publish goes on
		if returned() {
			t.Error("settle took the end of an earlier publish for that of the present one")
		}
		n.end(&n.event, nil)
		if !returned() {
			t.Fatal("settle waits for nothing")
		}
		if n.taken.Load() != 0 {
			t.Error("the event was not given back")
		}
	})
}
