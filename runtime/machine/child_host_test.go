package machine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// outlet is the part of a program that publishes from an outbox.
type outlet struct{ published *[]string }

func (outlet) ChangeValue(c Change) any                  { return c }
func (outlet) FailureValue(f Failure) any                { return f }
func (outlet) DecodeMessage(string, []byte) (any, error) { return nil, nil }
func (outlet) TopicOf(string) string                     { return "" }

func (o outlet) PublishMessage(_ context.Context, id, name string, _ any) error {
	*o.published = append(*o.published, id+" "+name)
	return nil
}

// hostedParent is an instance of a keyed host that invokes a machine.
type hostedParent struct {
	*keptParent
	outlet
}

// hostedChild is a machine that it invokes.
type hostedChild struct {
	*keptChild
	outlet
	take func(c *hostedChild, ctx context.Context) error
}

func (c *hostedChild) Take(ctx context.Context, id int32) (bool, error) {
	if c.take != nil {
		return true, c.take(c, ctx)
	}
	return c.keptChild.Take(ctx, id)
}

// nursery is a host of parents, and knows the latest parent and child.
type nursery struct {
	*Host
	p         *hostedParent
	c         *hostedChild
	take      func(c *hostedChild, ctx context.Context) error
	made      int
	stopped   bool // children have stopped before anybody has them
	published []string
	slow      atomic.Int64 // how long it takes to stop a child
}

// entering is testChart with an action where it starts.
func entering() *Chart {
	chart := *testChart
	chart.States = append([]State(nil), testChart.States...)
	chart.States[1].Entry = 5
	chart.Blocks = make([]Block, 6)
	return &chart
}

func newNursery(store Store, chart *Chart, opts ...HostOption) *nursery {
	n := &nursery{}
	n.Host = NewHost(Maker{
		Chart: parentChart,
		New: func(key string) (*Core, error) {
			n.p = &hostedParent{newKeptParent(n.child(chart)), outlet{&n.published}}
			own := *parentChart
			own.Kin = []string{"send.child.do"}
			n.p.core.Init(&own, n.p, key, nil)
			return &n.p.core, nil
		},
		Encode: func(s *Snapshot) ([]byte, error) { return json.Marshal(s) },
		Decode: func(data []byte) (*Snapshot, error) {
			var s Snapshot
			return &s, json.Unmarshal(data, &s)
		},
	}, append(opts, WithStore(store))...)
	n.Bound(func(context.Context, Failure) error { return nil })
	return n
}

func (n *nursery) child(chart *Chart) func() (Invocation, error) {
	return func() (Invocation, error) {
		n.made++
		n.c = &hostedChild{newKeptChild(), outlet{&n.published}, n.take}
		n.c.core.Init(chart, n.c, "", nil)
		n.c.core.Bound(true)
		if n.stopped {
			_ = n.c.core.Stop(context.Background())
		}
		what, err := n.c.invocation()
		stop := what.Stop
		what.Stop = func(ctx context.Context) error {
			time.Sleep(time.Duration(n.slow.Load()))
			return stop(ctx)
		}
		return what, err
	}
}

func (n *nursery) send(t *testing.T, event int32, payload any) {
	t.Helper()
	if err := n.Send(t.Context(), "k", event, payload); err != nil {
		t.Error(err)
	}
}

func (n *nursery) close(t *testing.T) {
	t.Helper()
	if err := n.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestChildrenOfInstances invokes a machine in an instance that is stored. What is
// sent to it is no message of the outbox, and where the instance is loaded again it
// goes on.
func TestChildrenOfInstances(t *testing.T) {
	store := NewMemoryStore()
	n := newNursery(store, testChart)
	n.send(t, evInvoke, nil)
	tell := func(context.Context) error { n.p.core.Emit(-2, toParent("told")); return nil }
	n.send(t, evNote, tell)
	n.p.saw(t, "note told")
	if err := n.c.core.Send(t.Context(), evGo, nil); err != nil {
		t.Error(err)
	}
	first := n.c
	n.close(t)
	<-first.stopped
	n = newNursery(store, testChart)
	n.send(t, evNote, tell)
	if n.c == first || n.c.core.Leaf() != 2 {
		t.Error("the child began again")
	}
	n.p.saw(t, "note told")
	n.send(t, evLeave, nil)
	n.close(t)
	<-n.c.stopped
}

// TestInstanceWhoseChildCannotStart: nothing of a child whose first step fails goes on,
// and what it has made in it is published once, whenever the process ends.
func TestInstanceWhoseChildCannotStart(t *testing.T) {
	ran := false
	failing := func(c *hostedChild, ctx context.Context) error {
		if c.core.Payload() != nil {
			ran = true
			return nil
		}
		c.core.Emit(0, "x")
		return errors.Join(errors.New("no luck"), c.core.SendSelf(ctx, evDo, "more"))
	}
	chart := entering()
	chart.Outputs = []string{"emit.x"}
	for saves := 1; saves < 4; saves++ {
		store := &brittle{Store: NewMemoryStore(), saves: saves}
		n := newNursery(store, chart)
		n.take = failing
		_ = n.Send(t.Context(), "k", evInvoke, nil)
		before := n.published
		n.close(t)
		store.saves = 100
		n = newNursery(store, chart)
		n.take = failing
		if err := n.Open(t.Context()); err != nil {
			t.Error(err)
		}
		n.send(t, evNote, nil)
		n.send(t, evLeave, nil)
		n.close(t)
		all := append(before, n.published...)
		slices.Sort(all)
		times := strings.Count(fmt.Sprint(slices.Compact(all)), "emit.x")
		if ran || times != min(saves-1, 1) { // the first is the parent's start
			t.Errorf("%d saves: %d times, ran: %v", saves, times, ran)
		}
	}
}

// brittle is a store that saves a number of times.
type brittle struct {
	Store
	saves int
}

func (s *brittle) Save(ctx context.Context, key string, previous uint64, r *Record) error {
	if s.saves--; s.saves < 0 {
		return errors.New("no")
	}
	return s.Store.Save(ctx, key, previous, r)
}

// TestHostWaitsForChildren: Close waits for what has been put away to end.
func TestHostWaitsForChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNursery(NewMemoryStore(), testChart)
		n.send(t, evInvoke, nil)
		n.slow.Store(int64(time.Hour))
		time.Sleep(2 * time.Minute) // it is put away
		began := time.Now()
		n.close(t)
		select {
		case <-n.c.stopped:
		default:
			t.Error("the child has not been stopped")
		}
		if time.Since(began) < time.Hour/2 {
			t.Errorf("it was waited for for %v", time.Since(began))
		}
	})
}

// TestNotRunning: sending to a machine that does not run raises error.communication,
// and is the step's error.
func TestNotRunning(t *testing.T) {
	n := newNursery(NewMemoryStore(), testChart)
	n.send(t, evInvoke, nil)
	n.send(t, evLeave, nil)
	err := n.Send(t.Context(), "k", evNote, func(context.Context) error { n.p.core.Emit(-2, nil); return nil })
	if !errors.Is(err, ErrNotRunning) {
		t.Errorf("%v", err)
	}
	n.close(t)
}

// TestChildEndsItsGoroutine: the instance is given up, and nothing stays locked.
func TestChildEndsItsGoroutine(t *testing.T) {
	store := NewMemoryStore()
	n := newNursery(store, testChart)
	n.send(t, evInvoke, nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = n.c.core.Send(context.Background(), evDo, function(func(context.Context, *program) error { runtime.Goexit(); return nil }))
		t.Error("the goroutine goes on")
	}()
	<-ended
	first := n.c
	<-first.stopped
	n.send(t, evNote, nil)
	if n.c == first {
		t.Error("the child goes on")
	}
	n.close(t)
}
