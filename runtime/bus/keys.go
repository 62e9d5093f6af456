package bus

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// keyLists are the subscribers that want single keys of a family. There may be
// one for each of very many keys, so that, unlike the list of those who want every
// key, they are not copied as a whole when one changes.
type keyLists[T any] struct {
	n      atomic.Int64 // subscribers, so that a family without any costs nothing
	seed   maphash.Seed
	shards [32]struct {
		mu    sync.RWMutex
		lists map[string][]target[T]
	}
}

// of returns the subscribers of a key; the slice does not change any more.
func (l *keyLists[T]) of(key string) []target[T] {
	if l.n.Load() == 0 {
		return nil
	}
	s := &l.shards[l.shard(key)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lists[key]
}

func (l *keyLists[T]) shard(key string) uint64 {
	return maphash.String(l.seed, key) % uint64(len(l.shards))
}

func (l *keyLists[T]) add(key string, t target[T]) {
	s := &l.shards[l.shard(key)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lists == nil {
		s.lists = map[string][]target[T]{}
	}
	s.lists[key] = append(slices.Clip(s.lists[key]), t)
	l.n.Add(1)
}

func (l *keyLists[T]) remove(key string, sub *Subscription) {
	s := &l.shards[l.shard(key)]
	s.mu.Lock()
	defer s.mu.Unlock()
	list := without(s.lists[key], sub)
	l.n.Add(int64(len(list) - len(s.lists[key])))
	if len(list) == 0 {
		delete(s.lists, key)
	} else {
		s.lists[key] = list
	}
}
