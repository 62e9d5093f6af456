package machine_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// TestSuspendLosesNoStep sends and posts to a machine that is suspended: whatever
// was accepted has been processed, or is in the snapshot.
func TestSuspendLosesNoStep(t *testing.T) {
	for range 100 {
		ctx := t.Context()
		p, c := cutPair(t)
		var wg sync.WaitGroup
		accepted := make(chan struct{}, 1000)
		for n := range 4 {
			wg.Go(func() {
				for err := error(nil); err == nil; {
					if n%2 == 0 {
						err = p.core.Post(ctx, evNote, "x")
					} else {
						err = c.do(ctx, toParent("x"))
					}
					if err == nil && len(accepted) < 900 {
						accepted <- struct{}{}
					} else if err == nil {
						return
					}
				}
			})
		}
		snap, err := p.core.Suspend(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
		wg.Wait()
		<-c.stopped
		if got, want := len(p.seen)+len(snap.Sends), len(accepted); got < want {
			t.Fatalf("%d events are somewhere, %d were accepted", got, want)
		}
		if snap.Invokes[0].Child == nil || snap.Invokes[0].Child.Active[0] != "a" {
			t.Errorf("the child's snapshot is %v", snap.Invokes[0].Child)
		}
	}
}

// TestSuspendWhileTheChildWorks suspends a parent whose child is in a step, which
// sends to it and finishes a second later.
func TestSuspendWhileTheChildWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		p, c := cutPair(t)
		go func() {
			_ = c.do(ctx, func(_ context.Context, child *program) error {
				time.Sleep(time.Second)
				child.core.Emit(-2, "answer")
				return nil
			})
		}()
		synctest.Wait()
		snap, err := p.core.Suspend(ctx)
		if err != nil {
			t.Fatal(err)
		}
		<-c.stopped
		if err := p.send(ctx, evNote); !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
		p.saw(t)
		restored, leaf := restoredPair(t, snap)
		restored.saw(t, "note <nil>")
		if leaf != 1 {
			t.Errorf("the restored child is in state %d", leaf)
		}
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestSuspendFromWithin(t *testing.T) {
	ctx := t.Context()
	p, c := cutPair(t)
	within := func(ctx context.Context) error { _, err := p.core.Suspend(ctx); return err }
	if err := p.core.Send(ctx, evNote, within); !errors.Is(err, ErrReentrant) {
		t.Error(err)
	}
	if err := c.do(ctx, func(ctx context.Context, _ *program) error { return within(ctx) }); !errors.Is(err, ErrReentrant) {
		t.Errorf("within a step of the child: %v", err)
	}
	if err := errors.Join(p.send(ctx, evLeave), p.core.Stop(ctx)); err != nil { // it goes on
		t.Error(err)
	}
	<-c.stopped
}

// outputBlock is the block that makes outputChild's output.
const outputBlock = 5

type outputChild struct{ *keptChild }

func (c outputChild) Take(ctx context.Context, id int32) (bool, error) {
	if id == outputBlock {
		c.core.SetOutput("again")
		return true, nil
	}
	return c.keptChild.Take(ctx, id)
}

// TestChildThatFinishedWhenItWasSuspended returns its output where it is restored.
func TestChildThatFinishedWhenItWasSuspended(t *testing.T) {
	chart := *testChart
	chart.States = append([]State(nil), testChart.States...)
	chart.States[3].Output = outputBlock
	chart.Blocks = make([]Block, outputBlock+1)
	c := outputChild{newKeptChild()}
	c.core.Init(&chart, c, "", nil)
	p := newNested(c.invocation)
	if err := p.core.Restore(t.Context(), invoking(&Snapshot{Machine: "test", Active: []string{"end"}, Finished: true})); err != nil {
		t.Fatal(err)
	}
	<-c.stopped
	p.saw(t, "done.invoke.child [again]")
	if err := p.core.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
