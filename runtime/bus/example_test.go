package bus_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// charge is an event; those that xsgen generates are like it.
type charge struct {
	Account string
	Cents   int
}

// A direct handler runs within Publish, which returns its error.
func Example_direct() {
	ctx := context.Background()
	b := bus.New()
	_, err := bus.Subscribe(b, "event.till.charge", func(_ context.Context, e *bus.Event[charge]) error {
		if e.Value().Cents <= 0 {
			return errors.New("nothing to charge")
		}
		fmt.Println("charged", e.Value().Account)
		return nil
	})
	if err != nil {
		panic(err)
	}
	charges, err := bus.NewPublisher[charge](b, "event.till.charge")
	if err != nil {
		panic(err)
	}
	fmt.Println(charges.Publish(ctx, &charge{"acme", 5}))
	fmt.Println(charges.Publish(ctx, &charge{"acme", 0}))
	fmt.Println(b.Close(ctx))
	// Output:
	// charged acme
	// <nil>
	// nothing to charge
	// <nil>
}

// A queued handler runs in a goroutine of its own. With a profile that retries, an
// event that it cannot handle is handled again, and in the end is a dead letter.
func Example_profile() {
	ctx := context.Background()
	b := bus.New(bus.OnError(func(_ *bus.Subscription, err error) { fmt.Println(errors.Unwrap(err)) }))
	money := transport.Reliable()
	money.Retry = transport.Retry{Attempts: 2, Initial: time.Millisecond}
	_, err := bus.Subscribe(b, "event.till.charge", func(_ context.Context, e *bus.Event[charge]) error {
		return errors.New("the bank does not answer")
	}, bus.WithProfile(money))
	if err != nil {
		panic(err)
	}
	_, err = bus.Subscribe(b, "error.#", func(_ context.Context, e *bus.Event[transport.Failure]) error {
		fmt.Println(e.Topic(), "after", e.Value().Attempts, "attempts:", e.Value().Message)
		return nil
	})
	if err != nil {
		panic(err)
	}
	charges, err := bus.NewPublisher[charge](b, "event.till.charge")
	if err != nil {
		panic(err)
	}
	if err := charges.Publish(ctx, &charge{"acme", 5}); err != nil {
		panic(err)
	}
	fmt.Println(b.Close(ctx)) // which waits for all of that
	// Output:
	// the bank does not answer
	// the bank does not answer
	// error.till.dead after 2 attempts: the bank does not answer
	// <nil>
}

// Of the members of a group one gets each event; another one takes over if it fails.
func ExampleGroup() {
	ctx := context.Background()
	b := bus.New(bus.OnError(func(_ *bus.Subscription, err error) { fmt.Println(err) }))
	for _, desk := range []string{"old", "new"} {
		_, err := bus.Subscribe(b, "event.till.charge", func(_ context.Context, e *bus.Event[charge]) error {
			if desk == "old" {
				return errors.New("out of paper")
			}
			fmt.Println("the", desk, "desk takes", e.Value().Account)
			return nil
		}, bus.Group("desks", bus.RoundRobin))
		if err != nil {
			panic(err)
		}
	}
	charges, err := bus.NewPublisher[charge](b, "event.till.charge")
	if err != nil {
		panic(err)
	}
	if err := charges.Publish(ctx, &charge{"acme", 5}); err != nil {
		panic(err)
	}
	fmt.Println(b.Close(ctx))
	// Output:
	// the new desk takes acme
	// bus: another member of the group desks has failed before: out of paper
	// <nil>
}

// A request waits for a reply.
func ExampleRequest() {
	ctx := context.Background()
	b := bus.New()
	charges, err := bus.NewPublisher[charge](b, "event.till.charge")
	if err != nil {
		panic(err)
	}
	_, err = bus.Request[charge, receipt](ctx, charges, &charge{"acme", 5})
	fmt.Println(err, errors.Is(err, bus.ErrNoListener))
	_, err = bus.Respond(b, "event.till.charge", func(_ context.Context, e *bus.Event[charge]) (*receipt, error) {
		return &receipt{Number: 1}, nil
	})
	if err != nil {
		panic(err)
	}
	r, err := bus.Request[charge, receipt](ctx, charges, &charge{"acme", 5})
	fmt.Println(r.Number, err)
	// Output:
	// xsgen: nobody listens: event.till.charge true
	// 1 <nil>
}

type receipt struct{ Number int }
