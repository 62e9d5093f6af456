package keyed

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

// acts calls a function where the machine's action runs.
type acts func(ctx context.Context) error

func (f acts) Reassign(ctx context.Context, _ *Turn, _ *Assign) error {
	if f == nil {
		return nil
	}
	return f(ctx)
}

type nobody struct{}

func (nobody) Notify(context.Context, string, *MailErNotify) error { return nil }
func (nobody) Forget(context.Context, string, *MailErForget) error { return nil }
func (nobody) Append(context.Context, string, *LogAppend) error    { return nil }

// bound is a started machine on b.
func bound(t *testing.T, b *bus.Bus, key string, a acts, opts ...bus.SubscribeOption) *Machine {
	t.Helper()
	m := New(key, a, Input{})
	if err := m.Bind(b, Roles{MailEr: nobody{}, Log: nobody{}}, opts...); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

func publisher(t *testing.T, b *bus.Bus) *Publisher {
	t.Helper()
	p, err := NewPublisher(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMachinesThatAnswerEachOther has two machines send to each other from their
// steps at the same time: neither waits for ever.
func TestMachinesThatAnswerEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		p := publisher(t, b)
		machines := map[string]*Machine{"a": bound(t, b, "a", nil), "b": bound(t, b, "b", nil)}
		both := make(chan struct{}, 2)
		_, err := SubscribeStateChanged(b, func(ctx context.Context, e *bus.Event[StateChanged]) error {
			if e.Value().State != StateOpenTaken {
				return nil
			}
			both <- struct{}{}
			for len(both) < cap(both) {
				time.Sleep(time.Millisecond) // the bubble's time
			}
			return p.Close(ctx, map[string]string{"a": "b", "b": "a"}[e.Key()], &Close{})
		})
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 2)
		began := time.Now()
		for _, m := range machines {
			go func() { errs <- m.Send(t.Context(), &Assign{To: "x"}) }()
		}
		if err := errors.Join(<-errs, <-errs); !errors.Is(err, machine.ErrBusy) {
			t.Errorf("got %v, want %v from the one that gave up", err, machine.ErrBusy)
		}
		if took := time.Since(began); took > 2*machine.PublishTimeout {
			t.Errorf("they waited for %v", took)
		}
	})
}

// TestActionFillsItsOwnInbox publishes to the machine's own queue from a step until
// there is no room.
func TestActionFillsItsOwnInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		p := publisher(t, b)
		var errs []error
		m := bound(t, b, "k", func(ctx context.Context) error {
			for range 3 {
				errs = append(errs, p.Ask(ctx, "k", &Ask{}))
			}
			return nil
		}, bus.Queued(1))
		for range 2 {
			if err := m.Send(t.Context(), &Assign{To: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(errs...); !errors.Is(err, bus.ErrTimeout) {
			t.Errorf("got %v, want %v", err, bus.ErrTimeout)
		}
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestStopWithinStep stops a machine from its own step while an event waits in the
// queue of its inbox.
func TestStopWithinStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		p := publisher(t, b)
		var m *Machine
		m = bound(t, b, "k", func(ctx context.Context) error {
			return errors.Join(p.Close(context.Background(), "k", &Close{}), m.Stop(ctx))
		}, bus.Queued(10))
		for range 2 {
			if err := m.Send(t.Context(), &Assign{To: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Send(t.Context(), &Assign{}); !errors.Is(err, machine.ErrStopped) {
			t.Errorf("after the step: %v", err)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestStopWithoutTime stops a machine whose step outlasts the ctx: it stops all the
// same.
func TestStopWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		running, end := make(chan struct{}), make(chan struct{})
		m := bound(t, b, "k", func(context.Context) error {
			close(running)
			<-end
			return nil
		}, bus.Queued(10))
		p := publisher(t, b)
		for range 2 {
			if err := p.Assign(t.Context(), "k", &Assign{To: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		<-running
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(end)
		synctest.Wait()
		if err := m.Send(t.Context(), &Close{}); !errors.Is(err, machine.ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestBindTwice(t *testing.T) {
	b := bus.New()
	m := New("k", acts(nil), Input{})
	if err := m.Bind(b, Roles{}); err != nil {
		t.Fatal(err)
	}
	if err := m.Bind(b, Roles{}); !errors.Is(err, machine.ErrAlreadyBound) {
		t.Errorf("got %v", err)
	}
}

// TestCtxOfAnEndedStep sends a request with the ctx of a step that has ended.
func TestCtxOfAnEndedStep(t *testing.T) {
	var kept context.Context
	m := bound(t, bus.New(), "k", func(ctx context.Context) error {
		kept = ctx
		return nil
	})
	for range 2 {
		if err := m.Send(t.Context(), &Assign{To: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := m.RequestAsk(kept, &Ask{}); err != nil || r.Owner != "x" {
		t.Errorf("got %v, %v", r, err)
	}
}
