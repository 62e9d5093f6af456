//go:build linux || darwin

package unix

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestCloseAwaitsMoves has Close wait for messages that are on their way from one queue to
// another: in neither of them somebody finds them.
func TestCloseAwaitsMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Transport
		n.moves.begin()
		n.moves.begin()
		var settled atomic.Bool
		go func() {
			n.settleKept(context.Background())
			settled.Store(true)
		}()
		for range 2 {
			time.Sleep(time.Second)
			if settled.Load() {
				t.Fatal("there was nothing to be awaited")
			}
			n.moves.end()
		}
		time.Sleep(time.Second)
		if !settled.Load() {
			t.Error("nothing is on its way any more, and it is awaited")
		}
	})
}

// TestMovesMeanwhile has messages be moved while somebody looks for them.
func TestMovesMeanwhile(t *testing.T) {
	var m moves
	rest := m.rest()
	if !rest() {
		t.Error("nothing has been on its way")
	}
	m.begin()
	m.end()
	if rest() {
		t.Error("something has been on its way")
	}
	if !m.rest()() {
		t.Error("nothing has been on its way since")
	}
}
