// Package main runs several customers' orders at once, one machine for each, and
// prints the life of every order as a subscriber hears it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/xsgen/xsgen/examples/orders/order"
	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

//go:generate go run github.com/xsgen/xsgen/cmd/xsgen generate

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// customer is somebody, and what they do to their order.
type customer struct {
	name  string
	cents int64
	live  func(ctx context.Context, p *order.Publisher, key string) error
}

func run(ctx context.Context, out io.Writer) error {
	b := bus.New()
	story := &story{lines: map[string][]string{}}
	if _, err := order.SubscribeHandler(b, story, bus.Queued(100)); err != nil {
		return err
	}
	p, err := order.NewPublisher(b)
	if err != nil {
		return err
	}
	clock := machine.NewManualClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	customers := []customer{
		{"ann", 1999, buys},
		{"bob", 500, buysTooCheaply},
		{"cid", 750, changesHisMind},
		{"dee", 4200, forgets},
		{"eve", 1e9, buys},
	}
	keys, machines, err := open(ctx, b, clock, customers)
	if err != nil {
		return err
	}
	if err := all(len(customers), func(i int) error {
		c := customers[i]
		total := order.Money{Currency: "EUR", Cents: c.cents}
		if err := p.Submit(ctx, keys[i], &order.Submit{Customer: c.name, Total: total}); err != nil {
			return err
		}
		return c.live(ctx, p, keys[i])
	}); err != nil {
		return err
	}
	clock.Advance(time.Hour)
	for _, m := range machines {
		if err := m.Stop(ctx); err != nil {
			return err
		}
	}
	if err := b.Close(ctx); err != nil { // what is queued is heard first
		return err
	}
	story.print(out, keys)
	return nil
}

// open makes, binds and starts a machine for every customer's order.
func open(ctx context.Context, b *bus.Bus, clock machine.Clock, customers []customer) ([]string, []*order.Machine, error) {
	var keys []string
	var machines []*order.Machine
	for i := range customers {
		key := fmt.Sprintf("order-%d", i+1)
		m := order.New(key, limit{cents: 100_000}, actions{}, machine.WithClock(clock))
		if err := m.Bind(b, order.Roles{Shipping: depot{}}); err != nil {
			return nil, nil, err
		}
		if err := m.Start(ctx); err != nil {
			return nil, nil, err
		}
		keys, machines = append(keys, key), append(machines, m)
	}
	return keys, machines, nil
}

// all runs f for 0 to n-1, at once, and returns the first error.
func all(n int, f func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func pay(ctx context.Context, p *order.Publisher, key string, cents int64) error {
	return p.Pay(ctx, key, &order.Pay{Method: "card", Amount: order.Money{Currency: "EUR", Cents: cents}})
}

func buys(ctx context.Context, p *order.Publisher, key string) error {
	if err := pay(ctx, p, key, 1999); err != nil {
		return err
	}
	if err := p.Pack(ctx, key, &order.Pack{}); err != nil {
		return err
	}
	return p.Ship(ctx, key, &order.Ship{})
}

func buysTooCheaply(ctx context.Context, p *order.Publisher, key string) error {
	for range 3 {
		if err := pay(ctx, p, key, 1); err != nil {
			return err
		}
	}
	return nil
}

func changesHisMind(ctx context.Context, p *order.Publisher, key string) error {
	return p.Cancel(ctx, key, &order.Cancel{})
}

func forgets(context.Context, *order.Publisher, string) error { return nil }

// limit is the order's guards.
type limit struct{ cents int64 }

func (l limit) WithinLimit(_ *order.Context, e *order.Submit) bool { return e.Total.Cents <= l.cents }

// actions are the order's actions; this shop has little to do.
type actions struct{}

func (actions) RememberCustomer(context.Context, *order.Turn, *order.Submit) error { return nil }
func (actions) StartClock(context.Context, *order.Turn) error                      { return nil }
func (actions) StopClock(context.Context, *order.Turn) error                       { return nil }
func (actions) NoteRetry(context.Context, *order.Turn, *order.Retry) error         { return nil }

// depot plays the role of shipping.
type depot struct{}

func (depot) Dispatch(_ context.Context, _ string, _ *order.ShippingDispatch) error { return nil }

// story writes down what it hears of every order. One subscription calls it, so
// it needs no lock.
type story struct {
	order.UnimplementedHandler
	lines map[string][]string
}

func (s *story) tell(key, format string, args ...any) {
	s.lines[key] = append(s.lines[key], fmt.Sprintf(format, args...))
}

// StateChanged implements order.Handler.
func (s *story) StateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	c := e.Value()
	if c.Trigger == "" {
		s.tell(e.Key(), "begins %s", c.State)
	} else {
		s.tell(e.Key(), "is %s after %s", c.State, c.Trigger)
	}
	return nil
}

// Paid implements order.Handler.
func (s *story) Paid(_ context.Context, e *bus.Event[order.Paid]) error {
	t := e.Value().Total
	s.tell(e.Key(), "has been paid: %d.%02d %s", t.Cents/100, t.Cents%100, t.Currency)
	return nil
}

// Refused implements order.Handler.
func (s *story) Refused(_ context.Context, e *bus.Event[order.Refused]) error {
	s.tell(e.Key(), "was not paid in full, try %d", e.Value().Tries)
	return nil
}

func (s *story) print(out io.Writer, keys []string) {
	for _, key := range keys {
		for _, line := range s.lines[key] {
			fmt.Fprintf(out, "%s %s\n", key, line) //nolint:errcheck // a demonstration
		}
	}
}
