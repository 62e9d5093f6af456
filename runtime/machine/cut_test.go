package machine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// cutPair is a parent with a child that runs.
func cutPair(t *testing.T) (*keptParent, *keptChild) {
	t.Helper()
	c := newKeptChild()
	p := newKeptParent(c.invocation)
	if err := errors.Join(p.core.Start(t.Context()), p.send(t.Context(), evInvoke)); err != nil {
		t.Fatal(err)
	}
	return p, c
}

// restoredPair restores both, and returns the child's state once all is quiet.
func restoredPair(t *testing.T, s *Snapshot) (*keptParent, int32) {
	t.Helper()
	c := newKeptChild()
	p := newKeptParent(c.invocation)
	if err := p.core.Restore(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	leaf := c.core.Leaf()
	if err := p.core.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-c.stopped
	return p, leaf
}

// TestCutWhileTheChildSends takes a snapshot while the child is in a step that
// sends to its parent: it is in one of the two, and in one only.
func TestCutWhileTheChildSends(t *testing.T) {
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
		snap, err := p.core.Snapshot(ctx) // waits for that step
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p.saw(t, "note answer")
		if len(snap.Sends) != 1 || snap.Sends[0].Event != "note" || !snap.Sends[0].Self {
			t.Errorf("the parent's snapshot has the sends %v", snap.Sends)
		}
		restored, _ := restoredPair(t, snap)
		restored.saw(t, "note <nil>")
		if again, err := p.core.Snapshot(ctx); err != nil || len(again.Sends) != 0 {
			t.Errorf("the next snapshot has the sends %v, %v", again.Sends, err)
		}
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// TestCutBehindTheParent captures a parent while what the child sent waits behind
// the snapshot's turn.
func TestCutBehindTheParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		p, c := cutPair(t)
		snaps := make(chan *Snapshot, 1)
		err := p.core.Send(ctx, evNote, func(context.Context) error {
			go func() {
				s, err := p.core.Snapshot(context.Background())
				if err != nil {
					t.Error(err)
				}
				snaps <- s
			}()
			time.Sleep(time.Second) // it is queued
			done := make(chan error)
			go func() { done <- c.do(context.Background(), toParent("late")) }()
			return <-done
		})
		if err != nil {
			t.Error(err)
		}
		p.saw(t, "note late")
		restored, _ := restoredPair(t, <-snaps)
		restored.saw(t, "note <nil>")
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// TestCutWhileTheParentSends sends to a child between the captures of the two: it
// is in neither, as is that the parent sent it.
func TestCutWhileTheParentSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		p, c := cutPair(t)
		go func() {
			_ = c.do(ctx, func(context.Context, *program) error { time.Sleep(time.Second); return nil })
		}()
		synctest.Wait()
		snaps := make(chan *Snapshot, 1)
		go func() {
			s, err := p.core.Snapshot(ctx)
			if err != nil {
				t.Error(err)
			}
			snaps <- s
		}()
		synctest.Wait() // the parent is captured, the child is not
		if err := p.core.Send(ctx, evNote, func(ctx context.Context) error { return c.core.Post(ctx, evGo, nil) }); err != nil {
			t.Error(err)
		}
		snap := <-snaps
		synctest.Wait()
		if c.core.Leaf() != 2 {
			t.Errorf("the child is in state %d", c.core.Leaf())
		}
		if _, leaf := restoredPair(t, snap); leaf != 1 {
			t.Errorf("the restored child is in state %d", leaf)
		}
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

// TestCutThatIsGivenUp ends the ctx of a snapshot that waits for a child.
func TestCutThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		p, c := cutPair(t)
		go func() {
			_ = c.do(ctx, func(context.Context, *program) error { time.Sleep(time.Second); return nil })
		}()
		synctest.Wait()
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		if _, err := p.core.Snapshot(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		err := c.do(ctx, func(ctx context.Context, _ *program) error {
			_, err := p.core.Snapshot(ctx)
			if !errors.Is(err, ErrReentrant) {
				t.Errorf("within a step of the child: %v", err)
			}
			return nil
		})
		snap, snapErr := p.core.Snapshot(ctx)
		if err := errors.Join(err, snapErr); err != nil || snap.Invokes[0].Child == nil {
			t.Errorf("afterwards: %v", err)
		}
		if err := p.core.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}
