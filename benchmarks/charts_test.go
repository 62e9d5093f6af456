package benchmarks

import (
	"context"
	"testing"

	"github.com/felixgeelhaar/statekit"
	"github.com/qmuntal/stateless"

	"github.com/xsgen/xsgen/testdata/golden/steady"
)

type allows struct{}

func (allows) Allowed(*steady.Context, steady.Event) bool { return true }

type counts struct{}

func (counts) Count(_ context.Context, t *steady.Turn) error {
	t.Context().N++
	return nil
}

// steadyMachine is a started machine to which the events have been sent.
func steadyMachine(b *testing.B, events ...steady.ExternalEvent) *steady.Machine {
	b.Helper()
	ctx := context.Background()
	m := steady.New(allows{}, counts{})
	if err := m.Start(ctx); err != nil {
		b.Fatal(err)
	}
	for _, e := range events {
		if err := m.Send(ctx, e); err != nil {
			b.Fatal(err)
		}
	}
	return m
}

// sendInTurn sends the events over and over, one for each iteration.
func sendInTurn(b *testing.B, m *steady.Machine, events ...steady.ExternalEvent) {
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = m.Send(ctx, events[i%len(events)])
	}
}

// counted is the context of statekit's machines.
type counted struct{ n int }

func startKit(b *testing.B, m *statekit.MachineBuilder[counted], first ...statekit.EventType) *statekit.Interpreter[counted] {
	b.Helper()
	config, err := m.
		WithAction("count", func(c *counted, _ statekit.Event) { c.n++ }).
		WithGuard("allowed", func(counted, statekit.Event) bool { return true }).
		Build()
	if err != nil {
		b.Fatal(err)
	}
	i := statekit.NewInterpreter(config)
	i.Start()
	for _, e := range first {
		i.Send(statekit.Event{Type: e})
	}
	return i
}

func kitInTurn(b *testing.B, i *statekit.Interpreter[counted], events ...statekit.EventType) {
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		i.Send(statekit.Event{Type: events[n%len(events)]})
	}
}

// BenchmarkNested measures a step between two states three levels down, with entry
// and exit actions and a guard one way.
func BenchmarkNested(b *testing.B) {
	b.Run("xsgen", func(b *testing.B) { sendInTurn(b, steadyMachine(b), &steady.Flip{}) })
	b.Run("statekit", func(b *testing.B) {
		m := statekit.NewMachine[counted]("nested").WithInitial("nested").
			State("nested").WithInitial("a").
			State("a").WithInitial("b").
			State("b").WithInitial("c").
			State("c").OnEntry("count").OnExit("count").On("flip").Target("d").Guard("allowed").End().End().
			State("d").OnEntry("count").On("flip").Target("c").End().End().
			End().End().Done()
		kitInTurn(b, startKit(b, m), "flip")
	})
	b.Run("stateless", func(b *testing.B) {
		n := 0
		ctx := context.Background()
		count := func(context.Context, ...any) error { n++; return nil }
		m := stateless.NewStateMachine("c")
		m.Configure("a").SubstateOf("nested")
		m.Configure("b").SubstateOf("a")
		m.Configure("c").SubstateOf("b").OnEntry(count).OnExit(count).
			Permit("flip", "d", func(context.Context, ...any) bool { return true })
		m.Configure("d").SubstateOf("b").OnEntry(count).Permit("flip", "c")
		b.ReportAllocs()
		for b.Loop() {
			_ = m.FireCtx(ctx, "flip")
		}
	})
}

// BenchmarkRegions measures an event that all of three regions take.
func BenchmarkRegions(b *testing.B) {
	b.Run("xsgen", func(b *testing.B) { sendInTurn(b, steadyMachine(b, &steady.Fork{}), &steady.Both{}) })
	b.Run("statekit", func(b *testing.B) {
		m := statekit.NewMachine[counted]("regions").WithInitial("regions").
			State("regions").Parallel().
			Region("first").WithInitial("x1").
			State("x1").On("both").Target("y1").EndState().
			State("y1").OnEntry("count").On("both").Target("x1").EndState().
			EndRegion().
			Region("second").WithInitial("x2").
			State("x2").On("both").Target("y2").Do("count").EndState().
			State("y2").On("both").Target("x2").EndState().
			EndRegion().
			Region("third").WithInitial("x3").
			State("x3").On("both").Target("y3").Guard("allowed").EndState().
			State("y3").OnExit("count").On("both").Target("x3").EndState().
			EndRegion().Done()
		kitInTurn(b, startKit(b, m), "both")
	})
}

// BenchmarkHistory measures leaving a state three levels down and coming back to it
// by a deep history.
func BenchmarkHistory(b *testing.B) {
	b.Run("xsgen", func(b *testing.B) { sendInTurn(b, steadyMachine(b, &steady.Flip{}), &steady.Pause{}, &steady.Resume{}) })
	b.Run("statekit", func(b *testing.B) {
		m := statekit.NewMachine[counted]("history").WithInitial("nested").
			State("nested").WithInitial("a").On("pause").Target("paused").End().
			History("past").Deep().Default("a").End().
			State("a").WithInitial("b").
			State("b").WithInitial("c").
			State("c").OnEntry("count").OnExit("count").On("flip").Target("d").End().End().
			State("d").OnEntry("count").On("flip").Target("c").End().End().
			End().End().Done().
			State("paused").On("resume").Target("past").Done()
		kitInTurn(b, startKit(b, m, "flip"), "pause", "resume")
	})
}
