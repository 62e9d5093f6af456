package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/examples/orders/order"
	"github.com/xsgen/xsgen/examples/orders/order/ordertest"
	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/bus/bustest"
	"github.com/xsgen/xsgen/runtime/machine"
)

// The story is tested without a machine: the test publishes what it is to hear.
func TestStoryOfAPayment(t *testing.T) {
	b, s := bus.New(), newStory()
	if _, err := order.SubscribeHandler(b, s); err != nil {
		t.Fatal(err)
	}
	paid := ordertest.Paid(func(e *order.Paid) { e.Total = euros(1999) })
	bustest.PublishKeyed(t, b, order.TopicEmitPaid, "order-7", paid)
	if got := s.lines["order-7"]; !slices.Equal(got, []string{"has been paid: 19.99 EUR"}) {
		t.Errorf("it wrote %q", got)
	}
}

// The guard and the actions are tested in the machine that calls them.
func TestLimit(t *testing.T) {
	m := ordertest.New(t, ordertest.MachineConfig{Guards: limit{cents: 500}, Actions: actions{}})
	m.Send(ordertest.Submit(func(e *order.Submit) { e.Total = euros(501) }))
	m.ExpectState(order.StateIdle)
	m.Send(ordertest.Submit(func(e *order.Submit) { e.Total = euros(500) }))
	m.ExpectState(order.StatePlacedAwaiting)
}

// A stub replaces a part of what the program has, here a bank's service, and the clock
// moves only as the test wants.
func TestDeclined(t *testing.T) {
	acts := &ordertest.Actions{Actions: actions{}}
	m := ordertest.New(t, ordertest.MachineConfig{
		Guards:  limit{cents: 500},
		Actions: acts,
		Services: &ordertest.Services{
			ChargeCardFunc: func(context.Context, order.ChargeCardInput) (order.ChargeCardOutput, error) {
				return order.ChargeCardOutput{}, errors.New("declined")
			},
		},
	})
	m.Send(ordertest.Submit(), ordertest.Pay(func(e *order.Pay) { e.Amount.Cents = 0 }))
	m.Advance(29 * time.Minute)
	m.ExpectState(order.StatePlacedAwaiting)
	m.Heard.Paid.None(0)

	m.Send(ordertest.Pay())
	m.ExpectState(order.StateCancelled)
	if e := m.Heard.Paid.Next(); e.Value().OrderID != "order-1" {
		t.Errorf("paid is %+v", e.Value())
	}
	var called []string
	for _, c := range acts.Calls() {
		called = append(called, c.Name)
	}
	if want := []string{"remember_customer", "start_clock", "note_retry", "stop_clock"}; !slices.Equal(called, want) {
		t.Errorf("the actions were %q", called)
	}
}

func TestExpired(t *testing.T) {
	m := ordertest.New(t, ordertest.MachineConfig{Guards: limit{cents: 500}, Actions: actions{}})
	m.Send(ordertest.Submit())
	m.Advance(30 * time.Minute)
	m.ExpectState(order.StateExpired)
	m.Heard.ExpectStates(order.StateIdle, order.StatePlacedAwaiting, order.StateExpired)
}

// The depot publishes events for the machine; it is tested beside one.
func TestDepotPacks(t *testing.T) {
	b := bus.New()
	p, err := order.NewPublisher(b)
	if err != nil {
		t.Fatal(err)
	}
	m := ordertest.New(t, ordertest.MachineConfig{
		Guards: limit{cents: 500}, Actions: actions{}, Services: bank{},
		Roles: order.Roles{Shipping: &depot{p}},
		Bus:   b,
	})
	m.Send(ordertest.Submit(), ordertest.Pay())
	m.Heard.Pack.Next()
	m.ExpectState(order.StateClosed)
}

// A host's orders are heard one by one. Within a bubble of synctest nothing waits for
// long, whatever is expected.
func TestHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		heard := ordertest.NewRecorder(t, b)
		s := newShop(machine.SystemClock())
		if err := s.host.Bind(b, order.Roles{Shipping: &ordertest.Shipping{}}); err != nil {
			t.Fatal(err)
		}
		if err := s.host.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"ann", "bob"} {
			if err := s.host.Send(t.Context(), key, ordertest.Submit()); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.host.Send(t.Context(), "ann", ordertest.Cancel()); err != nil {
			t.Fatal(err)
		}
		heard.Of("ann").ExpectStates(order.StateIdle, order.StatePlacedAwaiting, order.StateCancelled)
		heard.Of("bob").ExpectStates(order.StateIdle, order.StatePlacedAwaiting)
		heard.StateChanged.Of("bob").Next(func(c *order.StateChanged) bool { return c.State == order.StatePlacedAwaiting })
		heard.StateChanged.Of("bob").None(29 * time.Minute)
		time.Sleep(time.Minute)
		heard.Of("bob").ExpectStates(order.StateIdle, order.StatePlacedAwaiting, order.StateExpired)
		if err := s.host.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
