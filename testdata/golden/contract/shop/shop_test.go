package shop_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/testdata/golden/contract/order"
	"github.com/xsgen/xsgen/testdata/golden/contract/payment"
	"github.com/xsgen/xsgen/testdata/golden/contract/shipping"
	"github.com/xsgen/xsgen/testdata/golden/contract/shop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(rabbit.Tests{M: m}) }

// staff does what is written in Go, and notes it.
type staff struct {
	order.Actions
	shop.UnimplementedAuditHandler

	mu   sync.Mutex
	done map[string]int
}

func (s *staff) note(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[fmt.Sprintf(format, args...)]++
	return nil
}

func (s *staff) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(s.done)) {
		lines = append(lines, fmt.Sprintf("%s: %d", what, s.done[what]))
	}
	return strings.Join(lines, "\n")
}

const limit = 1000

var errClock = errors.New("the clock has stopped")

func (s *staff) WithinLimit(_ *order.Context, e *order.Submit) bool { return e.Total.Cents <= limit }

func (s *staff) RememberCustomer(context.Context, *order.Turn, *order.Submit) error { return nil }

func (s *staff) StartClock(_ context.Context, t *order.Turn) error {
	if t.Key() == "o13" {
		return errClock
	}
	return nil
}

func (s *staff) StopClock(context.Context, *order.Turn) error { return nil }

func (s *staff) NoteRetry(_ context.Context, t *order.Turn, _ *order.Retry) error {
	return s.note("%s paid too little, %d", t.Key(), t.Context().Tries)
}

func (s *staff) ChargeCard(_ context.Context, in order.ChargeCardInput) (order.ChargeCardOutput, error) {
	return order.ChargeCardOutput{ReceiptID: fmt.Sprint(in.Amount.Cents)}, nil
}

func (s *staff) BookIt(_ context.Context, _ *payment.Turn, e *payment.Book) error {
	return s.note("%s: %d %s are booked", e.ID, e.Total.Cents, e.Total.Currency)
}

func (s *staff) SlowDown(_ context.Context, _ *payment.Turn, e *payment.Drain) error {
	return s.note("a bank slows down: %s", e.Reason)
}

func (s *staff) Pack(_ context.Context, _ *shipping.Turn, e *shipping.Dispatch) error {
	return s.note("%s is dispatched", e.ID)
}

func (s *staff) Note(_ context.Context, _ *shipping.Turn, e *shipping.Watch) error {
	return s.note("%s is watched in %s", e.Order, e.State)
}

func (s *staff) OrderStateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	return s.note("%s: %s is audited", e.Key(), e.Value().State)
}

func (s *staff) Failure(_ context.Context, e *bus.Event[transport.Failure]) error {
	return s.note("%s: %s %s is audited: %s", e.Value().Key, e.Value().Machine, e.Value().Kind, e.Value().Message)
}

// processes are those of the shop, in one process or as if in several.
type processes struct {
	web      *shop.Web
	banks    []*shop.Bank
	depot    *shop.Depot
	shutdown func(context.Context) error
}

func configs(t *testing.T, s *staff) shop.AllConfig {
	return shop.AllConfig{
		Web:   shop.WebConfig{Order: shop.OrderConfig{Guards: s, Actions: s, Services: s, Dir: t.TempDir()}},
		Bank:  shop.BankConfig{Payment: shop.PaymentConfig{Actions: s}},
		Depot: shop.DepotConfig{Shipping: shop.ShippingConfig{Actions: s}, Audit: s},
	}
}

func together(ctx context.Context, t *testing.T, s *staff) processes {
	all, err := shop.StartAll(ctx, configs(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return processes{all.Web, all.Bank, all.Depot, all.Shutdown}
}

// apart starts each process by itself: what they say to each other goes by ZeroMQ and AMQP.
func apart(ctx context.Context, t *testing.T, s *staff) processes {
	t.Setenv("AMQP_URL", rabbit.Shared(t).URL)
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	c := configs(t, s)
	p := processes{}
	var ends []func(context.Context) error
	started := func(end func(context.Context) error, err error) {
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	for i := range 3 {
		c.Bank.Node = node.Config{Replica: i}
		bank, err := shop.StartBank(ctx, c.Bank)
		started(bank.Shutdown, err)
		p.banks = append(p.banks, bank)
	}
	var err error
	p.depot, err = shop.StartDepot(ctx, c.Depot)
	started(p.depot.Shutdown, err)
	p.web, err = shop.StartWeb(ctx, c.Web)
	started(p.web.Shutdown, err)
	p.shutdown = func(ctx context.Context) (err error) {
		for _, end := range slices.Backward(ends) {
			err = errors.Join(err, end(ctx))
		}
		return err
	}
	return p
}

const orders = 20

// want is what comes of the orders, whose totals are their numbers in cents: the first one is
// for nothing, and the bank does not hear of it; one is paid too little at first; the action of
// one fails; and one is over the limit.
func want() string {
	s := &staff{done: map[string]int{"a bank slows down: the end": 3, "o7 paid too little, 1": 1, "big: idle is audited": 1, "o13: order action is audited: machine order[o13]: in state placed on submit: the clock has stopped": 1}}
	for i := range orders {
		key := fmt.Sprint("o", i)
		for _, state := range []string{"idle", "placed.awaiting", "fulfilling.packing.open", "fulfilling.billing.due", "fulfilling.billing.done", "closed"} {
			_ = s.note("%s: %s is audited", key, state)
		}
		_ = s.note("%s is watched in placed.awaiting", key)
		_ = s.note("%s is dispatched", key)
		if i > 0 {
			_ = s.note("%s: %d eur are booked", key, i)
		}
	}
	return s.text()
}

// trade places the orders by the web's code, and sees them through.
func trade(ctx context.Context, t *testing.T, s *staff, p processes) {
	must := func(err error) {
		t.Helper()
		if err != nil && !errors.Is(err, errClock) { // an action's error is its sender's
			t.Fatal(err)
		}
	}
	eur := func(cents int) order.Money { return order.Money{Currency: "eur", Cents: int64(cents)} }
	must(p.web.Order.Submit(ctx, "big", &order.Submit{Total: eur(limit + 1)}))
	until(ctx, t, s, "there is a price", func() bool {
		reply, err := p.web.Order.RequestQuote(ctx, "big", &order.Quote{SKU: "x"})
		return err == nil && reply.Price == order.Money{}
	})
	for i := range orders {
		key := fmt.Sprint("o", i)
		must(p.web.Order.Submit(ctx, key, &order.Submit{Customer: "ann", Total: eur(i)}))
		if i == 7 {
			must(p.web.Order.Pay(ctx, key, &order.Pay{Amount: eur(i - 1)}))
		}
		must(p.web.Order.Pay(ctx, key, &order.Pay{Amount: eur(i)}))
	}
	for i := range orders {
		key := fmt.Sprint("o", i)
		until(ctx, t, s, "all cards are charged", func() bool {
			states, err := p.web.Machines.Order.Active(ctx, key)
			return err == nil && slices.Contains(states, order.StateFulfillingBillingDone)
		})
		must(p.web.Order.Pack(ctx, key, &order.Pack{}))
	}
	if _, err := p.web.Order.RequestQuote(ctx, "nobody", &order.Quote{}); !errors.Is(err, machine.ErrUnhandled) {
		t.Errorf("a quote for an order that there is not: %v", err)
	}
	drained := strings.ReplaceAll(want(), "a bank slows down: the end: 3\n", "")
	until(ctx, t, s, "all orders are seen through", func() bool { return s.text() == drained })
	must(p.web.BroadcastDrain(ctx, &shop.Drain{Reason: "the end"}))
	until(ctx, t, s, "all banks slow down", func() bool { return s.text() == want() })
	if !p.web.Ready() || !p.depot.Ready() {
		t.Error("they are not ready")
	}
	for _, b := range p.banks {
		if !b.Ready() || !b.Machines.Payment.In(payment.StateClosing) {
			t.Errorf("a bank is in %v", b.Machines.Payment.State())
		}
	}
	must(p.shutdown(ctx))
	if got := s.text(); got != want() {
		t.Errorf("at the end there was:\n%s", got)
	}
}

// until waits for a condition.
func until(ctx context.Context, t *testing.T, s *staff, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never came that %s; there was:\n%s", what, s.text())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestContract runs the contract's example, word for word, as one process and as five.
func TestContract(t *testing.T) {
	for name, start := range map[string]func(context.Context, *testing.T, *staff) processes{"together": together, "apart": apart} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			s := &staff{done: map[string]int{}}
			p := start(ctx, t, s)
			defer func() { _ = p.shutdown(context.WithoutCancel(ctx)) }() // if it has failed
			trade(ctx, t, s, p)
		})
	}
}
