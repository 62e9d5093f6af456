package machine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// nested is a machine with a child of its own kind or of others', and with a
// context.
type nested struct {
	*parent
	emptyCodec
	context string
	stopped int
}

func newNested(make func() (Invocation, error)) *nested {
	c := &nested{parent: &parent{make: make}, context: "own"}
	c.core.Init(parentChart, c, "", nil)
	return c
}

func (c *nested) EncodeContext() ([]byte, error) { return []byte(c.context), nil }

func (c *nested) DecodeContext(data []byte) error {
	c.context = string(data)
	return nil
}

func (c *nested) invocation() (Invocation, error) {
	return Invocation{Child: &c.core, Stop: func(ctx context.Context) error {
		c.stopped++
		return c.core.Stop(ctx)
	}}, nil
}

// invoking is the snapshot of a parent that invokes what child is of.
func invoking(child *Snapshot) *Snapshot {
	return &Snapshot{Machine: "parent", Active: []string{"busy"}, Context: []byte("restored"),
		Invokes: []InvokeSnapshot{{ID: "child", State: "busy", Child: child}}}
}

// TestChildOfAnotherVersion restores a machine that invokes one that invokes one
// whose snapshot does not fit: Restore says so, and nothing has happened.
func TestChildOfAnotherVersion(t *testing.T) {
	other := &VersionError{}
	for what, c := range map[string]struct {
		s  *Snapshot
		is func(error) bool
	}{
		"another version": {&Snapshot{Machine: "test", Active: []string{"a"}, Shape: Shape{States: "other"}}, func(err error) bool { return errors.As(err, &other) }},
		"another machine": {&Snapshot{Machine: "tset"}, func(err error) bool { return errors.Is(err, ErrSnapshot) }},
		"no states":       {&Snapshot{Machine: "test"}, func(err error) bool { return errors.Is(err, ErrSnapshot) }},
	} {
		inner := newKeptChild()
		middle := newNested(inner.invocation)
		outer := newNested(middle.invocation)
		if err := outer.core.Restore(t.Context(), invoking(invoking(c.s))); !c.is(err) {
			t.Errorf("%s: %v", what, err)
		}
		<-inner.stopped
		if outer.core.Started() || outer.context != "own" || middle.context != "own" || middle.stopped != 1 {
			t.Errorf("%s: started %v, with the context %s, and the child's %s; stopped %d times", what, outer.core.Started(), outer.context, middle.context, middle.stopped)
		}
		if err := errors.Join(outer.core.Start(t.Context()), outer.core.Stop(t.Context())); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestChildWithoutCodec(t *testing.T) {
	c := newChild()
	p := newNested(c.invocation)
	if err := p.core.Restore(t.Context(), invoking(&Snapshot{Machine: "test"})); !errors.Is(err, ErrNoCodec) {
		t.Error(err)
	}
	<-c.stopped
	p.saw(t)
}

func TestRestoredServiceIsNoChild(t *testing.T) {
	p := newNested(func() (Invocation, error) {
		return Invocation{Service: func(context.Context) (any, error) { return nil, nil }}, nil
	})
	if err := p.core.Restore(t.Context(), invoking(&Snapshot{Machine: "test"})); !errors.Is(err, ErrSnapshot) {
		t.Error(err)
	}
}

// TestRestoredChildThatRuns is given a machine that somebody else has started.
func TestRestoredChildThatRuns(t *testing.T) {
	c := newNested(nil)
	p := newNested(c.invocation)
	ctx := t.Context()
	err := c.core.Start(ctx)
	if err := errors.Join(err, p.core.Restore(ctx, invoking(&Snapshot{Machine: "parent", Active: []string{"idle"}}))); !errors.Is(err, ErrAlreadyStarted) {
		t.Error(err)
	}
	if c.stopped != 0 {
		t.Error("it was stopped")
	}
	if err := c.core.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestRestoredChildThatCannotBeMade fails like a child that is started.
func TestRestoredChildThatCannotBeMade(t *testing.T) {
	p := newNested(func() (Invocation, error) { return Invocation{}, errors.New("no luck") })
	ctx := t.Context()
	if err := p.core.Restore(ctx, invoking(&Snapshot{Machine: "test"})); err != nil {
		t.Error(err)
	}
	p.saw(t, "error.invoke.child machine parent: invocation child: no luck")
	if err := p.core.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestMigrationOfAChildThatPanics leaves the parent as it was.
func TestMigrationOfAChildThatPanics(t *testing.T) {
	c := newKeptChild()
	c.core.Init(testChart, c, "", []Option{WithMigration(func(*Snapshot, Shape) error { panic("no way") })})
	p := newNested(c.invocation)
	func() {
		defer func() {
			if r := recover(); fmt.Sprint(r) != "no way" {
				t.Errorf("recovered %v", r)
			}
		}()
		_ = p.core.Restore(t.Context(), invoking(&Snapshot{Machine: "test", Shape: Shape{States: "other"}}))
	}()
	<-c.stopped
	if err := errors.Join(p.core.Start(t.Context()), p.core.Stop(t.Context())); err != nil {
		t.Error(err)
	}
}
