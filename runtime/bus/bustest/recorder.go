// Package bustest helps to test what publishes and handles events: a Recorder hears
// everything on a bus, and tests wait for what they expect instead of sleeping.
package bustest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Timeout is how long Next waits for an event. Within a testing/synctest bubble that is
// no real time.
const Timeout = 5 * time.Second

// Recorder keeps what is published on a bus, in the order in which it hears it: that of
// each publisher. It is safe for concurrent use.
type Recorder struct {
	mu     sync.Mutex
	events []*bus.AnyEvent
	next   map[reflect.Type]int // where Next goes on, by type
	more   chan struct{}        // closed when there is another event
}

// Record hears what matches one of the patterns, or everything if there are none, until
// the test ends. Only what is published from now on is heard.
func Record(t testing.TB, b *bus.Bus, patterns ...topic.Pattern) *Recorder {
	t.Helper()
	r := &Recorder{next: map[reflect.Type]int{}, more: make(chan struct{})}
	wanted := bus.WhereAny(func(e *bus.AnyEvent) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p topic.Pattern) bool { return p.Match(e.Topic()) })
	})
	s, err := bus.SubscribeAny(b, "#", r.hear, wanted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *Recorder) hear(_ context.Context, e *bus.AnyEvent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e.Clone())
	close(r.more)
	r.more = make(chan struct{})
	return nil
}

// All is everything that has been heard so far.
func (r *Recorder) All() []*bus.AnyEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// More is closed when another event is heard. Take it before looking at what has been.
func (r *Recorder) More() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.more
}

// String lists what has been heard, a line for each event.
func (r *Recorder) String() string {
	var b strings.Builder
	for _, e := range r.All() {
		fmt.Fprintf(&b, "%s %+v\n", e.Topic(), reflect.ValueOf(e.Value()).Elem())
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// Next is the next event of type T for which all matches hold: the first that comes
// after the one that Next has returned before, for this type. It waits for it; without
// one in time the test fails at once, and says what was heard.
func Next[T any](t testing.TB, r *Recorder, matches ...func(*T) bool) *bus.Event[T] {
	t.Helper()
	return await(t, r, r.typed(reflect.TypeFor[T]()), func(e *bus.Event[T]) bool { return all(matches, e) })
}

// None fails the test if an event of type T for which all matches hold comes within d,
// or has come since the one that Next has returned.
func None[T any](t testing.TB, r *Recorder, d time.Duration, matches ...func(*T) bool) {
	t.Helper()
	refuse(t, r, d, r.typed(reflect.TypeFor[T]()), func(e *bus.Event[T]) bool { return all(matches, e) })
}

// typed is the place of the events of a type.
func (r *Recorder) typed(typ reflect.Type) place {
	return place{typ.String(), func() int { return r.next[typ] }, func(i int) { r.next[typ] = i }}
}

// place is where the search for the next event goes on. Its functions are called with
// the recorder locked.
type place struct {
	what string
	get  func() int
	set  func(int)
}

func all[T any](matches []func(*T) bool, e *bus.Event[T]) bool {
	return !slices.ContainsFunc(matches, func(m func(*T) bool) bool { return !m(e.Value()) })
}

// await waits for an event; it is nil if none came, and the test has failed.
func await[T any](t testing.TB, r *Recorder, p place, match func(*bus.Event[T]) bool) *bus.Event[T] {
	t.Helper()
	if e := within(r, Timeout, p, match); e != nil {
		return e
	}
	t.Fatalf("no %s came that was expected; what was heard:\n%s", p.what, r)
	return nil
}

// refuse fails the test if an event comes.
func refuse[T any](t testing.TB, r *Recorder, d time.Duration, p place, match func(*bus.Event[T]) bool) {
	t.Helper()
	if e := within(r, d, p, match); e != nil {
		t.Errorf("%s was published: %+v", e.Topic(), *e.Value())
	}
}

// within is the next event, if it comes within d.
func within[T any](r *Recorder, d time.Duration, p place, match func(*bus.Event[T]) bool) *bus.Event[T] {
	late := time.After(d)
	for {
		e, more := next(r, p, match)
		if e != nil {
			return e
		}
		select {
		case <-more:
		case <-late:
			return nil
		}
	}
}

// next looks for an event, or returns what tells of another.
func next[T any](r *Recorder, p place, match func(*bus.Event[T]) bool) (*bus.Event[T], <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := p.get(); i < len(r.events); i++ {
		if e := bus.As[T](r.events[i]); e != nil && match(e) {
			p.set(i + 1)
			return e, nil
		}
	}
	return nil, r.more
}
