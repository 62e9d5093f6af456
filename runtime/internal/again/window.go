package again

import "sync"

// Window remembers the latest ids. It is safe for concurrent use.
type Window struct {
	mu   sync.Mutex
	ids  map[string]struct{}
	size int
	ring []string // grows to size
	next int
}

// NewWindow returns a Window of n ids, at least one.
func NewWindow(n int) *Window { return &Window{ids: map[string]struct{}{}, size: n} }

// Add remembers an id that is not empty, in place of the oldest; false if it is
// remembered already.
func (w *Window) Add(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.ids[id]; ok {
		return false
	}
	w.ids[id] = struct{}{}
	if len(w.ring) < w.size {
		w.ring = append(w.ring, id)
		return true
	}
	delete(w.ids, w.ring[w.next])
	w.ring[w.next] = id
	w.next = (w.next + 1) % w.size
	return true
}

// Has reports whether an id is remembered.
func (w *Window) Has(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.ids[id]
	return ok
}
