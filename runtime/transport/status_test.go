package transport_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

func TestStatus(t *testing.T) {
	var s transport.Status
	lost := errors.New("lost")
	var seen, late []transport.State
	var stopped int
	stop := s.Watch(func(c transport.Change) {
		seen = append(seen, c.State)
		if c.State == transport.Ready {
			s.Set(transport.Blocked, nil) // told after this
		}
		if c.State == transport.Reconnecting && (c.Err != lost || s.Get() != c) {
			t.Errorf("%+v", c)
		}
	})
	s.Set(transport.Ready, nil)
	s.Set(transport.Blocked, nil) // no change
	stopLate := s.Watch(func(c transport.Change) { late = append(late, c.State); stopped++ })
	s.Set(transport.Reconnecting, lost)
	stopLate()
	s.Set(transport.Draining, nil)
	s.Set(transport.Ready, nil) // too late
	s.Set(transport.Closed, nil)
	s.Set(transport.Draining, nil)
	stop()
	want := []transport.State{transport.Connecting, transport.Ready, transport.Blocked, transport.Reconnecting, transport.Draining, transport.Closed}
	if !slices.Equal(seen, want) {
		t.Errorf("%v, want %v", seen, want)
	}
	if !slices.Equal(late, want[2:4]) {
		t.Errorf("%v, want %v", late, want[2:4])
	}
}

func TestStatusAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s transport.Status
		go func() {
			time.Sleep(time.Second)
			s.Set(transport.Ready, nil)
			time.Sleep(time.Second)
			s.Set(transport.Closed, nil)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := s.Await(ctx, transport.Ready); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := s.Await(t.Context(), transport.Ready); err != nil {
			t.Error(err)
		}
		if err := s.Await(t.Context(), transport.Blocked); !errors.Is(err, transport.ErrClosed) {
			t.Error(err)
		}
		if err := s.Await(t.Context(), transport.Closed); err != nil {
			t.Error(err)
		}
	})
}

// TestStatusManyWatchers has states set and watchers come and go at once: each sees
// states in the order in which they were set.
func TestStatusManyWatchers(t *testing.T) {
	var s transport.Status
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				was := transport.State(99)
				stop := s.Watch(func(c transport.Change) {
					if c.State == was {
						t.Errorf("%v was told twice in a row", was)
					}
					was = c.State
				})
				s.Set(transport.Ready, nil)
				s.Set(transport.Reconnecting, nil)
				stop()
			}
		})
	}
	wg.Wait()
}
