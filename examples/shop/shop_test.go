package main

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/internal/rabbit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(rabbit.Tests{M: m}) }

// sold is what 10,000 orders come to, and few what 400 do.
const (
	sold = ` 10000 orders placed
  9500 paid, shipped and closed
   500 refused by the till
The tally adds up: no order is missing, and none was settled twice.
 10000 orders seen at the depot, 10000 of them to the end
`
	few = `   400 orders placed
   380 paid, shipped and closed
    20 refused by the till
The tally adds up: no order is missing, and none was settled twice.
   400 orders seen at the depot, 400 of them to the end
`
)

// TestShop runs all nodes in one process, as `go run ./examples/shop` does.
func TestShop(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), options{orders: 10_000, atOnce: 5_000, within: time.Minute}, &out); err != nil {
		t.Error(err)
	}
	if out.String() != sold {
		t.Errorf("it says\n%s", &out)
	}
}

// TestShopInFiles keeps the orders in a directory: who comes next finds them there.
func TestShopInFiles(t *testing.T) {
	var out strings.Builder
	o := options{orders: 400, atOnce: 400, data: t.TempDir(), within: time.Minute}
	if err := run(t.Context(), o, &out); err != nil {
		t.Error(err)
	}
	if out.String() != few {
		t.Errorf("it says\n%s", &out)
	}
	o.within = 100 * time.Millisecond
	if err := run(t.Context(), o, &out); err == nil {
		t.Error("orders that had ended have ended again")
	}
}

// TestNobody is a mistake on the command line.
func TestNobody(t *testing.T) {
	if err := run(t.Context(), options{node: "attic", orders: 1, atOnce: 1}, nil); err == nil || !strings.Contains(err.Error(), "attic") {
		t.Errorf("the error is %v", err)
	}
}
