package topic

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// Index finds the values of all patterns that match a topic, for topics that come again:
// it remembers what it has found until a pattern is added or removed. Its zero value is
// empty and ready, and it is safe for concurrent use: a topic that it remembers takes no
// lock.
type Index[V comparable] struct {
	mu    sync.RWMutex // held to change trie, and to read it and remember
	trie  Trie[V]
	cache atomic.Pointer[cache[V]]
}

// Add adds v under p. The same value may be there several times, under one pattern or
// under several.
func (x *Index[V]) Add(p Pattern, v V) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.trie.Add(p, v)
	x.cache.Store(nil)
}

// Remove removes v under p once, and reports whether it was there.
func (x *Index[V]) Remove(p Pattern, v V) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.cache.Store(nil)
	return x.trie.Remove(p, v)
}

// Match returns the values of every pattern that matches name, in no order, each once.
// The caller must not change the slice. What is not a topic matches nothing.
func (x *Index[V]) Match(name Name) []V {
	if c := x.cache.Load(); c != nil {
		if f := c.find(name); f != nil {
			return f.values
		}
	}
	return x.search(name)
}

// search looks name up in the trie, and remembers what it has found.
func (x *Index[V]) search(name Name) []V {
	if _, err := Parse(string(name)); err != nil {
		return nil
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	f := &finding[V]{name: name}
	f.values = each(x.trie.Match(name, nil))
	c := x.cache.Load()
	switch {
	case c == nil:
		c = newCache[V](minSets)
		if !x.cache.CompareAndSwap(nil, c) {
			c = x.cache.Load()
		}
	case c.crowded() && len(c.sets) < x.maxSets():
		bigger := c.grown()
		if x.cache.CompareAndSwap(c, bigger) {
			c = bigger
		}
	}
	c.add(f)
	return f.values
}

// each is the values, each once; where they are many a map says which were there.
func each[V comparable](values []V) (out []V) {
	if len(values) <= 16 {
		for _, v := range values {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
		return out
	}
	seen := make(map[V]struct{}, len(values))
	for _, v := range values {
		if _, ok := seen[v]; !ok {
			seen[v] = struct{}{}
			out = append(out, v)
		}
	}
	return out
}

// How many sets a cache has: at first, and at most unless there are more patterns.
const minSets, manySets = 64, 2048

// maxSets bounds what is remembered: topics may be without end. Where very many patterns
// are, each has a set, so that few topics are forgotten that match by their names.
func (x *Index[V]) maxSets() int { return max(manySets, x.trie.Len()) }

// cache remembers what was found for topics, in sets of a few places each (a set
// associative cache): a topic has one set, and one that is full forgets one topic for
// another.
type cache[V comparable] struct {
	seed   maphash.Seed
	sets   []set[V] // a power of two
	forced atomic.Int64
}

// ways are the places of a set, whose pointers fill half a cache line.
const ways = 4

type set[V comparable] [ways]atomic.Pointer[finding[V]]

// finding is what was found for a topic; it does not change.
type finding[V comparable] struct {
	name   Name
	values []V
}

func newCache[V comparable](sets int) *cache[V] {
	return &cache[V]{seed: maphash.MakeSeed(), sets: make([]set[V], sets)}
}

func (c *cache[V]) hash(name Name) uint64 { return maphash.String(c.seed, string(name)) }

func (c *cache[V]) set(hash uint64) *set[V] { return &c.sets[hash&uint64(len(c.sets)-1)] }

func (c *cache[V]) find(name Name) *finding[V] {
	s := c.set(c.hash(name))
	for i := range s {
		if f := s[i].Load(); f != nil && f.name == name {
			return f
		}
	}
	return nil
}

// add remembers f, in place of another topic if it must.
func (c *cache[V]) add(f *finding[V]) {
	hash := c.hash(f.name)
	s := c.set(hash)
	for i := range s {
		if s[i].CompareAndSwap(nil, f) {
			return
		}
	}
	c.forced.Add(1)
	s[hash>>32%ways].Store(f)
}

// crowded reports whether so many topics were forgotten for others that a larger cache is
// worth its while.
func (c *cache[V]) crowded() bool { return c.forced.Load() > int64(len(c.sets)/16) }

// grown is a cache of twice the size with the same findings.
func (c *cache[V]) grown() *cache[V] {
	bigger := newCache[V](2 * len(c.sets))
	for i := range c.sets {
		for j := range c.sets[i] {
			if f := c.sets[i][j].Load(); f != nil {
				bigger.add(f)
			}
		}
	}
	return bigger
}
