package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// order-1 begins idle
	// order-1 is placed.awaiting after submit
	// order-1 has been paid: 19.99 EUR
	// order-1 is fulfilling.packing.open after pay
	// order-1 is fulfilling.billing.due after pay
	// order-1 is fulfilling.billing.done after done.invoke.charge_card
	// order-1 is closed after pack
	// order-2 begins idle
	// order-2 is placed.awaiting after submit
	// order-2 has been paid: 5.00 EUR
	// order-2 is fulfilling.packing.open after pay
	// order-2 is fulfilling.billing.due after pay
	// order-2 is fulfilling.billing.done after done.invoke.charge_card
	// order-2 is closed after pack
	// order-3 begins idle
	// order-3 is placed.awaiting after submit
	// order-3 is cancelled after cancel
	// order-4 begins idle
	// order-4 is placed.awaiting after submit
	// order-4 is expired after after(30m)
	// order-5 begins idle
	// order-6 begins idle
	// order-6 is placed.awaiting after submit
	// order-6 has been paid: 6.66 EUR
	// order-6 is fulfilling.packing.open after pay
	// order-6 is fulfilling.billing.due after pay
	// order-6 is cancelled after error.invoke.charge_card
}
