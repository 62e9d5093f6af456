package machinetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/examples/orders/order"
	"github.com/xsgen/xsgen/examples/orders/order/ordertest"
	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/bus/bustest"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/machine/machinetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a testing.TB that notes failures. What ends it runs when fails returns.
type fake struct {
	testing.TB
	said    string
	fatal   bool
	cleanup []func()
}

func (f *fake) Helper()                      {}
func (f *fake) Cleanup(end func())           { f.cleanup = append(f.cleanup, end) }
func (f *fake) Error(args ...any)            { f.said += fmt.Sprintln(args...) }
func (f *fake) Fatal(args ...any)            { f.Error(args...); f.fatal = true; panic(f) }
func (f *fake) Errorf(s string, args ...any) { f.Error(fmt.Sprintf(s, args...)) }
func (f *fake) Fatalf(s string, args ...any) { f.Fatal(fmt.Sprintf(s, args...)) }

// fails runs a test that is to fail, in a bubble, and returns what it said.
func fails(t *testing.T, fatal bool, says string, run func(t testing.TB)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		func() {
			defer func() {
				if x := recover(); x != nil && x != any(f) {
					panic(x)
				}
			}()
			run(f)
		}()
		for len(f.cleanup) > 0 {
			end := f.cleanup[len(f.cleanup)-1]
			f.cleanup = f.cleanup[:len(f.cleanup)-1]
			end()
		}
		if f.fatal != fatal || !strings.Contains(f.said, says) {
			t.Errorf("at once: %v, it failed with\n%s\nwithout\n%s", f.fatal, f.said, says)
		}
	})
}

func yes(*order.Context, *order.Submit) bool { return true }

// idle does nothing.
type idle struct{}

func (idle) RememberCustomer(context.Context, *order.Turn, *order.Submit) error { return nil }
func (idle) StartClock(context.Context, *order.Turn) error                      { return nil }
func (idle) StopClock(context.Context, *order.Turn) error                       { return nil }
func (idle) NoteRetry(context.Context, *order.Turn, *order.Retry) error         { return nil }

func willing() ordertest.MachineConfig {
	return ordertest.MachineConfig{Guards: &ordertest.Guards{WithinLimitFunc: yes}, Actions: idle{}}
}

func TestFailures(t *testing.T) {
	fails(t, true, "the machine is in idle, not in closed, cancelled; what was heard:\nstate.order.order-1.idle {State:idle", func(t testing.TB) {
		ordertest.New(t, ordertest.MachineConfig{}).ExpectState(order.StateClosed, order.StateCancelled)
	})
	fails(t, false, "the guard within_limit was called, and the test does not say what it does: set Guards.WithinLimitFunc", func(t testing.TB) {
		ordertest.New(t, ordertest.MachineConfig{}).Send(ordertest.Submit())
	})
	fails(t, true, "the action remember_customer was called, and the test does not say what it does: set Actions.RememberCustomerFunc", func(t testing.TB) {
		cfg := willing()
		cfg.Actions = nil
		ordertest.New(t, cfg).Send(ordertest.Submit())
	})
	fails(t, false, "set Services.ChargeCardFunc", func(t testing.TB) {
		m := ordertest.New(t, willing())
		m.Send(ordertest.Submit(), ordertest.Pay())
		m.ExpectState(order.StateCancelled)
	})
	fails(t, true, "sending submit in idle: ", func(t testing.TB) {
		cfg := willing()
		cfg.Actions = &ordertest.Actions{Actions: idle{}, StartClockFunc: func(context.Context, *order.Turn) error { return errors.New("no clock") }}
		ordertest.New(t, cfg).Send(ordertest.Submit())
	})
	fails(t, true, "sending <nil> in idle: ", func(t testing.TB) { ordertest.New(t, ordertest.MachineConfig{}).Send(nil) })
	fails(t, true, "requesting quote in placed.awaiting: ", func(t testing.TB) {
		m := ordertest.New(t, willing())
		m.Send(ordertest.Submit())
		m.RequestQuote(ordertest.Quote())
	})
	fails(t, true, "the states that were entered are idle, placed.awaiting, not idle, expired", func(t testing.TB) {
		m := ordertest.New(t, willing())
		m.Send(ordertest.Submit())
		m.Heard.ExpectStates(order.StateIdle, order.StateExpired)
	})
	fails(t, true, "the states that were entered are idle, not idle, expired", func(t testing.TB) {
		ordertest.New(t, willing()).Heard.ExpectStates(order.StateIdle, order.StateExpired)
	})
	fails(t, true, "no order.Paid came that was expected", func(t testing.TB) {
		ordertest.New(t, willing()).Heard.Paid.Next()
	})
	fails(t, true, "binding the machine: ", func(t testing.TB) {
		ordertest.New(t, ordertest.MachineConfig{Key: strings.Repeat("k", 300)})
	})
	fails(t, true, "starting the machine: ", func(t testing.TB) {
		h := machinetest.New[order.State](t, nil, nil)
		h.Start(&unable{}, nil, nil)
	})
	fails(t, false, "stopping the machine: stuck", func(t testing.TB) {
		h := machinetest.New[order.State](t, nil, nil)
		h.Start(&unable{able: true}, nil, nil)
	})
}

// unable can neither start nor stop.
type unable struct {
	machinetest.Subject[order.State]
	able bool
}

func (u *unable) Start(context.Context) error {
	if u.able {
		return nil
	}
	return errors.New("broken")
}

func (u *unable) Stop(ctx context.Context) error {
	<-ctx.Done()
	return errors.New("stuck")
}

// TestWaits waits for a service, and finds the machine where its step has led.
func TestWaits(t *testing.T) {
	release := make(chan struct{})
	cfg := willing()
	cfg.Services = &ordertest.Services{ChargeCardFunc: func(context.Context, order.ChargeCardInput) (order.ChargeCardOutput, error) {
		<-release
		return order.ChargeCardOutput{}, nil
	}}
	ship := &ordertest.Shipping{}
	cfg.Roles.Shipping = ship
	m := ordertest.New(t, cfg)
	m.Send(ordertest.Submit(), ordertest.Pay())
	m.ExpectState(order.StateFulfillingPackingOpen, order.StateFulfillingBillingDue)
	time.AfterFunc(time.Millisecond, func() { close(release) })
	m.ExpectState(order.StateFulfilling, order.StateFulfillingBillingDone)
	if m.In(order.StateFulfillingBillingDue) {
		t.Error("it is where it was")
	}
	if calls := ship.Calls(); len(calls) != 1 || calls[0].Name != "dispatch" || calls[0].With.(*order.ShippingDispatch).ID != "order-1" {
		t.Errorf("the role was called by %+v", calls)
	}
}

// TestSamples: what is built is valid, and edits come last.
func TestSamples(t *testing.T) {
	e := ordertest.Submit(func(e *order.Submit) { e.Total.Cents += 5 }, func(e *order.Submit) { e.Customer += "!" })
	if e.Customer != "customer!" || e.Total != (order.Money{Currency: "currency", Cents: 6}) || e.Note != nil {
		t.Errorf("%+v", e)
	}
	if c := ordertest.StateChanged(order.StateClosed); c.State != order.StateClosed || !c.At.Equal(machinetest.Epoch()) {
		t.Errorf("%+v", c)
	}
	if f := ordertest.Failure(); f.Machine != order.MachineID || f.Kind != string(machine.FailedAction) {
		t.Errorf("%+v", f)
	}
}

// TestShared: a bus and a clock may be the test's own, for several machines.
func TestShared(t *testing.T) {
	b, clock := bus.New(), machine.NewManualClock(machinetest.Epoch())
	var machines []*ordertest.Machine
	for _, key := range []string{"a", "b"} {
		cfg := willing()
		cfg.Key, cfg.Bus, cfg.Clock = key, b, clock
		m := ordertest.New(t, cfg)
		m.Send(ordertest.Submit())
		machines = append(machines, m)
	}
	machines[0].Advance(time.Hour)
	for _, m := range machines {
		m.ExpectState(order.StateExpired)
	}
	heard := machines[0].Heard
	heard.Of("b").ExpectStates(order.StateIdle, order.StatePlacedAwaiting, order.StateExpired)
	if n := len(heard.StateChanged.All()); n != 6 {
		t.Errorf("%d state changes", n)
	}
}

// TestUnsetPanics: a stub that no test was given cannot fail one.
func TestUnsetPanics(t *testing.T) {
	defer func() {
		var unset *machinetest.UnsetError
		if err, _ := recover().(error); !errors.As(err, &unset) || unset.Field != "Guards.WithinLimitFunc" {
			t.Errorf("it panicked with %v", err)
		}
	}()
	(&ordertest.Guards{}).WithinLimit(nil, nil)
}

// late comes to be where it is expected without a word.
type late struct {
	machinetest.Subject[order.State]
	began time.Time
}

func (*late) Start(context.Context) error { return nil }
func (*late) Stop(context.Context) error  { return nil }
func (l *late) In(order.State) bool       { return time.Since(l.began) > time.Second }

// TestSeenLate: the machine is seen where a step has led after what the step publishes has
// been heard.
func TestSeenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := machinetest.New[order.State](t, nil, nil)
		h.Start(&late{began: time.Now()}, bustest.Record(t, h.Bus), nil)
		h.ExpectState(order.StateClosed)
	})
}
