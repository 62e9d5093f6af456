package machine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// The events of the chart of parents.
const (
	_ int32 = iota
	evInvoke
	evLeave
	evNote
	evDone
	evFailed
	evParentExecution
	evParentComm
	parentEvents
)

// parentChart is a machine that invokes another one while it is in the state
// busy. It hears notes in every state.
var parentChart = &Chart{
	Machine: "parent",
	States: []State{
		{Kind: Compound, Parent: None, Last: 2, Entry: None, Exit: None, Done: None, Default: None, Output: None},
		{Path: "idle", Last: 1, Entry: None, Exit: None, Done: None, Default: None, Output: None},
		{Path: "busy", Last: 2, Row: int32(parentEvents), Entry: None, Exit: None, Done: None, Default: None, Output: None, LastInvoke: 1},
	},
	Events: []string{"", "invoke", "leave", "note", "done.invoke.child", "error.invoke.child", "error.execution", "error.communication"},
	Transitions: []Transition{
		{Source: 1, Domain: 0, Leaf: 2, Row: int32(parentEvents), First: 0, Last: 1, Actions: None, Flags: Unguarded | NoCode}, // invoke
		{Source: 2, Domain: 0, Leaf: 1, First: 1, Last: 2, Actions: None, Flags: Unguarded},                                    // leave
		{Source: 0, Domain: None, Actions: None, Flags: Unguarded},                                                             // note
		{Source: 2, Domain: 0, Leaf: 1, First: 1, Last: 2, Actions: None, Flags: Unguarded},                                    // done
		{Source: 2, Domain: 0, Leaf: 1, First: 1, Last: 2, Actions: None, Flags: Unguarded},                                    // failed
	},
	Invokes: []Invoke{{ID: "child", Done: evDone, Error: evFailed}},
	Index: []int32{
		0, 1, 0, 3, 0, 0, 0, 0,
		0, 0, 2, 3, 4, 5, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0,
	},
	Steps:     []Step{{State: 2, Default: None}, {State: 1, Default: None}, {State: 0, Default: None}, {State: 1, Default: None}},
	Start:     Transition{Domain: None, Leaf: 1, First: 2, Last: 4, Actions: None},
	Idle:      2 * int32(parentEvents),
	Execution: evParentExecution,
	Comm:      evParentComm,
}

// parent is the program of a parent. It records what arrives.
type parent struct {
	core Core
	make func() (Invocation, error)
	told func(context.Context) error // what to do with what the child sends, if anything

	mu   sync.Mutex
	seen []string
}

func newParent(t *testing.T, make func() (Invocation, error)) *parent {
	t.Helper()
	p := &parent{make: make}
	p.core.Init(parentChart, p, "", nil)
	if err := p.core.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// Take records what has arrived, or calls it.
func (p *parent) Take(ctx context.Context, id int32) (bool, error) {
	if f, ok := p.core.Payload().(func(context.Context) error); ok {
		return true, f(ctx)
	}
	if p.told != nil && id == evNote-1 {
		return true, p.told(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, fmt.Sprint(parentChart.Events[id+1], " ", p.core.Payload()))
	return true, nil
}

func (p *parent) saw(t *testing.T, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if fmt.Sprint(p.seen) != fmt.Sprint(want) {
		t.Errorf("the parent saw %q, want %q", p.seen, want)
	}
}

func (p *parent) Delay(int32) time.Duration               { return 0 }
func (p *parent) Invoke(int32) (Invocation, error)        { return p.make() }
func (p *parent) Changed(context.Context, Change) error   { return nil }
func (p *parent) Failed(context.Context, Failure) error   { return nil }
func (p *parent) send(ctx context.Context, e int32) error { return p.core.Send(ctx, e, nil) }

// Publish sends to the child, the only kind of output that there is.
func (p *parent) Publish(ctx context.Context, _ int32, event any) error {
	return p.core.ToChild(ctx, "child", evDo, event, 0)
}

// FromChild knows texts only.
func (p *parent) FromChild(event any) (int32, any, bool) {
	s, ok := event.(string)
	return evNote, s, ok
}

// child is the program of a child: it runs the functions that are sent to it, and
// sends everything else to its parent.
type child struct {
	program
	stopped chan struct{}
}

func newChild() *child {
	c := &child{stopped: make(chan struct{})}
	c.core.Init(testChart, c, "", nil)
	return c
}

func (c *child) Publish(ctx context.Context, _ int32, event any) error {
	return c.core.ToParent(ctx, event)
}

func (c *child) invocation() (Invocation, error) {
	return Invocation{Child: &c.core, Stop: c.stop, Output: func(out any) any { return fmt.Sprintf("[%v]", out) }}, nil
}

func (c *child) stop(ctx context.Context) error {
	defer close(c.stopped)
	return c.core.Stop(ctx)
}

// toParent is a step of a child that sends something to its parent.
func toParent(what any) function {
	return func(_ context.Context, p *program) error { p.core.Emit(-2, what); return nil }
}

func TestChildReturnsItsOutput(t *testing.T) {
	c := newChild()
	p := newParent(t, c.invocation)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(p.send(ctx, evInvoke))
	if p.core.Child(0) != &c.core || c.core.Parent() != &p.core {
		t.Error("parent and child do not know each other")
	}
	must(c.do(ctx, toParent("one")))
	c.core.SetOutput("result")
	must(c.core.Send(ctx, evGo, nil))
	must(c.core.Send(ctx, evGo, nil)) // nothing: only the delay leads on
	p.saw(t, "note one")
	must(p.core.Stop(ctx))
	<-c.stopped
	if err := c.core.Send(ctx, evGo, nil); !errors.Is(err, ErrStopped) {
		t.Errorf("the parent stopped, and the child went on: %v", err)
	}
}

func TestChildThatFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChild()
		p := newParent(t, c.invocation)
		if err := p.send(t.Context(), evInvoke); err != nil {
			t.Fatal(err)
		}
		c.core.SetOutput("result")
		_ = c.core.Send(t.Context(), evGo, nil)
		<-c.stopped // a second later, when the child's delay has passed
		p.saw(t, "done.invoke.child [result]")
		if p.core.Child(0) != nil {
			t.Error("the child is over, and still there")
		}
	})
}

func TestChildThatCannotStart(t *testing.T) {
	running := newChild()
	if err := running.core.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if running.core.Leaf() != 1 || running.core.Parent() != nil {
			t.Error("a machine that runs already is not the invocation's to stop")
		}
	}()
	broken := errors.New("broken")
	for what, make := range map[string]func() (Invocation, error){
		broken.Error():            func() (Invocation, error) { return Invocation{}, broken },
		"panic: oh":               func() (Invocation, error) { panic("oh") },
		ErrAlreadyStarted.Error(): running.invocation,
	} {
		p := newParent(t, make)
		if err := p.send(t.Context(), evInvoke); err != nil {
			t.Error(err)
		}
		p.saw(t, "error.invoke.child machine parent: invocation child: "+what)
		if err := p.core.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestChildWhoseFirstStepFails(t *testing.T) {
	chart := *testChart
	chart.States = append([]State(nil), testChart.States...)
	chart.States[1].Entry = 5
	chart.Blocks = make([]Block, 6)
	c := newChild()
	failing := &failingChild{child: c}
	c.core.Init(&chart, failing, "", nil)
	p := newParent(t, c.invocation)
	if err := p.send(t.Context(), evInvoke); err != nil {
		t.Error(err)
	}
	<-c.stopped
	p.saw(t, "error.invoke.child machine parent: invocation child: machine test: in state a on (none): no luck")
}

type failingChild struct{ *child }

func (*failingChild) Take(context.Context, int32) (bool, error) { return true, errors.New("no luck") }

func TestChildIsCancelled(t *testing.T) {
	c := newChild()
	p := newParent(t, c.invocation)
	ctx := t.Context()
	if err := errors.Join(p.send(ctx, evInvoke), p.send(ctx, evLeave)); err != nil {
		t.Fatal(err)
	}
	<-c.stopped
	if err := c.do(ctx, toParent("late")); !errors.Is(err, ErrStopped) {
		t.Errorf("a child that is not wanted took an event: %v", err)
	}
	p.saw(t, "leave <nil>")
	p.core.Emit(-2, nil) // in no step, which is the next one's beginning
	if err := p.send(ctx, evNote); !errors.Is(err, ErrNotRunning) {
		t.Errorf("sent to a child that does not run: %v", err)
	}
}

// TestChildCancelledByItsOwnStep lets a child's step make the parent end the
// invocation: what that step sends, at its end, is nobody's any more.
func TestChildCancelledByItsOwnStep(t *testing.T) {
	c := newChild()
	p := newParent(t, c.invocation)
	ctx := t.Context()
	if err := p.send(ctx, evInvoke); err != nil {
		t.Fatal(err)
	}
	err := c.do(ctx, func(ctx context.Context, child *program) error {
		child.core.Emit(-2, "dropped")
		return p.send(ctx, evLeave)
	})
	if err != nil {
		t.Error(err)
	}
	<-c.stopped
	p.saw(t, "leave <nil>")
}

// TestChildWhileTheParentIsBusy sends to a parent from a child that finishes while
// the parent is in a step: all arrives afterwards, in order.
func TestChildWhileTheParentIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChild()
		p := newParent(t, c.invocation)
		ctx := t.Context()
		if err := p.send(ctx, evInvoke); err != nil {
			t.Fatal(err)
		}
		err := p.core.Send(ctx, evNote, func(context.Context) error {
			done := make(chan error)
			go func() { done <- errors.Join(c.do(ctx, toParent("one")), c.core.Send(ctx, evGo, nil)) }()
			err := <-done
			time.Sleep(2 * time.Second) // the child's delay passes
			p.saw(t)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		<-c.stopped
		p.saw(t, "note one", "done.invoke.child [<nil>]")
	})
}

func TestWhatGoesBackAndForth(t *testing.T) {
	c := newChild()
	p := newParent(t, c.invocation)
	ctx := t.Context()
	if err := p.send(ctx, evInvoke); err != nil {
		t.Fatal(err)
	}
	err := p.core.Send(ctx, evNote, func(context.Context) error {
		p.core.Emit(-2, toParent("there and back"))
		p.core.Emit(-2, toParent(1)) // which the parent does not know
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	p.saw(t, "note there and back")
	if err := c.do(ctx, toParent(2)); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("an event that the parent does not know: %v", err)
	}
	if err := p.core.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestNoParent(t *testing.T) {
	c := newChild()
	if err := c.core.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.do(t.Context(), toParent("hello")); !errors.Is(err, ErrNoParent) {
		t.Errorf("sent to no parent: %v", err)
	}
}

func TestPretendedParent(t *testing.T) {
	c := newChild()
	var got []any
	WithParent(func(_ context.Context, event any) error { got = append(got, event); return nil })(&c.core)
	if err := c.core.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.do(t.Context(), toParent("hello")); err != nil || len(got) != 1 || got[0] != "hello" {
		t.Errorf("it was sent %v: %v", got, err)
	}
}

func TestChildThatIsStopped(t *testing.T) {
	c := newChild()
	p := newParent(t, c.invocation)
	if err := p.send(t.Context(), evInvoke); err != nil {
		t.Fatal(err)
	}
	if err := c.core.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-c.stopped
	p.saw(t, "error.invoke.child machine parent: invocation child: "+ErrStopped.Error())
}

// TestParentStoppedByItsChild stops a parent within a step of its child, whose end
// Stop could not wait for.
func TestParentStoppedByItsChild(t *testing.T) {
	c := newChild()
	p := newParent(t, c.invocation)
	if err := p.send(t.Context(), evInvoke); err != nil {
		t.Fatal(err)
	}
	if err := c.do(t.Context(), func(ctx context.Context, _ *program) error { return p.core.Stop(ctx) }); err != nil {
		t.Error(err)
	}
	<-c.stopped
}

// TestParentStoppedByAService stops a machine within a service of one that it has
// invoked.
func TestParentStoppedByAService(t *testing.T) {
	stopped := make(chan error, 1)
	var outer *parent
	middle := &parent{make: func() (Invocation, error) {
		return Invocation{Service: func(ctx context.Context) (any, error) {
			stopped <- outer.core.Stop(ctx)
			return nil, nil
		}}, nil
	}}
	middle.core.Init(parentChart, middle, "", nil)
	outer = newParent(t, func() (Invocation, error) { return Invocation{Child: &middle.core}, nil })
	if err := errors.Join(outer.send(t.Context(), evInvoke), middle.send(t.Context(), evInvoke), <-stopped); err != nil {
		t.Error(err)
	}
	if err := outer.core.Stop(t.Context()); err != nil { // waits for the service
		t.Error(err)
	}
}

// TestManyChildren lets parents and children end each other from all sides.
func TestManyChildren(t *testing.T) {
	for i := range 200 {
		c := newChild()
		p := newParent(t, c.invocation)
		ctx := t.Context()
		if err := p.send(ctx, evInvoke); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, f := range []func(){
			func() { _ = c.do(ctx, toParent("a")) },
			func() { _ = p.core.Post(ctx, evNote, "b") },
			func() { _ = p.send(ctx, evLeave) },
			func() {
				if i%2 == 0 {
					_ = c.core.Stop(ctx)
				} else {
					_ = p.core.Stop(ctx)
				}
			},
		} {
			wg.Go(f)
		}
		wg.Wait()
		<-c.stopped
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
}
