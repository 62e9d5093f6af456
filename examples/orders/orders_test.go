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
	// order-1 is fulfilling.packing after pay
	// order-1 is fulfilling.packed after pack
	// order-1 is closed after ship
	// order-2 begins idle
	// order-2 is placed.awaiting after submit
	// order-2 was not paid in full, try 1
	// order-2 was not paid in full, try 2
	// order-2 was not paid in full, try 3
	// order-2 is cancelled after pay
	// order-3 begins idle
	// order-3 is placed.awaiting after submit
	// order-3 is cancelled after cancel
	// order-4 begins idle
	// order-4 is placed.awaiting after submit
	// order-4 is expired after after(30m)
	// order-5 begins idle
}
