package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/internal/rabbit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(rabbit.Tests{M: m}) }

// sales is what the orders come to: how many they are, how many were closed and how many
// refused, and how many the depot has seen, and seen to their end.
const sales = `%6d orders placed
%6d paid, shipped and closed
%6d refused by the till
The tally adds up: no order is missing, and none was settled twice.
%6d orders seen at the depot, %d of them to the end
`

// sold is what 10,000 orders come to, and few what 400 do.
var (
	sold = fmt.Sprintf(sales, 10_000, 9_500, 500, 10_000, 10_000)
	few  = fmt.Sprintf(sales, 400, 380, 20, 400, 400)
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

// TestShopInFiles keeps the orders in a directory: who comes next finds them there, and what
// was heard of them.
func TestShopInFiles(t *testing.T) {
	o := options{orders: 400, atOnce: 400, data: t.TempDir(), within: time.Minute}
	for range 2 {
		var out strings.Builder
		if err := run(t.Context(), o, &out); err != nil {
			t.Error(err)
		}
		if out.String() != few {
			t.Errorf("it says\n%s", &out)
		}
	}
	for _, name := range []string{ledgerFile, screenFile} {
		if err := os.Remove(filepath.Join(o.data, name)); err != nil {
			t.Fatal(err)
		}
	}
	o.within = 100 * time.Millisecond
	if err := run(t.Context(), o, io.Discard); err == nil {
		t.Error("orders that had ended have ended again")
	}
}

// TestTornJournal is the file of a process that was killed while it wrote.
func TestTornJournal(t *testing.T) {
	name := filepath.Join(t.TempDir(), ledgerFile)
	whole := `{"Order":"o-1","Event":"x","Seq":1,"State":"cart"}` + "\n"
	if err := os.WriteFile(name, []byte(whole+`{"Order":"o-2","Ev`), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLedger(1, 1)
	if err := l.keep(name); err != nil {
		t.Fatal(err)
	}
	err := l.hear(&entry{Order: "o-1", Event: "x", Seq: 1, State: "cart"})
	err = errors.Join(err, l.hear(&entry{Order: "o-1", Event: "y", Seq: 2, State: "paying"}), l.journal.close())
	text, readErr := os.ReadFile(name)
	want := whole + `{"Order":"o-1","Event":"y","Seq":2,"State":"paying"}` + "\n"
	if err := errors.Join(err, readErr); err != nil || string(text) != want || l.again != 1 {
		t.Errorf("error %v, %d were known, and it has\n%s", err, l.again, text)
	}
}

// TestNobody is a mistake on the command line.
func TestNobody(t *testing.T) {
	if err := run(t.Context(), options{node: "attic", orders: 1, atOnce: 1}, nil); err == nil || !strings.Contains(err.Error(), "attic") {
		t.Errorf("the error is %v", err)
	}
}
