package machinetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/runtime/machine"
)

// Call is a call of a stub.
type Call struct {
	// Name is what was called, as the spec writes it; "parent" for what is sent there.
	Name string
	// With is what has arrived: the event, a service's input or output, or an error; nil
	// where nothing has.
	With any
}

// Stub is part of generated stubs: it notes their calls. It is safe for concurrent use.
type Stub struct {
	mu    sync.Mutex
	t     testing.TB
	calls []Call
}

// FailTest says which test fails when something is called that the test has not set. A kit's
// New does so for the stubs that it is given; without a test such a call panics.
func (s *Stub) FailTest(t testing.TB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t = t
}

// Calls are the calls so far, in their order.
func (s *Stub) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Called is for generated code: it notes a call.
func (s *Stub) Called(name string, with any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{name, with})
}

// UnsetError is what a stub returns where the test has not said what it shall do.
type UnsetError struct {
	Name  string // what was called, such as "the action ring_bell"
	Field string // what would say it, such as "Actions.RingBellFunc"
}

func (e *UnsetError) Error() string {
	return fmt.Sprintf("%s was called, and the test does not say what it does: set %s", e.Name, e.Field)
}

// Unset is for generated code: it fails the test, and returns an *UnsetError.
func (s *Stub) Unset(name, field string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := &UnsetError{name, field}
	if s.t == nil {
		panic(err)
	}
	s.t.Helper()
	s.t.Error(err)
	return err
}

// failer is a stub that fails a test.
type failer interface{ FailTest(t testing.TB) }

// Or is what a test has given, or the stub if it has given nothing. A stub fails t.
func Or[I any](t testing.TB, given, stub I) I {
	if any(given) == nil {
		given = stub
	}
	if s, ok := any(given).(failer); ok {
		s.FailTest(t)
	}
	return given
}

// Parent makes a machine that is tested alone send to s what it sends to its parent, as
// calls of "parent".
func Parent(s *Stub) machine.Option {
	return machine.WithParent(func(_ context.Context, event any) error {
		s.Called("parent", event)
		return nil
	})
}
