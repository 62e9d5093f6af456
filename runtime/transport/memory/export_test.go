package memory

// Cached is how many topics are remembered.
func Cached(t *Transport) int {
	t.routes.mu.RLock()
	defer t.routes.mu.RUnlock()
	return len(t.routes.cache)
}
