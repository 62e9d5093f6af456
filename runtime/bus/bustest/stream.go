package bustest

import (
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Stream is the events of one type that a Recorder hears, for one test. Each Stream goes
// through them from the first, on its own. It is safe for concurrent use.
type Stream[T any] struct {
	t    testing.TB
	r    *Recorder
	key  string
	only bool // events of key
	at   int  // where Next goes on; the recorder's lock guards it
	mu   sync.Mutex
	keys map[string]*Stream[T]
}

// NewStream returns the events of type T that r hears.
func NewStream[T any](t testing.TB, r *Recorder) *Stream[T] { return &Stream[T]{t: t, r: r} }

// Of is the events of one key of a keyed machine. It is the same Stream each time, and
// goes on where it was.
func (s *Stream[T]) Of(key string) *Stream[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key] == nil {
		if s.keys == nil {
			s.keys = map[string]*Stream[T]{}
		}
		s.keys[key] = &Stream[T]{t: s.t, r: s.r, key: key, only: true}
	}
	return s.keys[key]
}

// Next is the first event, after the one that Next has returned before, for which all
// matches hold. It waits for it, at most Timeout; without one the test fails at once, and
// says what was heard.
func (s *Stream[T]) Next(matches ...func(*T) bool) *bus.Event[T] {
	s.t.Helper()
	return await(s.t, s.r, s.place(), s.match(matches))
}

// None fails the test if an event for which all matches hold comes within d, or has come
// since the one that Next has returned.
func (s *Stream[T]) None(d time.Duration, matches ...func(*T) bool) {
	s.t.Helper()
	refuse(s.t, s.r, d, s.place(), s.match(matches))
}

// All is what has been heard so far.
func (s *Stream[T]) All() []*bus.Event[T] {
	var out []*bus.Event[T]
	for _, e := range s.r.All() {
		if e := bus.As[T](e); e != nil && s.mine(e) {
			out = append(out, e)
		}
	}
	return out
}

func (s *Stream[T]) mine(e *bus.Event[T]) bool { return !s.only || e.Key() == s.key }

func (s *Stream[T]) match(matches []func(*T) bool) func(*bus.Event[T]) bool {
	return func(e *bus.Event[T]) bool { return s.mine(e) && all(matches, e) }
}

func (s *Stream[T]) place() place {
	what := reflect.TypeFor[T]().String()
	if s.only {
		what += " of the key " + s.key
	}
	return place{what, func() int { return s.at }, func(i int) { s.at = i }}
}

// Publish publishes e on a topic, as the machine would whose topic it is: what hears it
// can be tested without the machine. An error, that of a direct handler too, fails the
// test at once.
func Publish[T any](t testing.TB, b *bus.Bus, name topic.Name, e *T) {
	t.Helper()
	p, err := bus.NewPublisher[T](b, name)
	if err == nil {
		err = p.Publish(t.Context(), e)
	}
	if err != nil {
		t.Fatalf("publishing %s: %v", name, err)
	}
}

// PublishKeyed is Publish for one key of a keyed machine.
func PublishKeyed[T any](t testing.TB, b *bus.Bus, f topic.Family, key string, e *T) {
	t.Helper()
	p, err := bus.NewKeyedPublisher[T](b, f)
	if err == nil {
		err = p.Publish(t.Context(), key, e)
	}
	if err != nil {
		t.Fatalf("publishing %s of the key %s: %v", f, key, err)
	}
}
