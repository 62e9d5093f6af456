package toggle

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func started(t *testing.T, b *bus.Bus, opts ...bus.SubscribeOption) *Machine {
	t.Helper()
	m := New()
	if err := m.Bind(b, opts...); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestStepDoesNotHang lets a machine publish to somebody who never comes to an
// end: the step is done, and its error says what was not published.
func TestStepDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		release := make(chan struct{})
		s, err := SubscribeStateChanged(b, func(context.Context, *bus.Event[StateChanged]) error { <-release; return nil }, bus.Queued(1))
		if err != nil {
			t.Fatal(err)
		}
		m := started(t, b)
		before := time.Now()
		err = m.Send(t.Context(), &Flip{})
		var pe *machine.PublishError
		if !errors.As(err, &pe) || !errors.Is(err, bus.ErrTimeout) || time.Since(before) != machine.PublishTimeout {
			t.Errorf("after %v: %v", time.Since(before), err)
		}
		if m.State() != StateOn {
			t.Errorf("in state %s", m.State())
		}
		close(release)
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestCircle has a handler of the machine's own state changes send to the machine:
// directly, within the step, it is queued; by a queue, it waits its turn.
func TestCircle(t *testing.T) {
	for name, opt := range map[string]bus.SubscribeOption{"direct": bus.Direct(), "queued": bus.Queued(4)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus.New()
				p, err := NewPublisher(b)
				if err != nil {
					t.Fatal(err)
				}
				var mu sync.Mutex
				changes := 0
				s, err := SubscribeStateChanged(b, func(ctx context.Context, e *bus.Event[StateChanged]) error {
					mu.Lock()
					changes++
					again := changes < 10
					mu.Unlock()
					if again {
						return p.Flip(ctx, &Flip{})
					}
					return nil
				}, opt)
				if err != nil {
					t.Fatal(err)
				}
				m := started(t, b, opt)
				synctest.Wait()
				mu.Lock()
				if changes != 10 || m.State() != StateOn {
					t.Errorf("%d changes, in state %s", changes, m.State())
				}
				mu.Unlock()
				if err := errors.Join(m.Stop(t.Context()), s.Close(t.Context())); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestManySenders flips from many goroutines, through the bus and not.
func TestManySenders(t *testing.T) {
	b := bus.New()
	p, err := NewPublisher(b)
	if err != nil {
		t.Fatal(err)
	}
	changes := 0 // steps publish one at a time: the race detector watches
	if _, err := SubscribeStateChanged(b, func(context.Context, *bus.Event[StateChanged]) error { changes++; return nil }); err != nil {
		t.Fatal(err)
	}
	m := started(t, b)
	var wg sync.WaitGroup
	const senders, each = 8, 500
	for i := range senders {
		wg.Go(func() {
			for range each {
				var err error
				if i%2 == 0 {
					err = p.Flip(t.Context(), &Flip{})
				} else {
					err = m.Send(t.Context(), &Flip{})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if changes != senders*each+1 || m.State() != StateOff {
		t.Errorf("%d changes, in state %s", changes, m.State())
	}
	if err := m.Bind(b); !errors.Is(err, machine.ErrAlreadyStarted) {
		t.Errorf("bound after the start: %v", err)
	}
	if err := m.Send(t.Context(), nil); !errors.Is(err, machine.ErrUnknownEvent) {
		t.Errorf("nil: %v", err)
	}
}
