package bus

import "sync"

// window remembers the latest ids.
type window struct {
	mu   sync.Mutex
	ids  map[string]struct{}
	ring []string
	next int
}

func newWindow(n int) *window { return &window{ids: map[string]struct{}{}, ring: make([]string, n)} }

// add remembers an id, in place of the oldest; false if it is remembered already.
func (w *window) add(id string) bool {
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
