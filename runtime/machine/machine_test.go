package machine_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	. "github.com/xsgen/xsgen/runtime/machine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The events of the test's chart.
const (
	none int32 = iota
	evDo
	evGo
	evLoop
	evExecution
	evComm
	evAfter
	evStrange
	evAgain
	events
)

// testChart is a machine with the states a and b and a final one. `do` calls a
// function in every state, `go` leads from a to b, b has a delay of a second
// that leads to the final state, and `loop` never comes to rest.
var testChart = &Chart{
	Machine: "test",
	States: []State{
		{Kind: Compound, Parent: None, Last: 3, Entry: None, Exit: None, Done: None, Default: None, Output: None},
		{Path: "a", Last: 1, Entry: None, Exit: None, Done: None, Default: None, Output: None},
		{Path: "b", Last: 2, Row: 1 * int32(events), Entry: None, Exit: None, Done: None, Default: None, Output: None, FirstDelay: 0, LastDelay: 1},
		{Path: "end", Kind: Final, Last: 3, Row: 2 * int32(events), Entry: None, Exit: None, Done: None, Default: None, Output: None},
	},
	Events: []string{"", "do", "go", "loop", "error.execution", "error.communication", "after(1s)", "strange", "again"},
	Transitions: []Transition{
		{Source: 0, Domain: None, Actions: None, Flags: Unguarded | Quiet | Swift},                                           // do: a function
		{Source: 1, Domain: 0, Leaf: 2, Row: 1 * int32(events), First: 1, Last: 2, Actions: None, Flags: Unguarded | NoCode}, // go
		{Source: 2, Domain: 0, Leaf: 3, Row: 2 * int32(events), First: 2, Last: 3, Actions: None, Flags: Unguarded | NoCode}, // after
		{Source: 0, Domain: None, Actions: None, Flags: Unguarded},                                                           // loop
		{Source: 2, Domain: 0, Leaf: 2, Row: 1 * int32(events), First: 1, Last: 2, Actions: None, Flags: Unguarded | NoCode}, // again
	},
	Delays:     []Delay{{Event: evAfter, Constant: int64(time.Second)}},
	Candidates: []int32{3, None},
	Index: []int32{
		0, 1, 2, -1, 0, 0, 0, 0, 0,
		0, 1, 0, -1, 0, 0, 3, 0, 5,
		0, 0, 0, 0, 0, 0, 0, 0, 0,
	},
	Steps:     []Step{{State: 0, Default: None}, {State: 2, Default: None}, {State: 3, Default: None}, {State: 0, Default: None}, {State: 1, Default: None}},
	Start:     Transition{Domain: None, Leaf: 1, First: 3, Last: 5, Actions: None},
	Idle:      2 * int32(events),
	Execution: evExecution,
	Comm:      evComm,
}

// program runs the functions that are sent to it.
type program struct {
	core    Core
	changes []Change
	from    []int32 // of the changes
	out     []any
	fail    error
}

type function func(ctx context.Context, p *program) error

func newProgram(t *testing.T, opts ...Option) *program {
	t.Helper()
	p := &program{}
	p.core.Init(testChart, p, "", opts)
	p.core.Bound(true)
	if err := p.core.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *program) Take(ctx context.Context, id int32) (bool, error) {
	if id == 3 {
		p.core.Raise(evLoop, nil)
		return true, nil
	}
	switch e := p.core.Payload().(type) {
	case function:
		return true, e(ctx, p)
	case numbered:
		return true, e.f(ctx, p)
	}
	return true, nil
}

func (p *program) Invoke(int32) (Invocation, error) { return Invocation{}, nil }

func (p *program) Delay(int32) time.Duration { return 0 }

func (p *program) Publish(_ context.Context, _ int32, v any) error {
	if err := p.fail; err != nil {
		return err
	}
	if v == "panic" {
		panic(v)
	}
	p.out = append(p.out, v)
	return nil
}

func (p *program) Changed(_ context.Context, c Change) error {
	from := int32(None)
	if len(c.From) > 0 {
		from = c.From[0]
	}
	p.from = append(p.from, from)
	c.From, c.Active = nil, nil // they are the machine's own
	p.changes = append(p.changes, c)
	return nil
}

func (p *program) Failed(context.Context, Failure) error { return nil }

func (p *program) do(ctx context.Context, f function) error { return p.core.Send(ctx, evDo, f) }

func TestLifeCycle(t *testing.T) {
	p := &program{}
	p.core.Init(testChart, p, "k", nil)
	ctx := t.Context()
	if err := p.core.Send(ctx, evGo, nil); !errors.Is(err, ErrNotStarted) {
		t.Errorf("before the start: %v", err)
	}
	if p.core.Leaf() != None {
		t.Error("a machine that has not started is in no state")
	}
	if err := p.core.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.core.Start(ctx); !errors.Is(err, ErrAlreadyStarted) {
		t.Errorf("started twice: %v", err)
	}
	if err := p.core.Send(ctx, evGo, nil); err != nil || p.core.Leaf() != 2 || !p.core.In(0) || p.core.In(1) {
		t.Errorf("go: %v, in state %d", err, p.core.Leaf())
	}
	for range 2 {
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := p.core.Send(ctx, evGo, nil); !errors.Is(err, ErrStopped) {
		t.Errorf("after the stop: %v", err)
	}
	if err := p.core.Start(ctx); !errors.Is(err, ErrStopped) {
		t.Errorf("started after the stop: %v", err)
	}
}

func TestEverySenderRunsOnceInOrder(t *testing.T) {
	p := newProgram(t)
	const senders, each = 8, 500
	var seen [senders][]int // only steps touch it: the race detector watches
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				f := function(func(context.Context, *program) error { seen[s] = append(seen[s], i); return nil })
				var err error
				if i%3 == 0 {
					for err = p.core.Post(t.Context(), evDo, f); errors.Is(err, ErrFull); err = p.core.Post(t.Context(), evDo, f) {
						runtime.Gosched()
					}
				} else {
					err = p.do(t.Context(), f)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := p.do(t.Context(), func(context.Context, *program) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for s := range seen {
		if len(seen[s]) != each || !slices.IsSorted(seen[s]) {
			t.Errorf("sender %d: %d events, sorted %v", s, len(seen[s]), slices.IsSorted(seen[s]))
		}
	}
}

// numbered is an event for SendAll.
type numbered struct {
	id int32
	f  function
}

func (n numbered) EventNumber() int32 { return n.id }

func sendAll(ctx context.Context, p *program, events []numbered) error {
	return p.core.SendAll(ctx, len(events), func(i int) (int32, any) { return events[i].EventNumber(), events[i] })
}

func TestSendAll(t *testing.T) {
	p := newProgram(t)
	broken := errors.New("broken")
	var ran []int
	step := func(i int, err error) numbered {
		return numbered{evDo, func(ctx context.Context, p *program) error {
			ran = append(ran, i)
			switch i {
			case 2:
				panic("two")
			case 3:
				return p.do(ctx, func(context.Context, *program) error { ran = append(ran, 100); return nil })
			}
			return err
		}}
	}
	events := []numbered{step(1, nil), step(2, nil), {evStrange, nil}, step(3, nil), step(4, broken), {evGo, nil}, step(5, nil)}
	err := sendAll(t.Context(), p, events)
	var pe *PanicError
	if !errors.Is(err, broken) || !errors.As(err, &pe) || !strings.Contains(err.Error(), "in state a on do: panic: two") {
		t.Errorf("errors: %v", err)
	}
	if !slices.Equal(ran, []int{1, 2, 3, 4, 5, 100}) || p.core.Leaf() != 2 {
		t.Errorf("ran %v, in state %d", ran, p.core.Leaf())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sendAll(ctx, p, events); !errors.Is(err, context.Canceled) {
		t.Errorf("with a ctx that has ended: %v", err)
	}
	many := make([]numbered, 1000)
	for i := range many {
		many[i] = step(9, nil)
	}
	ran = nil
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := sendAll(t.Context(), p, many); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(ran) != 4000 {
		t.Errorf("%d of 4000 ran", len(ran))
	}
}

// occupied runs f while a step of p is running.
func occupied(t *testing.T, p *program, f func()) {
	t.Helper()
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		if err := p.do(context.Background(), func(context.Context, *program) error {
			close(inside)
			<-leave
			return nil
		}); err != nil {
			t.Error(err)
		}
	}()
	<-inside
	f()
	close(leave)
	<-left
}

func TestFullInbox(t *testing.T) {
	p := newProgram(t)
	n := 0
	occupied(t, p, func() {
		for range InboxSize {
			if err := p.core.Post(t.Context(), evDo, function(func(context.Context, *program) error { n++; return nil })); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.core.Post(t.Context(), evDo, nil); !errors.Is(err, ErrFull) {
			t.Errorf("one too many: %v", err)
		}
		if err := p.do(t.Context(), nil); !errors.Is(err, ErrFull) {
			t.Errorf("one too many, waiting: %v", err)
		}
	})
	if n != InboxSize {
		t.Errorf("%d of %d were processed", n, InboxSize)
	}
}

func TestWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		occupied(t, p, func() {
			ctx, cancel := context.WithCancel(context.Background())
			result := make(chan error, 1)
			go func() {
				result <- p.do(ctx, func(context.Context, *program) error { t.Error("a withdrawn event ran"); return nil })
			}()
			synctest.Wait()
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("withdrawn: %v", err)
			}
		})
	})
}

// TestNoSenderRunsOthersForEver queues, behind many posted events, a sender that
// waits, and behind it an event that cannot end before the first sender has
// returned: somebody else must have run it.
func TestNoSenderRunsOthersForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		nop := function(func(context.Context, *program) error { return nil })
		first := make(chan struct{})
		waiting := make(chan error, 1)
		err := p.do(t.Context(), func(ctx context.Context, p *program) error {
			for range 300 {
				if err := p.core.Post(ctx, evDo, nop); err != nil {
					return err
				}
			}
			go func() { waiting <- p.do(context.Background(), nop) }()
			synctest.Wait()
			return p.core.Post(ctx, evDo, function(func(context.Context, *program) error { <-first; return nil }))
		})
		if err != nil {
			t.Error(err)
		}
		close(first)
		if err := <-waiting; err != nil {
			t.Error(err)
		}
	})
}

func TestWithinAStep(t *testing.T) {
	p := newProgram(t)
	var order []string
	err := p.do(t.Context(), func(ctx context.Context, p *program) error {
		if err := p.do(ctx, func(context.Context, *program) error { order = append(order, "second"); return nil }); err != nil {
			t.Errorf("from within: %v", err)
		}
		derived, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		if _, err := p.core.Request(derived, evDo, nil); !errors.Is(err, ErrReentrant) {
			t.Errorf("a request from within: %v", err)
		}
		order = append(order, "first")
		return nil
	})
	if err != nil || strings.Join(order, " ") != "first second" {
		t.Errorf("%v, order %v", err, order)
	}
}

// TestCtxOfAStepThatHasEnded sends with the ctx of an earlier step: what it queues
// is not left lying.
func TestCtxOfAStepThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		var kept context.Context
		if err := p.do(t.Context(), func(ctx context.Context, _ *program) error { kept = ctx; return nil }); err != nil {
			t.Fatal(err)
		}
		n := 0
		count := func(context.Context, *program) error { n++; return nil }
		if err := errors.Join(p.do(kept, count), p.core.Post(kept, evDo, function(count))); err != nil || n != 2 {
			t.Errorf("idle: %d ran, %v", n, err)
		}
		occupied(t, p, func() {
			if err := p.do(kept, count); err != nil {
				t.Error(err)
			}
		})
		if n != 3 {
			t.Errorf("busy: %d ran", n)
		}
	})
}

func TestFailures(t *testing.T) {
	p := newProgram(t)
	broken := errors.New("broken")
	err := p.do(t.Context(), func(context.Context, *program) error { return broken })
	var ae *ActionError
	if !errors.Is(err, broken) || !errors.As(err, &ae) || ae.State != "a" || ae.Event != "do" {
		t.Errorf("a failing action: %v", err)
	}
	err = p.do(t.Context(), func(context.Context, *program) error { panic(broken) })
	var pe *PanicError
	if !errors.Is(err, broken) || !errors.As(err, &pe) || !strings.Contains(string(pe.Stack), "TestFailures") {
		t.Errorf("a panicking action: %v", err)
	}
	p.fail = broken
	err = p.do(t.Context(), func(_ context.Context, p *program) error { p.core.Emit(0, "x"); p.core.Emit(0, "y"); return nil })
	var ue *PublishError
	if !errors.Is(err, broken) || !errors.As(err, &ue) {
		t.Errorf("a failing outbox: %v", err)
	}
	p.fail = nil
	var pue *PublishError
	err = p.do(t.Context(), func(_ context.Context, p *program) error { p.core.Emit(0, "panic"); return nil })
	if !errors.As(err, &pue) || !errors.As(err, &pe) {
		t.Errorf("a panicking outbox: %v", err)
	}
	err = p.core.Send(t.Context(), evLoop, nil)
	var le *LoopError
	if !errors.As(err, &le) || le.Steps != MaxMicrosteps || strings.Join(le.Cycle, " ") != "a a" {
		t.Errorf("a loop: %v", err)
	}
	if _, err := p.core.Request(t.Context(), evDo, nil); !errors.Is(err, ErrNoReply) {
		t.Errorf("a request without a reply: %v", err)
	}
	if _, err := p.core.Request(t.Context(), evStrange, nil); !errors.Is(err, ErrUnhandled) {
		t.Errorf("an unhandled request: %v", err)
	}
	r, err := p.core.Request(t.Context(), evDo, function(func(_ context.Context, p *program) error {
		p.core.Reply(1)
		p.core.Reply(2)
		return nil
	}))
	if r != 1 || err != nil {
		t.Errorf("a request: %v, %v", r, err)
	}
}

func TestGoexitStopsTheMachine(t *testing.T) {
	p := newProgram(t)
	occupied(t, p, func() {
		if err := p.core.Post(t.Context(), evDo, function(func(context.Context, *program) error { return nil })); err != nil {
			t.Fatal(err)
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.do(context.Background(), func(context.Context, *program) error { runtime.Goexit(); return nil })
	}()
	<-done
	if err := p.do(t.Context(), nil); !errors.Is(err, ErrStopped) {
		t.Errorf("after Goexit: %v", err)
	}
}

func TestStopFromWithinAndWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		waiting := make(chan error, 1)
		err := p.do(t.Context(), func(ctx context.Context, p *program) error {
			go func() { waiting <- p.do(context.Background(), nil) }()
			synctest.Wait()
			return p.core.Stop(ctx)
		})
		if err != nil {
			t.Error(err)
		}
		if err := <-waiting; !errors.Is(err, ErrStopped) {
			t.Errorf("a waiting sender: %v", err)
		}
	})
}

func TestSendAllocatesNothing(t *testing.T) {
	p := newProgram(t)
	f := any(function(func(context.Context, *program) error { return nil }))
	if n := testing.AllocsPerRun(100, func() { _ = p.core.Send(t.Context(), evDo, f) }); n != 0 {
		t.Errorf("a step allocates %v times", n)
	}
}
