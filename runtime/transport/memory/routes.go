package memory

import (
	"slices"
	"sync"

	"github.com/xsgen/xsgen/runtime/topic"
)

// routes find the lines of a topic.
type routes struct {
	mu    sync.RWMutex
	trie  topic.Trie[*line]
	cache map[topic.Name][]*line // of topics that were used since something has changed
}

// maxCached is how many topics are remembered: there may be very many.
const maxCached = 8192

// of returns the lines that hear a topic, in no order, each once; the caller must not
// change them. Its error is topic's.
func (r *routes) of(n topic.Name) ([]*line, error) {
	r.mu.RLock()
	lines, ok := r.cache[n]
	r.mu.RUnlock()
	if ok {
		return lines, nil
	}
	if _, err := topic.Parse(string(n)); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.trie.Match(n, nil) {
		if !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	if r.cache == nil || len(r.cache) >= maxCached {
		r.cache = map[topic.Name][]*line{}
	}
	r.cache[n] = lines
	return lines, nil
}

func (r *routes) add(l *line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range l.request.Patterns {
		r.trie.Add(p, l)
	}
	r.cache = nil
}

func (r *routes) remove(l *line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range l.request.Patterns {
		r.trie.Remove(p, func(x *line) bool { return x == l })
	}
	r.cache = nil
}
