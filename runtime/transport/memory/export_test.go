package memory

import "strings"

// Cached is how many topics are remembered.
func Cached(t *Transport) int {
	t.routes.mu.RLock()
	defer t.routes.mu.RUnlock()
	return len(t.routes.cache)
}

// PooledBytes takes n buffers from the pool and reports whether one of them has a text
// in it.
func PooledBytes(n int, text string) bool {
	found := false
	for range n {
		b := buffers.Get().(*[]byte)
		found = found || strings.Contains(string((*b)[:cap(*b)]), text)
	}
	return found
}
