package machine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// counting is an event that counts how often it is processed.
func counting(n *int) function {
	return func(context.Context, *program) error { *n++; return nil }
}

// named is an event of a bus with that id.
type named string

// ID implements Identified.
func (n named) ID() string { return string(n) }

// TestInvokedMachineRecognisesEvents delivers events to a machine that an instance
// invokes, twice, and again after the instance was loaded anew.
func TestInvokedMachineRecognisesEvents(t *testing.T) {
	store := NewMemoryStore()
	n := newNursery(store, testChart, WithHandled(2))
	n.send(t, evInvoke, nil)
	var ran, own int
	deliver := func(id string, want int) {
		t.Helper()
		if err := n.c.core.Deliver(t.Context(), named(id), evDo, counting(&ran)); err != nil || ran != want {
			t.Errorf("%q: %v, %d events were processed, not %d", id, err, ran, want)
		}
	}
	note := func(context.Context) error { own++; return nil }
	deliverOwn := func(id string) {
		t.Helper()
		if err := n.Deliver(t.Context(), "k", id, evNote, note); err != nil || own != 1 {
			t.Errorf("the parent's %q: %v, %d were processed", id, err, own)
		}
	}
	deliverOwn("x1")
	deliver("x1", 1)
	deliver("x1", 1)
	deliver("", 2)
	deliver("", 3)
	deliver("x2", 4)
	deliver("x3", 5)
	deliver("x2", 5)
	deliver("x1", 6) // it is forgotten
	deliverOwn("x1") // and this is not, whatever the child hears
	n.close(t)
	n = newNursery(store, testChart, WithHandled(2))
	deliverOwn("x1")
	deliver("x3", 6)
	deliver("x1", 6)
	n.close(t)
}

// TestInvokedMachineRecognisesQueuedEvents: what who hears the instance sends to its
// child in the step that it hears is stored, and recognised.
func TestInvokedMachineRecognisesQueuedEvents(t *testing.T) {
	store := NewMemoryStore()
	n := newNursery(store, testChart)
	n.send(t, evInvoke, nil)
	var ran int
	within := func(ctx context.Context) error {
		for range 2 {
			if err := n.c.core.Deliver(ctx, named("x1"), evDo, counting(&ran)); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	n.send(t, evNote, within)
	n.send(t, evNote, within)
	if ran != 1 {
		t.Errorf("it was processed %d times", ran)
	}
	n.close(t)
}

// depthKey is the key under which a deep ctx tells how many calls lead to it.
type depthKey struct{}

// deep is a ctx that is wrapped.
type deep struct{ context.Context }

// Value implements context.Context.
func (d deep) Value(key any) any {
	if key == (depthKey{}) {
		return runtime.Callers(0, make([]uintptr, 4096))
	}
	return d.Context.Value(key)
}

// depths are those of the ctx of steps that follow on one another.
type depths []int

func (d *depths) note(ctx context.Context) {
	n, _ := ctx.Value(depthKey{}).(int)
	*d = append(*d, n)
}

func (d depths) check(t *testing.T) {
	t.Helper()
	if len(d) < 100 || d[0] == 0 || d[len(d)-1] > d[9] {
		t.Errorf("%d steps; the ctx of the first is %d deep, of the tenth %d, of the last %d", len(d), d[0], d[9], d[len(d)-1])
	}
}

// TestContextOfKinDoesNotGrow has a parent and its child answer each other.
func TestContextOfKinDoesNotGrow(t *testing.T) {
	for _, hosted := range []bool{false, true} {
		var parent *Core
		var seen depths
		ctx := deep{t.Context()}
		var answer func(context.Context) error
		var reply function
		left := 200
		answer = func(ctx context.Context) error {
			seen.note(ctx)
			if left--; left > 0 {
				parent.Emit(-2, reply)
			}
			return nil
		}
		reply = func(ctx context.Context, p *program) error {
			p.core.Emit(-2, "again")
			return nil
		}
		if hosted {
			n := newNursery(NewMemoryStore(), testChart)
			n.send(t, evInvoke, nil)
			parent = &n.p.core
			n.p.told = answer
			if err := n.Send(ctx, "k", evNote, answer); err != nil {
				t.Error(err)
			}
			n.close(t)
		} else {
			c := newChild()
			p := newParent(t, c.invocation)
			parent = &p.core
			p.told = answer
			if err := p.send(ctx, evInvoke); err != nil {
				t.Error(err)
			}
			if err := p.core.Send(ctx, evNote, answer); err != nil {
				t.Error(err)
			}
			if err := p.core.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			<-c.stopped
		}
		seen.check(t)
	}
}

// TestContextOfOwnEventsDoesNotGrow has a machine send to itself, and post.
func TestContextOfOwnEventsDoesNotGrow(t *testing.T) {
	for _, post := range []bool{false, true} {
		p := newProgram(t)
		var seen depths
		var again function
		again = func(ctx context.Context, p *program) error {
			seen.note(ctx)
			if len(seen) == 200 {
				return nil
			}
			if post {
				return p.core.Post(ctx, evDo, again)
			}
			return p.core.SendSelf(ctx, evDo, again)
		}
		if err := p.core.Send(deep{t.Context()}, evDo, again); err != nil {
			t.Error(err)
		}
		seen.check(t)
	}
}

// deferring is a machine that defers an event in the state b, where it asks a guard
// for it first.
type deferring struct {
	program
	seen depths
}

func (d *deferring) Take(ctx context.Context, id int32) (bool, error) {
	if id != 5 {
		return d.program.Take(ctx, id)
	}
	d.seen.note(ctx)
	return false, nil
}

// TestContextOfDeferredEventsDoesNotGrow has an event deferred again and again.
func TestContextOfDeferredEventsDoesNotGrow(t *testing.T) {
	chart := *testChart
	chart.Transitions = append(chart.Transitions[:5:5], Transition{Source: 2, Domain: None, Actions: None})
	chart.Candidates = []int32{3, None, 5, Deferring(2), None}
	chart.Index = append([]int32(nil), chart.Index...)
	chart.Index[events+evStrange] = -3
	d := &deferring{}
	d.core.Init(&chart, d, "", nil)
	ctx := deep{t.Context()}
	err := d.core.Start(ctx)
	for _, e := range []int32{evGo, evStrange} {
		if err == nil {
			err = d.core.Send(ctx, e, nil)
		}
	}
	for range 200 {
		if err == nil {
			err = d.core.Send(ctx, evAgain, nil)
		}
	}
	if err != nil {
		t.Error(fmt.Errorf("the machine: %w", err))
	}
	d.seen.check(t)
	if err := d.core.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestSendersToInvokedMachines: who sends to a machine that an instance has invoked
// does not process what others send for ever.
func TestSendersToInvokedMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNursery(NewMemoryStore(), testChart)
		n.send(t, evInvoke, nil)
		returned := make(chan struct{})
		var all sync.WaitGroup
		send := func(f function) {
			if err := n.c.core.Send(t.Context(), evDo, f); err != nil {
				t.Error(err)
			}
		}
		processed := 0
		other := func(context.Context, *program) error {
			if processed++; processed < 200 {
				return nil
			}
			select {
			case <-returned:
			case <-time.After(time.Minute):
				t.Error("who sent first processes what all others have sent")
			}
			return nil
		}
		all.Go(func() {
			send(func(context.Context, *program) error {
				for range 300 {
					all.Go(func() { send(other) })
				}
				synctest.Wait() // they are queued
				return nil
			})
			close(returned)
		})
		all.Wait()
		n.close(t)
	})
}

// TestInstanceWhoseChildHasStopped is given a machine that has stopped: that fails as
// an invocation does, whenever the process ends.
func TestInstanceWhoseChildHasStopped(t *testing.T) {
	for saves := 1; saves < 4; saves++ {
		store := &brittle{Store: NewMemoryStore(), saves: saves}
		n := newNursery(store, testChart)
		n.stopped = true
		_ = n.Send(t.Context(), "k", evInvoke, nil)
		_ = n.Close(context.WithoutCancel(t.Context())) // the store may fail
		store.saves = 100
		n = newNursery(store, testChart)
		n.stopped = true
		if err := n.Open(t.Context()); err != nil {
			t.Errorf("%d saves: %v", saves, err)
		}
		n.send(t, evNote, nil)
		n.close(t)
	}
}

// TestInstanceWhoseChildHasARequest stays in memory while somebody waits for the reply
// to an event that what it invokes has deferred.
func TestInstanceWhoseChildHasARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chart := *testChart
		chart.Candidates = []int32{3, None, Deferring(1), None}
		chart.Index = append([]int32(nil), chart.Index...)
		chart.Index[evStrange] = -3
		n := newNursery(NewMemoryStore(), &chart)
		n.send(t, evInvoke, nil)
		for _, waits := range []bool{true, false} {
			ctx, cancel := context.WithCancel(t.Context())
			answered := make(chan error)
			go func() {
				_, err := n.c.core.Request(ctx, evStrange, nil)
				answered <- err
			}()
			synctest.Wait()
			if !waits {
				cancel()
				<-answered
			}
			first := n.c
			time.Sleep(5 * time.Minute)
			if stopped := errors.Is(first.core.Send(t.Context(), evDo, "x"), ErrStopped); stopped == waits {
				t.Errorf("somebody waits: %v; it has been put away: %v", waits, stopped)
			}
			cancel()
			if waits {
				<-answered
			}
		}
		n.close(t)
	})
}
