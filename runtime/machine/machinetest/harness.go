// Package machinetest is what generated test kits have in common: a machine under test
// on a clock that only the test moves, a recorder that knows states, stubs that note
// their calls, and what builders of events are made of. It imports testing: only tests
// and test kits should import it.
package machinetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/bus/bustest"
	"github.com/xsgen/xsgen/runtime/machine"
)

// Timeout is how long assertions wait for what they expect. Within a testing/synctest
// bubble that is no real time.
const Timeout = bustest.Timeout

// look is how often the machine is looked at while nothing is heard: what a step
// publishes is heard before the machine is seen where the step has led.
const look = time.Millisecond

// Epoch is where the clock of a test stands at first, and the time in built events.
func Epoch() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// Subject is what a Harness needs of a generated machine; S is its State.
type Subject[S ~string] interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Active() []S
	In(s S) bool
}

// Harness is what a machine under test has beside its own methods. It belongs to one
// test; its methods are called from the test's goroutine.
type Harness[S ~string] struct {
	// TB is the test.
	TB testing.TB
	// Bus is what the machine is bound to.
	Bus *bus.Bus
	// Clock is the machine's clock.
	Clock *machine.ManualClock

	m     Subject[S]
	heard *bustest.Recorder
}

// New returns a Harness that has no machine yet. Without a clock it makes one, and
// without a bus one that is closed when the test ends.
func New[S ~string](t testing.TB, b *bus.Bus, c *machine.ManualClock) *Harness[S] {
	t.Helper()
	h := &Harness[S]{TB: t, Bus: b, Clock: c}
	if c == nil {
		h.Clock = machine.NewManualClock(Epoch())
	}
	if b == nil {
		h.Bus = bus.New()
		t.Cleanup(func() { h.end("closing the bus", h.Bus.Close) })
	}
	return h
}

// Options are those that the machine is made with: the test's own, and the clock.
func (h *Harness[S]) Options(own []machine.Option) []machine.Option {
	return append(slices.Clip(own), machine.WithClock(h.Clock))
}

// Start starts the machine, if it could be bound, and stops it when the test ends.
func (h *Harness[S]) Start(m Subject[S], heard *bustest.Recorder, bound error) {
	h.TB.Helper()
	if bound != nil {
		h.TB.Fatalf("binding the machine: %v", bound)
	}
	h.m, h.heard = m, heard
	h.TB.Cleanup(func() { h.end("stopping the machine", m.Stop) })
	if err := m.Start(h.TB.Context()); err != nil {
		h.TB.Fatalf("starting the machine: %v", err)
	}
}

// end ends something when the test is over, within Timeout.
func (h *Harness[S]) end(what string, f func(context.Context) error) {
	h.TB.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	if err := f(ctx); err != nil {
		h.TB.Errorf("%s: %v", what, err)
	}
}

// Advance moves the clock by d. The delays that end within it have been processed when it
// returns, each at its time.
func (h *Harness[S]) Advance(d time.Duration) { h.Clock.Advance(d) }

// ExpectState fails the test at once unless the machine is in all of the states, or comes
// to be within Timeout: services, and who sends to it, may take their time.
func (h *Harness[S]) ExpectState(states ...S) {
	h.TB.Helper()
	missing := func(s S) bool { return !h.m.In(s) }
	late := time.After(Timeout)
	for {
		more := h.heard.More()
		if !slices.ContainsFunc(states, missing) {
			return
		}
		select {
		case <-more:
		case <-time.After(look):
		case <-late:
			h.TB.Fatalf("the machine is in %s, not in %s; what was heard:\n%s", list(h.m.Active()), list(states), h.heard)
			return
		}
	}
}

// list is states as a message has them.
func list[S ~string](states []S) string {
	if len(states) == 0 {
		return "no state"
	}
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// Event is an event of a generated machine.
type Event interface{ EventName() string }

// Send sends events one after the other; the first error fails the test at once.
func Send[S ~string, E Event](h *Harness[S], send func(context.Context, E) error, events []E) {
	h.TB.Helper()
	for _, e := range events {
		in := list(h.m.Active())
		if err := send(h.TB.Context(), e); err != nil {
			h.TB.Fatalf("sending %s in %s: %v", name(e), in, err)
		}
	}
}

// Request makes a request; an error fails the test at once.
func Request[S ~string, E Event, R any](h *Harness[S], request func(context.Context, E) (R, error), e E) R {
	h.TB.Helper()
	in := list(h.m.Active())
	reply, err := request(h.TB.Context(), e)
	if err != nil {
		h.TB.Fatalf("requesting %s in %s: %v", name(e), in, err)
	}
	return reply
}

func name(e Event) string {
	if e == nil {
		return fmt.Sprint(nil)
	}
	return e.EventName()
}

// Edit is an event after all edits.
func Edit[T any](e *T, edits []func(*T)) *T {
	for _, edit := range edits {
		edit(e)
	}
	return e
}
