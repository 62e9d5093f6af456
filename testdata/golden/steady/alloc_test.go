package steady

import (
	"context"
	"errors"
	"testing"

	"github.com/xsgen/xsgen/runtime/machine"
)

type allows struct{}

func (allows) Allowed(*Context, Event) bool { return true }

type counts struct{}

func (counts) Count(_ context.Context, t *Turn) error {
	t.Context().N++
	return nil
}

// TestSteadyStateAllocatesNothing goes through hierarchy, history and regions: once
// every state has been active, a step allocates nothing.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	ctx := context.Background()
	m := New(allows{}, counts{})
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	round := []ExternalEvent{
		&Flip{}, &Flip{}, &Flip{}, &Up{}, &Flip{}, &Pause{}, &Resume{}, &Fork{}, &Both{}, &Both{}, &Join{},
	}
	send := func() {
		for _, e := range round {
			if err := m.Send(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := m.context.N
	send()
	if m.context.N == before {
		t.Fatal("nothing happened")
	}
	if n := testing.AllocsPerRun(100, send); n != 0 {
		t.Errorf("%v allocations in %d steps", n, len(round))
	}
}

func TestSendAllOfNothing(t *testing.T) {
	m := New(allows{}, counts{})
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := m.SendAll(t.Context(), []ExternalEvent{nil, &Flip{}, nil, &Pause{}})
	if !errors.Is(err, machine.ErrUnknownEvent) || m.State() != StatePaused {
		t.Errorf("got %v in state %s", err, m.State())
	}
}
