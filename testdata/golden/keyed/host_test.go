package keyed

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/topic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// returning is an action that returns an error, and counts.
type returning struct {
	err   error
	calls int
}

func (r *returning) Reassign(context.Context, *Turn, *Assign) error {
	r.calls++
	return r.err
}

// TestLongKeys: a key that is too long for one of the topics is too long for Bind,
// and not only for the first publish to it.
func TestLongKeys(t *testing.T) {
	families := []topic.Family{TopicStateOpenFresh, TopicStateDone, TopicEventAssign, TopicEmitAssigned, TopicErrorUnhandled}
	bound, refused := 0, 0
	for n := 200; n < topic.MaxLength; n++ {
		key := strings.Repeat("k", n)
		var want error
		for _, f := range families {
			_, err := f.Of(key)
			want = errors.Join(want, err)
		}
		err := New(key, &returning{}, Input{}).Bind(bus.New(), Roles{})
		if (err == nil) != (want == nil) || err != nil && !errors.Is(err, topic.ErrTooLong) {
			t.Errorf("%d bytes: %v, want %v", n, err, want)
		}
		if err == nil {
			bound++
		} else {
			refused++
		}
	}
	if bound == 0 || refused == 0 {
		t.Errorf("%d were bound and %d refused", bound, refused)
	}
}

// TestErrorsOfActions: what an action returns is the step's error, though it be one
// that the host knows, and the step is not run again.
func TestErrorsOfActions(t *testing.T) {
	for _, err := range []error{
		machine.ErrStopped, machine.ErrFull, machine.ErrConflict, &machine.StoreError{Machine: "ticket", Key: "a", Err: machine.ErrConflict},
		errors.Join(machine.ErrStopped, &machine.StoreError{Machine: "ticket", Key: "a", Err: machine.ErrConflict}),
	} {
		r := &returning{err: err}
		h := NewHost(func(key string) *Machine { return New(key, r, Input{}) })
		if err := h.Send(t.Context(), "a", &Assign{To: "ann"}); err != nil {
			t.Error(err)
		}
		var ae *machine.ActionError
		if got := h.Send(t.Context(), "a", &Assign{To: "bob"}); !errors.As(got, &ae) || !errors.Is(got, err) {
			t.Errorf("%v", got)
		}
		if got := h.Deliver(t.Context(), "a", "", &Assign{To: "bob"}); got != nil {
			t.Errorf("not acknowledged: %v", got)
		}
		if r.calls != 2 {
			t.Errorf("%v: it was called %d times", err, r.calls)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
