// Package main runs several customers' orders at once, in a host that keeps one
// machine for each, and prints the life of every order as a subscriber hears it.
package main

import (
	"context"
	"errors"
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
	pays  []int64 // in cents, one after the other
	then  string  // event, if any
}

var customers = []customer{
	{name: "ann", cents: 1999, pays: []int64{1999}},
	{name: "bob", cents: 500, pays: []int64{1, 2, 500}},
	{name: "cid", cents: 750, then: "cancel"},
	{name: "dee", cents: 4200}, // forgets about it
	{name: "eve", cents: 1e9, pays: []int64{1e9}},
	{name: "fay", cents: 666, pays: []int64{666}}, // with a card that is declined
}

func run(ctx context.Context, out io.Writer) error {
	b := bus.New()
	clock := machine.NewManualClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	s := newShop(clock)
	p, err := order.NewPublisher(b)
	if err != nil {
		return err
	}
	s.depot.publisher = p
	if _, err := order.SubscribeHandler(b, s.story, bus.Queued(100)); err != nil {
		return err
	}
	if err := s.host.Bind(b, order.Roles{Shipping: s.depot}); err != nil {
		return err
	}
	if err := s.host.Open(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(customers))
	for i, c := range customers {
		wg.Go(func() { errs[i] = c.shop(ctx, p, orderKey(i)) })
	}
	wg.Wait()
	s.story.wait("order-1", "order-2", "order-3", "order-6")
	clock.Advance(time.Hour)
	errs = append(errs, s.host.Close(ctx), b.Close(ctx)) // what is queued is heard first
	s.story.print(out)
	return errors.Join(errs...)
}

func orderKey(i int) string { return fmt.Sprintf("order-%d", i+1) }

// shop is what a customer does.
func (c customer) shop(ctx context.Context, p *order.Publisher, key string) error {
	err := p.Submit(ctx, key, &order.Submit{Customer: c.name, Total: euros(c.cents)})
	for _, cents := range c.pays {
		err = errors.Join(err, p.Pay(ctx, key, &order.Pay{Method: "card", Amount: euros(cents)}))
	}
	if c.then == "cancel" {
		err = errors.Join(err, p.Cancel(ctx, key, &order.Cancel{}))
	}
	return err
}

func euros(cents int64) order.Money { return order.Money{Currency: "EUR", Cents: cents} }

// shop is what the orders need.
type shop struct {
	host  *order.Host
	story *story
	depot *depot
}

func newShop(clock machine.Clock) *shop {
	s := &shop{story: newStory(), depot: &depot{}}
	s.host = order.NewHost(func(key string) *order.Machine {
		return order.New(key, limit{cents: 100_000}, actions{}, bank{}, machine.WithClock(clock))
	}, machine.WithHostClock(clock))
	return s
}

// limit is the order's guards.
type limit struct{ cents int64 }

func (l limit) WithinLimit(_ *order.Context, e *order.Submit) bool { return e.Total.Cents <= l.cents }

// actions are the order's actions; this shop has little to do.
type actions struct{}

func (actions) RememberCustomer(context.Context, *order.Turn, *order.Submit) error { return nil }
func (actions) StartClock(context.Context, *order.Turn) error                      { return nil }
func (actions) StopClock(context.Context, *order.Turn) error                       { return nil }
func (actions) NoteRetry(context.Context, *order.Turn, *order.Retry) error         { return nil }

// bank is the order's services.
type bank struct{}

func (bank) ChargeCard(_ context.Context, in order.ChargeCardInput) (order.ChargeCardOutput, error) {
	if in.Amount.Cents == 666 {
		return order.ChargeCardOutput{}, errors.New("the card was declined")
	}
	return order.ChargeCardOutput{ReceiptID: fmt.Sprintf("receipt over %d", in.Amount.Cents)}, nil
}

// depot plays the role of shipping: it packs what it is told to dispatch.
type depot struct{ publisher *order.Publisher }

func (d *depot) Dispatch(ctx context.Context, key string, _ *order.ShippingDispatch) error {
	return d.publisher.Pack(ctx, key, &order.Pack{})
}
