package machinetest

import (
	"slices"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/bus/bustest"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Recorder hears what a machine, or a host's machines, publish and are sent; S is the
// machine's State.
type Recorder[S ~string] struct {
	*bustest.Recorder

	t       testing.TB
	entered func(*bus.AnyEvent) (S, bool)
	key     string
	only    bool
}

// Record hears what matches p, until the test ends. state is the state that a state
// change tells of.
func Record[T any, S ~string](t testing.TB, b *bus.Bus, p topic.Pattern, state func(*T) S) *Recorder[S] {
	t.Helper()
	entered := func(e *bus.AnyEvent) (s S, ok bool) {
		if c := bus.As[T](e); c != nil {
			return state(c.Value()), true
		}
		return s, false
	}
	return &Recorder[S]{Recorder: bustest.Record(t, b, p), t: t, entered: entered}
}

// Of is what is heard of one key of a keyed machine.
func (r *Recorder[S]) Of(key string) *Recorder[S] {
	of := *r
	of.key, of.only = key, true
	return &of
}

// States are the states that have been entered so far: those that have none within, as
// state changes tell of them.
func (r *Recorder[S]) States() []S {
	var out []S
	for _, e := range r.All() {
		if s, ok := r.entered(e); ok && (!r.only || e.Key() == r.key) {
			out = append(out, s)
		}
	}
	return out
}

// ExpectStates fails the test at once unless the states that have been entered are these,
// in this order, or come to be within Timeout. As soon as another one is entered it
// does not wait any longer. What is entered afterwards is not its concern.
func (r *Recorder[S]) ExpectStates(states ...S) {
	r.t.Helper()
	late := time.After(Timeout)
	for {
		more, got := r.More(), r.States()
		n := min(len(got), len(states))
		if slices.Equal(got, states) {
			return
		}
		if len(got) < len(states) && slices.Equal(got, states[:n]) {
			select {
			case <-more:
				continue
			case <-late:
			}
		}
		r.t.Fatalf("the states that were entered are %s, not %s", list(got), list(states))
		return
	}
}
