package machine_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// exitBlock is the block that exitingChild's state a has on exit.
const exitBlock = 5

// exitingChild is a child whose first state has something to do when it is exited.
type exitingChild struct {
	*child
	exited int
	exit   func(ctx context.Context) error
}

func newExitingChild() *exitingChild {
	chart := *testChart
	chart.States = append([]State(nil), testChart.States...)
	chart.States[1].Exit = exitBlock
	chart.Blocks = make([]Block, exitBlock+1)
	e := &exitingChild{child: &child{stopped: make(chan struct{})}}
	e.core.Init(&chart, e, "", nil)
	return e
}

// Take runs the exit block, or what child runs.
func (e *exitingChild) Take(ctx context.Context, id int32) (bool, error) {
	if id != exitBlock {
		return e.child.Take(ctx, id)
	}
	e.exited++
	e.core.Emit(-2, "gone") // to a parent that does not want it any more
	if e.exit != nil {
		return true, e.exit(ctx)
	}
	return true, nil
}

func TestCancelledChildExitsItsStates(t *testing.T) {
	for _, busy := range []bool{false, true} {
		c := newExitingChild()
		p := newParent(t, c.invocation)
		ctx := t.Context()
		if err := p.send(ctx, evInvoke); err != nil {
			t.Fatal(err)
		}
		leave := function(func(ctx context.Context, _ *program) error {
			err := p.send(ctx, evLeave)
			if c.exited > 0 && busy {
				t.Error("a child exited within its own step")
			}
			return err
		})
		var err error
		if busy {
			err = c.do(ctx, leave)
		} else {
			err = leave(ctx, nil)
		}
		if err != nil {
			t.Error(err)
		}
		if c.exited != 1 {
			t.Errorf("busy %v: exited %d times", busy, c.exited)
		}
		<-c.stopped
		p.saw(t, "leave <nil>")
	}
}

func TestStoppedParentsChildExitsNothing(t *testing.T) {
	c := newExitingChild()
	p := newParent(t, c.invocation)
	if err := errors.Join(p.send(t.Context(), evInvoke), p.core.Stop(t.Context())); err != nil {
		t.Error(err)
	}
	<-c.stopped
	if c.exited != 0 {
		t.Error("a child whose parent was stopped ran its exit actions")
	}
}

// TestGoexitInAChild ends the goroutine that runs a child's last step, which the
// parent's step is waiting for: neither may stay locked.
func TestGoexitInAChild(t *testing.T) {
	c := newExitingChild()
	c.exit = func(context.Context) error { runtime.Goexit(); return nil }
	p := newParent(t, c.invocation)
	ctx := t.Context()
	if err := p.send(ctx, evInvoke); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.send(ctx, evLeave)
		t.Error("Goexit was swallowed")
	}()
	<-ended
	<-c.stopped
	if err := p.send(ctx, evNote); !errors.Is(err, ErrStopped) {
		t.Errorf("after Goexit: %v", err)
	}
	if err := p.core.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// emptyCodec is for machines of which nothing but their states is to be kept.
type emptyCodec struct{}

func (emptyCodec) EncodeContext() ([]byte, error)              { return nil, nil }
func (emptyCodec) DecodeContext([]byte) error                  { return nil }
func (emptyCodec) EncodeEvent(any) ([]byte, error)             { return nil, nil }
func (emptyCodec) DecodeEvent(int32, []byte) (any, error)      { return nil, nil }
func (emptyCodec) DecodeOutput(k int32, _ []byte) (any, error) { return toParent("restored"), nil }

type keptChild struct {
	*child
	emptyCodec
}

func newKeptChild() *keptChild {
	c := &keptChild{child: &child{stopped: make(chan struct{})}}
	c.core.Init(testChart, c, "", nil)
	return c
}

type keptParent struct {
	*parent
	emptyCodec
}

func newKeptParent(make func() (Invocation, error)) *keptParent {
	chart := *parentChart
	chart.Kin = []string{"send.child.do"}
	p := &keptParent{parent: &parent{make: make}}
	p.core.Init(&chart, p, "", nil)
	return p
}

func TestChildrenInSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := newKeptChild()
		p := newKeptParent(c.invocation)
		err := errors.Join(p.core.Start(ctx), p.send(ctx, evInvoke), p.core.SendAfter(time.Second, "", false, -2, nil))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 2)
		if err := c.core.Send(ctx, evGo, nil); err != nil { // its delay passes in a second
			t.Fatal(err)
		}
		snap, err := p.core.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
		again := newKeptChild()
		restored := newKeptParent(again.invocation)
		if err := restored.core.Restore(ctx, snap); err != nil {
			t.Fatal(err)
		}
		if again.core.Leaf() != 2 {
			t.Errorf("the restored child is in state %d", again.core.Leaf())
		}
		<-again.stopped
		restored.saw(t, "note restored", "done.invoke.child [<nil>]")
		p.saw(t)
	})
}

// TestSnapshotsWhileChildrenSend takes snapshots of a parent whose child's steps run
// it all the time: a snapshot that waited for the child within the parent's step
// would wait for ever.
func TestSnapshotsWhileChildrenSend(t *testing.T) {
	ctx := t.Context()
	var mu sync.Mutex
	var children []*keptChild
	p := newKeptParent(func() (Invocation, error) {
		c := newKeptChild()
		mu.Lock()
		defer mu.Unlock()
		children = append(children, c)
		return c.invocation()
	})
	if err := p.core.Start(ctx); err != nil {
		t.Fatal(err)
	}
	newest := func() *keptChild {
		mu.Lock()
		defer mu.Unlock()
		return children[len(children)-1]
	}
	if err := p.send(ctx, evInvoke); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 500 {
			_ = newest().do(ctx, toParent("x"))
			if i%50 == 49 {
				_ = newest().core.Stop(ctx)
				_ = p.send(ctx, evInvoke)
			}
		}
	})
	for range 3 {
		wg.Go(func() {
			for range 200 {
				if _, err := p.core.Snapshot(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := p.core.Stop(ctx); err != nil {
		t.Error(err)
	}
}
