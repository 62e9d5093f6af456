package machine

import (
	"slices"
	"sync"
	"time"
)

// Clock is where a machine gets its time from. AfterFunc calls f in a goroutine
// of its own, or in the one that turns the clock, once d has passed.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a call that AfterFunc has promised; *time.Timer is one.
type Timer interface {
	Stop() bool
	Reset(d time.Duration) bool
}

// SystemClock is package time's clock. It works within testing/synctest.
func SystemClock() Clock { return systemClock{} }

type systemClock struct{}

func (systemClock) Now() time.Time                            { return time.Now() }
func (systemClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// ManualClock is a clock that only Advance moves. It is safe for concurrent use.
type ManualClock struct {
	mu     sync.Mutex
	now    time.Time
	seq    uint64
	timers []*manualTimer // those that are running
}

// NewManualClock returns a clock that stands at now.
func NewManualClock(now time.Time) *ManualClock { return &ManualClock{now: now} }

type manualTimer struct {
	clock *ManualClock
	at    time.Time
	seq   uint64 // timers of one instant fire in the order in which they were set
	f     func()
}

// Now is the time at which the clock stands.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc implements Clock; f is called by Advance.
func (c *ManualClock) AfterFunc(d time.Duration, f func()) Timer {
	t := &manualTimer{clock: c, f: f}
	t.Reset(d)
	return t
}

// Advance moves the clock by d and calls what becomes due, in the order of time
// and with the clock standing at that time, before it returns. What a call sets
// within the span is called too.
func (c *ManualClock) Advance(d time.Duration) {
	c.mu.Lock()
	end := c.now.Add(d)
	for {
		t := c.earliest()
		if t == nil || t.at.After(end) {
			break
		}
		t.remove()
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	if end.After(c.now) {
		c.now = end
	}
	c.mu.Unlock()
}

func (c *ManualClock) earliest() *manualTimer {
	var first *manualTimer
	for _, t := range c.timers {
		if first == nil || t.at.Before(first.at) || t.at.Equal(first.at) && t.seq < first.seq {
			first = t
		}
	}
	return first
}

// remove takes t out of its clock, which is locked, and reports whether it ran.
func (t *manualTimer) remove() bool {
	i := slices.Index(t.clock.timers, t)
	if i < 0 {
		return false
	}
	t.clock.timers = slices.Delete(t.clock.timers, i, i+1)
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
	t.clock.timers = append(t.clock.timers, t)
	return ran
}
