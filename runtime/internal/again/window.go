package again

import "sync"

// Window remembers the latest ids. It is safe for concurrent use.
type Window struct {
	mu   sync.Mutex
	ids  map[string]struct{}
	ring []string
	next int
}

// NewWindow returns a Window of n ids, at least one.
func NewWindow(n int) *Window { return &Window{ids: map[string]struct{}{}, ring: make([]string, n)} }

// Add remembers an id that is not empty, in place of the oldest; false if it is
// remembered already.
func (w *Window) Add(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.ids[id]; ok {
		return false
	}
	delete(w.ids, w.ring[w.next]) // an empty one is nobody's id
	w.ring[w.next] = id
	w.ids[id] = struct{}{}
	w.next = (w.next + 1) % len(w.ring)
	return true
}
