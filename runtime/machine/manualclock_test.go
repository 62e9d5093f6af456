package machine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// TestManualClockOrder sets, resets and stops timers by chance, many of them for equal
// times, and compares what the clock calls, and when, with a sorted list.
func TestManualClockOrder(t *testing.T) {
	type set struct {
		id    int
		at    time.Duration
		timer Timer
	}
	r := rand.New(rand.NewPCG(1, 2))
	epoch := time.Unix(0, 0)
	clock := NewManualClock(epoch)
	var running []set // in the order in which they were set
	var got, want []string
	for id := range 3000 {
		at := time.Duration(r.IntN(20)) * time.Second
		running = append(running, set{id, at, clock.AfterFunc(at, func() {
			got = append(got, fmt.Sprint(id, " at ", clock.Now().Sub(epoch)))
		})})
		if i := r.IntN(len(running)); r.IntN(3) == 0 {
			s := running[i]
			running = slices.Delete(running, i, i+1)
			if r.IntN(2) == 0 {
				if !s.timer.Stop() || s.timer.Stop() {
					t.Fatal("Stop does not say whether the timer ran")
				}
				continue
			}
			s.at = time.Duration(r.IntN(20)) * time.Second
			if !s.timer.Reset(s.at) {
				t.Fatal("Reset does not say that the timer ran")
			}
			running = append(running, s)
		}
	}
	slices.SortStableFunc(running, func(a, b set) int { return int(a.at - b.at) })
	for _, s := range running {
		want = append(want, fmt.Sprint(s.id, " at ", s.at))
	}
	for range 20 {
		clock.Advance(time.Second)
	}
	if !slices.Equal(got, want) {
		t.Errorf("called %d timers, want %d, or in another order", len(got), len(want))
	}
}

// TestManualClockWithinACall: what a call sets within the span is called by the same
// Advance, at its time, behind what had been set for that time before; and a call may
// stop what would come next.
func TestManualClockWithinACall(t *testing.T) {
	epoch := time.Unix(0, 0)
	clock := NewManualClock(epoch)
	var got []string
	note := func(name string) func() {
		return func() { got = append(got, fmt.Sprint(name, " at ", clock.Now().Sub(epoch))) }
	}
	var stopped, again Timer
	clock.AfterFunc(time.Second, func() {
		note("first")()
		clock.AfterFunc(time.Second, note("set late"))
		clock.AfterFunc(-time.Hour, note("overdue"))
		stopped.Stop()
		again.Reset(2 * time.Second)
	})
	stopped = clock.AfterFunc(time.Second, note("stopped"))
	again = clock.AfterFunc(time.Second, note("again"))
	clock.AfterFunc(2*time.Second, note("set early"))
	clock.AfterFunc(10*time.Second, note("too late"))
	clock.Advance(5 * time.Second)
	want := []string{"first at 1s", "overdue at 1s", "set early at 2s", "set late at 2s", "again at 3s"}
	if !slices.Equal(got, want) || clock.Now().Sub(epoch) != 5*time.Second {
		t.Errorf("%q at %v, want %q", got, clock.Now().Sub(epoch), want)
	}
	if again.Stop() || again.Reset(0) {
		t.Error("a timer that has been called runs")
	}
}

// TestManualClockManyTimers: a list that is looked through for each call takes minutes.
func TestManualClockManyTimers(t *testing.T) {
	const n = 200_000
	clock := NewManualClock(time.Unix(0, 0))
	called := 0
	for i := range n {
		clock.AfterFunc(time.Duration(i%1000)*time.Second, func() { called++ })
	}
	began := time.Now()
	clock.Advance(1000 * time.Second)
	if took := time.Since(began); called != n || took > 20*time.Second {
		t.Errorf("%d of %d calls took %v", called, n, took)
	}
}
