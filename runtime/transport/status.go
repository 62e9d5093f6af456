package transport

import (
	"context"
	"slices"
	"sync"
)

// State is the state of a transport's connection.
type State uint8

// The states of a connection.
const (
	Connecting   State = iota // for the first time
	Ready                     // messages are taken
	Blocked                   // connected, and the other side takes no messages at present
	Reconnecting              // the connection was lost
	Draining                  // Close has been called
	Closed
)

var stateNames = [...]string{"connecting", "ready", "blocked", "reconnecting", "draining", "closed"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// Change is a state that a connection has come to.
type Change struct {
	State State
	Err   error // what has led to it, if something failed
}

// Status tells of a connection's state. The zero value is Connecting. It is safe for
// concurrent use.
type Status struct {
	mu        sync.Mutex
	now       Change
	watchers  []*watcher
	queue     []notice
	notifying bool
}

type watcher struct{ tell func(Change) }

// notice is a change that is to be told to those who watched when it came.
type notice struct {
	change   Change
	watchers []*watcher
}

// Get returns the state.
func (s *Status) Get() Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Set is for transports. It tells the watchers, unless nothing has changed, or the
// state is Closed, which is the last one; the same goes for Draining, except that
// Closed comes after it.
func (s *Status) Set(state State, err error) {
	s.mu.Lock()
	if state == s.now.State && err != nil {
		s.now.Err = err // that it is still so has another reason
	}
	if state == s.now.State || s.now.State == Closed || s.now.State == Draining && state != Closed {
		s.mu.Unlock()
		return
	}
	s.now = Change{state, err}
	s.queue = append(s.queue, notice{s.now, slices.Clone(s.watchers)})
	s.notify()
}

// Watch has tell called with the state as it is, and then with each change, none left
// out, in order, one call at a time, until stop is called. tell must not block; it
// may call any method of s, and Close. A call that is under way when stop is called
// may end after it.
func (s *Status) Watch(tell func(Change)) (stop func()) {
	w := &watcher{tell}
	s.mu.Lock()
	s.watchers = append(s.watchers, w)
	s.queue = append(s.queue, notice{s.now, []*watcher{w}})
	s.notify()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watchers = slices.DeleteFunc(s.watchers, func(x *watcher) bool { return x == w })
	}
}

// notify tells what is queued, unless somebody is at it; s.mu is held, and released.
func (s *Status) notify() {
	defer s.mu.Unlock()
	if s.notifying {
		return
	}
	s.notifying = true
	defer func() { s.notifying = false }()
	for len(s.queue) > 0 {
		n := s.queue[0]
		s.queue = s.queue[1:]
		for _, w := range n.watchers {
			if slices.Contains(s.watchers, w) {
				s.tell(w, n.change)
			}
		}
	}
}

// tell calls a watcher; s.mu is held, and released in between.
func (s *Status) tell(w *watcher, c Change) {
	s.mu.Unlock()
	defer s.mu.Lock()
	w.tell(c)
}

// Await waits for one of some states, and returns ctx's error if that ends before, or
// ErrClosed if the state is Closed and that was not waited for.
func (s *Status) Await(ctx context.Context, want ...State) error {
	came := make(chan error, 1)
	stop := s.Watch(func(c Change) {
		var err error
		switch {
		case slices.Contains(want, c.State):
		case c.State == Closed:
			err = ErrClosed
		default:
			return
		}
		select {
		case came <- err:
		default: // it is known already
		}
	})
	defer stop()
	select {
	case err := <-came:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
