package machine

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

// wakeAt has the instance of key, which has been put away, loaded at a time.
func (h *Host) wakeAt(key string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	if d := h.dueOf[key]; d != nil {
		d.at = at
		heap.Fix(&h.due, d.index)
	} else {
		d = &dueKey{at: at, key: key}
		h.dueOf[key] = d
		heap.Push(&h.due, d)
	}
	h.schedule()
}

// schedule sets the timer to when there is something to do; h.mu is held.
func (h *Host) schedule() {
	if h.closed {
		return
	}
	var at time.Time
	if h.oldest != nil {
		at = time.Unix(0, h.oldest.since).Add(h.idle)
	}
	if len(h.due) > 0 && (at.IsZero() || h.due[0].at.Before(at)) {
		at = h.due[0].at
	}
	if at.IsZero() || !h.at.IsZero() && !at.Before(h.at) {
		return // or the timer fires before that, and looks again
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
	keys, ok := h.takeDue(now)
	if !ok {
		return
	}
	defer h.work.Done()
	inParallel(keys, func(key string) {
		if err := h.touch(context.Background(), key); err != nil && !errors.Is(err, ErrStopped) {
			h.log().Error("an instance that has something to do could not be loaded", "machine", h.maker.Chart.Machine, "key", key, "error", err)
			h.wakeAt(key, now.Add(retryLoad))
		}
	})
	h.tidy(now)
	h.mu.Lock()
	h.schedule()
	h.mu.Unlock()
}

// takeDue takes the keys that are due, unless the host is closed; Close waits until
// they have been seen to.
func (h *Host) takeDue(now time.Time) (keys []string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, false
	}
	h.work.Add(1)
	h.at = time.Time{}
	for len(h.due) > 0 && !h.due[0].at.After(now) {
		d := heap.Pop(&h.due).(*dueKey)
		delete(h.dueOf, d.key)
		keys = append(keys, d.key)
	}
	return keys, true
}

// inParallel calls f for each of a list, several at a time: stores wait for disks.
func inParallel[T any](list []T, f func(T)) {
	const most = 16
	var all sync.WaitGroup
	room := make(chan struct{}, most)
	for _, v := range list {
		if len(list) == 1 {
			f(v)
			return
		}
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			f(v)
		})
	}
	all.Wait()
}

// dueKey is an instance that has to be loaded at a time.
type dueKey struct {
	at    time.Time
	key   string
	index int // in the heap
}

// dueHeap is a heap of them, the earliest first.
type dueHeap []*dueKey

func (d dueHeap) Len() int           { return len(d) }
func (d dueHeap) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d dueHeap) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push implements heap.Interface.
func (d *dueHeap) Push(x any) {
	k := x.(*dueKey)
	k.index = len(*d)
	*d = append(*d, k)
}

// Pop implements heap.Interface.
func (d *dueHeap) Pop() any {
	old := *d
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	return last
}
