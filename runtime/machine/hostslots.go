package machine

import (
	"container/heap"
	"context"
	"errors"
	"time"
)

// use calls f with key's slot, whose instance is loaded if there is one.
func (h *Host) use(ctx context.Context, key string, f func(*slot) error) error {
	s, err := h.acquire(key)
	if err != nil {
		return err
	}
	defer h.release(s)
	if err := s.load(ctx); err != nil {
		return err
	}
	return f(s)
}

// acquire returns key's slot, which stays in memory until it is released.
func (h *Host) acquire(key string) (*slot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrStopped
	}
	s := h.slots[key]
	if s == nil {
		s = &slot{host: h, key: key}
		h.slots[key] = s
	} else if s.users == 0 {
		h.unlink(s)
	}
	s.users++
	return s, nil
}

// release gives a slot back. Those that nobody uses wait in line to be put away.
func (h *Host) release(s *slot) {
	h.mu.Lock()
	s.users--
	if s.users == 0 {
		s.since = h.clock.Now()
		h.link(s)
		h.schedule()
	}
	over := h.max > 0 && len(h.slots) > h.max && h.oldest != nil
	h.mu.Unlock()
	if over {
		h.tidy(h.clock.Now())
	}
}

func (h *Host) link(s *slot) {
	s.older, s.newer = h.newest, nil
	if h.newest != nil {
		h.newest.newer = s
	} else {
		h.oldest = s
	}
	h.newest = s
}

func (h *Host) unlink(s *slot) {
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		h.oldest = s.newer
	}
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		h.newest = s.older
	}
	s.older, s.newer = nil, nil
}

// wakeAt has the instance of key, which has been put away, loaded at a time.
func (h *Host) wakeAt(key string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	heap.Push(&h.due, dueKey{at, key})
	h.schedule()
}

// schedule sets the timer to when there is something to do; h.mu is held.
func (h *Host) schedule() {
	if h.closed {
		return
	}
	var at time.Time
	if h.oldest != nil {
		at = h.oldest.since.Add(h.idle)
	}
	if len(h.due) > 0 && (at.IsZero() || h.due[0].at.Before(at)) {
		at = h.due[0].at
	}
	if at.IsZero() {
		return
	}
	if !h.at.IsZero() && !at.Before(h.at) {
		return // the timer fires before that, and looks again
	}
	h.at = at
	wait := max(at.Sub(h.clock.Now()), 0)
	if h.timer == nil {
		h.timer = h.clock.AfterFunc(wait, h.wake)
		return
	}
	h.timer.Reset(wait)
}

// wake does what is due: it is called by the timer.
func (h *Host) wake() {
	now := h.clock.Now()
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.work.Add(1)
	h.at = time.Time{}
	var keys []string
	for len(h.due) > 0 && !h.due[0].at.After(now) {
		keys = append(keys, heap.Pop(&h.due).(dueKey).key)
	}
	h.mu.Unlock()
	defer h.work.Done()
	for _, key := range keys {
		// Loading is all: what is due passes by that.
		if err := h.use(context.Background(), key, func(*slot) error { return nil }); err != nil && !errors.Is(err, ErrStopped) {
			h.log().Error("an instance whose delay has passed could not be loaded", "machine", h.maker.Chart.Machine, "key", key, "error", err)
			h.wakeAt(key, now.Add(retryLoad))
		}
	}
	h.tidy(now)
	h.mu.Lock()
	h.schedule()
	h.mu.Unlock()
}

// retryLoad is how long a host waits before it loads an instance again that could
// not be loaded, or publishes again what could not be published.
const retryLoad = time.Second

// tidy puts away instances that nobody has used for long, or that are too many.
func (h *Host) tidy(now time.Time) {
	for {
		h.mu.Lock()
		s := h.oldest
		tooMany := h.max > 0 && len(h.slots) > h.max
		if s == nil || h.closed || !tooMany && now.Sub(s.since) < h.idle {
			h.mu.Unlock()
			return
		}
		h.unlink(s)
		s.users++ // nobody else puts it away
		h.mu.Unlock()
		gone := s.tryPutAway()
		h.mu.Lock()
		s.users--
		switch {
		case s.users > 0:
		case gone:
			delete(h.slots, s.key)
		default: // it is at work, and has its turn again later
			s.since = now
			h.link(s)
		}
		h.mu.Unlock()
		if !gone && tooMany {
			return
		}
	}
}

// dueKey is an instance that has to be loaded at a time.
type dueKey struct {
	at  time.Time
	key string
}

// dueHeap is a heap of them, the earliest first.
type dueHeap []dueKey

func (d dueHeap) Len() int           { return len(d) }
func (d dueHeap) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d dueHeap) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push implements heap.Interface.
func (d *dueHeap) Push(x any) { *d = append(*d, x.(dueKey)) }

// Pop implements heap.Interface.
func (d *dueHeap) Pop() any {
	old := *d
	last := old[len(old)-1]
	*d = old[:len(old)-1]
	return last
}
