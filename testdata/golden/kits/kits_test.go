// Package kits tests the test kits of the golden machines as a user's tests use them:
// those of machines that have little, and of machines that invoke others.
package kits

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/machine/machinetest"
	"github.com/xsgen/xsgen/testdata/golden/desk"
	"github.com/xsgen/xsgen/testdata/golden/desk/desktest"
	"github.com/xsgen/xsgen/testdata/golden/errand"
	"github.com/xsgen/xsgen/testdata/golden/errand/errandtest"
	"github.com/xsgen/xsgen/testdata/golden/helper"
	"github.com/xsgen/xsgen/testdata/golden/helper/helpertest"
	named "github.com/xsgen/xsgen/testdata/golden/machine"
	namedtest "github.com/xsgen/xsgen/testdata/golden/machine/machinetest"
	"github.com/xsgen/xsgen/testdata/golden/toggle"
	"github.com/xsgen/xsgen/testdata/golden/toggle/toggletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLittle: a machine without guards, actions, context and fields has a kit too.
func TestLittle(t *testing.T) {
	m := toggletest.New(t, toggletest.MachineConfig{})
	m.Send(toggletest.Flip(), toggletest.Flip())
	m.Heard.ExpectStates(toggle.StateOff, toggle.StateOn, toggle.StateOff)
	m.Send()
	m.Heard.StateChanged.Next(func(c *toggle.StateChanged) bool { return c.State == toggle.StateOn })
}

// TestNamedLikeTheRuntime: the package is called like one that the kit imports.
func TestNamedLikeTheRuntime(t *testing.T) {
	m := namedtest.New(t, namedtest.MachineConfig{})
	m.Send(namedtest.Ctx(func(e *named.Ctx) { e.P.Ok = true }), namedtest.E())
	m.ExpectState(named.StateB)
}

// TestInput: what a machine is started with is the test's, and time passes as it wants.
func TestInput(t *testing.T) {
	m := helpertest.New(t, helpertest.MachineConfig{Input: helper.Input{N: 3}})
	m.Send(helpertest.Count(func(e *helper.Count) { e.By = 2 }))
	if n := m.Heard.Counted.Next().Value().N; n != 5 {
		t.Errorf("it counted %d", n)
	}
	if calls := m.Parent.Calls(); len(calls) != 1 || calls[0].With.(*helper.Counted).N != 5 {
		t.Errorf("the parent was sent %+v", calls)
	}
	m.Advance(time.Hour)
	m.ExpectState(helper.StateOver)
	if n := m.Heard.Counted.Next().Value().N; n != -5 {
		t.Errorf("it counted %d", n)
	}
}

// TestChildren: a stub makes the machines that are invoked, on the same clock.
func TestChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, clock := bus.New(), machine.NewManualClock(machinetest.Epoch())
		made := &desktest.Children{ErrandFunc: func(in errand.Input) (*errand.Machine, error) {
			helpers := &errandtest.Children{HelperFunc: func(in helper.Input) (*helper.Machine, error) {
				return helper.New(in, machine.WithClock(clock)), nil
			}}
			m := errand.New(nil, helpers, in, machine.WithClock(clock))
			return m, m.Bind(b)
		}}
		m := desktest.New(t, desktest.MachineConfig{Children: made, Bus: b, Clock: clock})
		errands := errandtest.NewRecorder(t, b)
		m.Send(desktest.Begin(func(e *desk.Begin) { e.N = 7 }), desktest.Work())
		if calls := made.Calls(); len(calls) != 1 || calls[0].With != (errand.Input{N: 7}) {
			t.Errorf("%+v", calls)
		}
		m.ExpectState(desk.StateOpenOut)
		errands.Worked.Next(func(e *errand.Worked) bool { return e.N == 8 })
		m.Advance(10 * time.Minute)
		errands.Told.Next()
		m.Send(desktest.Finish())
		if e := m.Heard.Ended.Of("desk-1").Next(); e.Value().N != 8 {
			t.Errorf("%+v", e.Value())
		}
		if r := m.RequestSum(desktest.Sum()); r.N != 8 || r.Ends != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// TestNoChildren: what the test does not make fails it, by name.
func TestNoChildren(t *testing.T) {
	f := &fake{TB: t}
	m := desktest.New(f, desktest.MachineConfig{})
	m.Send(desktest.Begin())
	if want := "the invoked machine errand was called, and the test does not say what it does: set Children.ErrandFunc"; !strings.Contains(f.said, want) {
		t.Errorf("it failed with %q", f.said)
	}
	m.ExpectState(desk.StateOpenIdle)
}

// fake is a testing.TB that notes errors.
type fake struct {
	testing.TB
	said string
}

func (f *fake) Error(args ...any) { f.said += args[0].(error).Error() }

// TestStopped: a machine that the test has stopped itself is stopped again for nothing.
func TestStopped(t *testing.T) {
	m := toggletest.New(t, toggletest.MachineConfig{})
	if err := m.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
