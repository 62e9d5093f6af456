package machine

import (
	"container/heap"
	"sync"
	"time"
)

// ManualClock is a clock that only Advance moves. It is safe for concurrent use.
// Setting a timer, stopping it and calling what is due take logarithmic time.
type ManualClock struct {
	mu      sync.Mutex
	now     time.Time
	seq     uint64
	running timerHeap
}

// NewManualClock returns a clock that stands at now.
func NewManualClock(now time.Time) *ManualClock { return &ManualClock{now: now} }

// Now is the time at which the clock stands.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc implements Clock; f is called by Advance.
func (c *ManualClock) AfterFunc(d time.Duration, f func()) Timer {
	t := &manualTimer{clock: c, place: notRunning, f: f}
	t.Reset(d)
	return t
}

// Advance moves the clock by d and calls what becomes due, before it returns: in the
// order of time, what is due at one time in the order in which it was set, and with the
// clock standing at that time. What a call sets within the span is called too.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.now.Add(d)
	for len(c.running) > 0 && !c.running[0].at.After(end) {
		t := heap.Pop(&c.running).(*manualTimer)
		c.moveTo(t.at)
		c.call(t.f)
	}
	c.moveTo(end)
}

// moveTo moves the clock on, never back.
func (c *ManualClock) moveTo(t time.Time) {
	if t.After(c.now) {
		c.now = t
	}
}

// call calls f without the lock, as f may use the clock.
func (c *ManualClock) call(f func()) {
	c.mu.Unlock()
	defer c.mu.Lock()
	f()
}

// manualTimer is a timer of a ManualClock, whose lock guards it.
type manualTimer struct {
	clock *ManualClock
	at    time.Time
	seq   uint64 // counts the timers that were set
	place int    // in the heap, or notRunning
	f     func()
}

const notRunning = -1

// remove takes t out of its clock, which is locked, and reports whether it ran.
func (t *manualTimer) remove() bool {
	if t.place == notRunning {
		return false
	}
	heap.Remove(&t.clock.running, t.place)
	return true
}

func (t *manualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.remove()
}

func (t *manualTimer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	ran := t.remove()
	t.clock.seq++
	t.at, t.seq = t.clock.now.Add(d), t.clock.seq
	heap.Push(&t.clock.running, t)
	return ran
}

// timerHeap has the timer that is due first at 0; of those due at one time, the one
// that was set first. It implements heap.Interface.
type timerHeap []*manualTimer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].seq < h[j].seq
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) {
	t := x.(*manualTimer)
	t.place = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.place = notRunning
	return t
}
