package parallel

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/snapshot"
)

type quiet struct{}

func (quiet) InBoth(context.Context, *Turn) error  { return nil }
func (quiet) OutBoth(context.Context, *Turn) error { return nil }
func (quiet) ExitA(context.Context, *Turn) error   { return nil }
func (quiet) EnterB(context.Context, *Turn) error  { return nil }
func (quiet) EnterC(context.Context, *Turn) error  { return nil }
func (quiet) Xc(context.Context, *Turn, *X) error  { return nil }

// Work runs until it is cancelled.
func (quiet) Work(ctx context.Context, _ WorkInput) (WorkOutput, error) {
	<-ctx.Done()
	return WorkOutput{}, ctx.Err()
}

// restored is what Restore says of a snapshot that was changed.
func restored(t *testing.T, data []byte, change func(*machine.Snapshot)) error {
	t.Helper()
	s, err := snapshot.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	change(s)
	if data, err = snapshot.Encode(s); err != nil {
		t.Fatal(err)
	}
	m := New(quiet{}, quiet{})
	err = m.Restore(t.Context(), data)
	if stopErr := m.Stop(context.Background()); stopErr != nil {
		t.Error(stopErr)
	}
	return err
}

// busy is the snapshot of a machine in both regions, whose service runs and both
// of whose history states have recorded something.
func busy(t *testing.T) []byte {
	t.Helper()
	ctx := t.Context()
	m := New(quiet{}, quiet{})
	err := m.Start(ctx)
	for _, e := range []ExternalEvent{&Go{}, &Back{}, &Deep{}, &X{}} {
		err = errors.Join(err, m.Send(ctx, e))
	}
	data, snapErr := m.Snapshot(ctx)
	if err := errors.Join(err, snapErr, m.Send(ctx, &All{})); err != nil {
		t.Fatal(err)
	}
	if err := m.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestImpossibleSnapshots restores what no machine can have been.
func TestImpossibleSnapshots(t *testing.T) {
	data := busy(t)
	if err := restored(t, data, func(*machine.Snapshot) {}); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*machine.Snapshot){
		"no state":              func(s *machine.Snapshot) { s.Active = nil },
		"a region is missing":   func(s *machine.Snapshot) { s.Active = s.Active[1:] },
		"the other is missing":  func(s *machine.Snapshot) { s.Active = s.Active[:1] },
		"two states of one":     func(s *machine.Snapshot) { s.Active = append(s.Active, "both.left.a") },
		"one state twice":       func(s *machine.Snapshot) { s.Active = append(s.Active, s.Active[0]) },
		"not a leaf":            func(s *machine.Snapshot) { s.Active = []string{"both"} },
		"a history state":       func(s *machine.Snapshot) { s.Active = append(s.Active, "both.h") },
		"beside the regions":    func(s *machine.Snapshot) { s.Active = append(s.Active, "idle") },
		"an inactive invoker":   func(s *machine.Snapshot) { s.Active = []string{"idle"} },
		"a finished invoker":    func(s *machine.Snapshot) { s.Finished = true },
		"an invocation twice":   func(s *machine.Snapshot) { s.Invokes = append(s.Invokes, s.Invokes[0]) },
		"half a shallow record": func(s *machine.Snapshot) { s.History[0].Active = s.History[0].Active[:1] },
		"half a deep record":    func(s *machine.Snapshot) { s.History[1].Active = s.History[1].Active[:1] },
		"records that differ":   func(s *machine.Snapshot) { s.History[2].Active = []string{"both.left.b", "both.right.c"} },
		"a record of others":    func(s *machine.Snapshot) { s.History[0].Active = []string{"idle", "end"} },
	} {
		if err := restored(t, data, change); !errors.Is(err, machine.ErrSnapshot) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestContextOfARefusedSnapshot starts a machine that could not be restored: its
// context is its own.
func TestContextOfARefusedSnapshot(t *testing.T) {
	ctx := t.Context()
	s, err := snapshot.Decode(busy(t))
	if err != nil {
		t.Fatal(err)
	}
	s.Context = []byte("\x82\xa1n\x05\xa1r\x05") // n is 5, and so is r, which is a string
	data, err := snapshot.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	m := New(quiet{}, quiet{})
	if m.Restore(ctx, data) == nil {
		t.Error("a context of another type was taken")
	}
	err = m.Start(ctx)
	data, snapErr := m.Snapshot(ctx)
	if err := errors.Join(err, snapErr, m.Stop(ctx)); err != nil {
		t.Fatal(err)
	}
	if s, err = snapshot.Decode(data); err != nil {
		t.Fatal(err)
	}
	var c Context
	if err := c.UnmarshalMsgpack(s.Context); err != nil || c.N != 0 {
		t.Errorf("the context is %+v, %v", c, err)
	}
}

// TestSuspend goes on where a suspended machine was, and with what it had not
// processed.
func TestSuspend(t *testing.T) {
	ctx := t.Context()
	m := New(quiet{}, quiet{})
	err := errors.Join(m.Start(ctx), m.Send(ctx, &Deep{}))
	data, suspendErr := m.Suspend(ctx)
	if err := errors.Join(err, suspendErr); err != nil {
		t.Fatal(err)
	}
	if err := m.Send(ctx, &Back{}); !errors.Is(err, machine.ErrStopped) {
		t.Errorf("a suspended machine took an event: %v", err)
	}
	again := New(quiet{}, quiet{})
	if err := again.Restore(ctx, data); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Active(), m.Active()) {
		t.Errorf("restored in %v, suspended in %v", again.Active(), m.Active())
	}
	if err := again.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestHistoryThatWasAdded restores a snapshot in which one of two history states of a parent
// is missing, as if a migration had added it: it stands for what the other stands for.
func TestHistoryThatWasAdded(t *testing.T) {
	for missing := 1; missing < 3; missing++ {
		s, err := snapshot.Decode(busy(t))
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(s.History[1].Active)
		s.History = slices.Delete(s.History, missing, missing+1)
		data, err := snapshot.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		m := New(quiet{}, quiet{})
		if err := m.Restore(t.Context(), data); err != nil {
			t.Fatal(err)
		}
		if data, err = m.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err = snapshot.Decode(data); err != nil {
			t.Fatal(err)
		}
		for _, h := range s.History {
			if h.State != "both.h" && !slices.Equal(h.Active, want) {
				t.Errorf("%s stands for %v, want %v", h.State, h.Active, want)
			}
		}
		if err := m.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
