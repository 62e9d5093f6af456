package machine

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// Errors of stores.
var (
	// ErrConflict says that somebody else has saved the instance meanwhile.
	ErrConflict = errors.New("machine: the instance was saved by somebody else")
	// ErrNotFound says that the store has no such instance.
	ErrNotFound = errors.New("machine: the store has no such instance")
)

// Store keeps the instances of one keyed machine. Implementations must be safe for
// concurrent use. What Save has been given must survive whatever it is said to
// survive once Save has returned nil, whole or not at all.
type Store interface {
	// Load returns the record of key, or ErrNotFound.
	Load(ctx context.Context, key string) (*Record, error)
	// Save replaces the record of key, in one atomic write, if its revision is
	// previous (0: there is none); else it changes nothing and returns ErrConflict.
	// r.Revision is greater than previous. The record belongs to the store afterwards.
	// After any other error it may have been saved or not.
	Save(ctx context.Context, key string, previous uint64, r *Record) error
	// Delete removes the record of key if its revision is previous; else it changes
	// nothing and returns ErrConflict.
	Delete(ctx context.Context, key string, previous uint64) error
	// All yields the keys of all records, in no order. Records that are saved
	// meanwhile may be missing.
	All(ctx context.Context) iter.Seq2[string, error]
}

// Record is an instance as a Store keeps it.
type Record struct {
	Revision uint64
	Snapshot []byte    // a document of package snapshot
	Outbox   []Message // what has been emitted or sent and may not have been heard
	Handled  []string  // ids of the latest events that have been processed, oldest first
	Due      time.Time // when the instance has to be loaded, because a delay of it or of what it invokes passes or a service runs; may be zero
	Finished time.Time // when the instance finished; zero if it has not
}

// Message is an event in an outbox. Its id does not change when it is published
// again.
type Message struct {
	ID      string
	Name    string // emit.<event>, send.<role>.<event>, state.<path> or error.<kind>; after <state>/<id>/ if it is from what the state invokes
	Payload []byte
}

// MemoryStore is a Store that lasts as long as the process.
type MemoryStore struct {
	mu      sync.Mutex
	records map[string]Record
}

// NewMemoryStore returns an empty MemoryStore.
func NewMemoryStore() *MemoryStore { return &MemoryStore{records: map[string]Record{}} }

// Load implements Store.
func (s *MemoryStore) Load(_ context.Context, key string) (*Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[key]
	if !ok {
		return nil, ErrNotFound
	}
	r.Outbox, r.Handled = slices.Clone(r.Outbox), slices.Clone(r.Handled)
	return &r, nil
}

// Save implements Store.
func (s *MemoryStore) Save(_ context.Context, key string, previous uint64, r *Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[key].Revision != previous {
		return ErrConflict
	}
	s.records[key] = *r
	return nil
}

// Delete implements Store.
func (s *MemoryStore) Delete(_ context.Context, key string, previous uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.records[key]; !ok || r.Revision != previous {
		return ErrConflict
	}
	delete(s.records, key)
	return nil
}

// All implements Store.
func (s *MemoryStore) All(context.Context) iter.Seq2[string, error] {
	s.mu.Lock()
	keys := slices.Collect(maps.Keys(s.records))
	s.mu.Unlock()
	return func(yield func(string, error) bool) {
		for _, k := range keys {
			if !yield(k, nil) {
				return
			}
		}
	}
}
