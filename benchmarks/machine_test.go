package benchmarks

import (
	"context"
	"fmt"
	"testing"

	"github.com/looplab/fsm"
	"github.com/qmuntal/stateless"

	"github.com/xsgen/xsgen/benchmarks/meter"
)

// The guard and the action that every candidate calls through the same interfaces.
type guard struct{}

func (guard) Positive(_ *meter.Context, e *meter.Tick) bool { return e.N > 0 }

type action struct{}

func (action) Count(_ context.Context, t *meter.Turn, e *meter.Tick) error {
	t.Context().Count += e.N
	return nil
}

// byHand is the machine as somebody would write it: a switch over the state that
// calls the guard and the action.
type byHand struct {
	state   int
	guards  meter.Guards
	actions meter.Actions
	context meter.Context
	turn    *meter.Turn
}

// handAction does what action does, without a Turn that only a machine has.
type handAction struct{ c *meter.Context }

func (a handAction) Count(_ context.Context, _ *meter.Turn, e *meter.Tick) error {
	a.c.Count += e.N
	return nil
}

//go:noinline
func (m *byHand) Send(ctx context.Context, e meter.ExternalEvent) error {
	switch e := e.(type) {
	case *meter.Tick:
		switch m.state {
		case 0:
			if m.guards.Positive(&m.context, e) {
				m.state = 1
				return m.actions.Count(ctx, m.turn, e)
			}
		case 1:
			if m.guards.Positive(&m.context, e) {
				m.state = 0
				return m.actions.Count(ctx, m.turn, e)
			}
		}
	}
	return nil
}

// SendSafely is Send with what a machine also promises: a panic of the guard or the
// action is an error.
//
//go:noinline
func (m *byHand) SendSafely(ctx context.Context, e meter.ExternalEvent) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = fmt.Errorf("panic: %v", recover())
		}
	}()
	err = m.Send(ctx, e)
	returned = true
	return err
}

func BenchmarkTransition(b *testing.B) {
	ctx := context.Background()
	var e meter.ExternalEvent = &meter.Tick{N: 1}
	b.Run("switch", func(b *testing.B) {
		m := &byHand{guards: guard{}}
		m.actions = handAction{&m.context}
		b.ReportAllocs()
		for b.Loop() {
			_ = m.Send(ctx, e)
		}
	})
	b.Run("switch-recover", func(b *testing.B) {
		m := &byHand{guards: guard{}}
		m.actions = handAction{&m.context}
		b.ReportAllocs()
		for b.Loop() {
			_ = m.SendSafely(ctx, e)
		}
	})
	b.Run("xsgen-batch", func(b *testing.B) {
		m := started(b)
		batch := make([]meter.ExternalEvent, 64)
		for i := range batch {
			batch[i] = e
		}
		b.ReportAllocs()
		for i := 0; i < b.N; i += len(batch) {
			_ = m.SendAll(ctx, batch[:min(len(batch), b.N-i)])
		}
	})
	b.Run("xsgen-send", func(b *testing.B) {
		m := started(b)
		b.ReportAllocs()
		for b.Loop() {
			_ = m.Send(ctx, e)
		}
	})
	b.Run("stateless", func(b *testing.B) {
		n := 0
		m := stateless.NewStateMachine("even")
		count := func(context.Context, ...any) error { n++; return nil }
		positive := func(context.Context, ...any) bool { return true }
		m.Configure("even").Permit("tick", "odd", positive).OnExit(count)
		m.Configure("odd").Permit("tick", "even", positive).OnExit(count)
		b.ReportAllocs()
		for b.Loop() {
			_ = m.FireCtx(ctx, "tick")
		}
	})
	b.Run("fsm", func(b *testing.B) {
		n := 0
		m := fsm.NewFSM("even", fsm.Events{{Name: "tick", Src: []string{"even"}, Dst: "odd"}, {Name: "tock", Src: []string{"odd"}, Dst: "even"}},
			fsm.Callbacks{"before_event": func(context.Context, *fsm.Event) {}, "enter_state": func(context.Context, *fsm.Event) { n++ }})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			name := "tick"
			if i&1 == 1 {
				name = "tock"
			}
			_ = m.Event(ctx, name)
		}
	})
}

func started(b *testing.B) *meter.Machine {
	b.Helper()
	m := meter.New(guard{}, action{})
	if err := m.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	return m
}
