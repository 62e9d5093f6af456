package shop_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/testdata/golden/shop"
	"github.com/xsgen/xsgen/testdata/golden/shop/order"
	"github.com/xsgen/xsgen/testdata/golden/shop/payment"
	"github.com/xsgen/xsgen/testdata/golden/shop/shipping"
	"github.com/xsgen/xsgen/testdata/golden/wires"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tally is what was done, by what was done and for which order.
type tally struct {
	mu   sync.Mutex
	done map[string]int
}

func (y *tally) note(what string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.done[what]++
}

func (y *tally) text() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var out []string
	for _, what := range slices.Sorted(maps.Keys(y.done)) {
		out = append(out, fmt.Sprintf("%s x%d", what, y.done[what]))
	}
	return strings.Join(out, "\n")
}

type bank struct{ *tally }

func (b bank) BookIt(_ context.Context, _ *payment.Turn, e *payment.Book) error {
	b.note(fmt.Sprintf("booked %s %d%s %s %v extra %d fee %d prices %v", e.ID, e.Total.Cents, e.Total.Currency, e.Zone, e.Lines[0].Gift.Cents, e.Extra.Cents, e.Fee, e.Prices))
	return nil
}

type depot struct {
	*tally
	shop.UnimplementedAuditHandler
}

func (d depot) Pack(_ context.Context, _ *shipping.Turn, e *shipping.Dispatch) error {
	d.note(fmt.Sprintf("packed %s for %s", e.ID, e.To))
	return nil
}

func (d depot) Note(_ context.Context, _ *shipping.Turn, e *shipping.Watch) error {
	d.note(fmt.Sprintf("watched %s in %s, %d", e.Order, e.State, e.Seq))
	return nil
}

// OrderStateChanged is a part of the audit.
func (d depot) OrderStateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	d.note(fmt.Sprintf("audited %s in %s", e.Key(), e.Value().State))
	return nil
}

// OrderPaid is a part of the audit.
func (d depot) OrderPaid(_ context.Context, e *bus.Event[order.Paid]) error {
	d.note(fmt.Sprintf("audited %s paid %d", e.Key(), e.Value().Total.Cents))
	return nil
}

// processes are the nodes of the shop, in one process or as if in several.
type processes struct {
	web      *shop.Web
	bank     *shop.Bank
	depot    *shop.Depot
	shutdown func(context.Context) error
}

func together(t *testing.T, y *tally) processes {
	d := depot{tally: y}
	all, err := shop.StartAll(t.Context(), shop.AllConfig{
		Bank:  shop.BankConfig{Payment: shop.PaymentConfig{Actions: bank{y}}},
		Depot: shop.DepotConfig{Shipping: shop.ShippingConfig{Actions: d}, Audit: d},
	})
	if err != nil {
		t.Fatal(err)
	}
	return processes{all.Web, all.Bank, all.Depot, all.Shutdown}
}

func apart(t *testing.T, y *tally) processes {
	net := wires.New(t)
	config := net.Config(0, "amqp", "zeromq")
	d := depot{tally: y}
	b, err := shop.StartBank(t.Context(), shop.BankConfig{Node: config, Payment: shop.PaymentConfig{Actions: bank{y}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := shop.StartDepot(t.Context(), shop.DepotConfig{Node: config, Shipping: shop.ShippingConfig{Actions: d}, Audit: d})
	if err != nil {
		t.Fatal(err)
	}
	w, err := shop.StartWeb(t.Context(), shop.WebConfig{Node: config})
	if err != nil {
		t.Fatal(err)
	}
	return processes{w, b, p, func(ctx context.Context) error {
		for _, x := range []interface{ Shutdown(context.Context) error }{w, p, b} {
			if err := x.Shutdown(ctx); err != nil {
				return err
			}
		}
		return nil
	}}
}

const orders = 100

// trade places orders from two nodes, waits until all are closed and booked, and ends.
func trade(t *testing.T, p processes) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range orders {
		e := &order.Submit{
			Total: order.Money{Currency: "eur", Cents: int64(i + 1)}, Region: order.RegionUs,
			Lines: []order.Line{{SKU: "x", Price: order.Money{Cents: 5}, Gift: &order.Money{Cents: 7}}},
		}
		submit := p.web.Order.Submit
		if i%2 == 1 {
			submit = p.depot.Order.Submit
		}
		if err := submit(ctx, fmt.Sprint("o", i), e); err != nil {
			t.Fatal(err)
		}
	}
	until(ctx, t, "everything is booked", func() bool {
		r, err := p.web.Payment.RequestBalance(ctx, &payment.Balance{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Seen == orders && r.Cents == orders*(orders+1)/2
	})
	for i := range orders {
		until(ctx, t, "all orders are closed", func() bool {
			states, err := p.web.Machines.Order.Active(ctx, fmt.Sprint("o", i))
			return err == nil && slices.Equal(states, []order.State{order.StateClosed})
		})
	}
	if err := p.web.BroadcastDrain(ctx, &shop.Drain{Reason: "the end"}); err != nil {
		t.Fatal(err)
	}
	until(ctx, t, "the payment is closing", func() bool { return p.bank.Machines.Payment.In(payment.StateClosing) })
	if !p.web.Ready() || !p.bank.Ready() || !p.depot.Ready() {
		t.Error("they are not ready")
	}
	if err := p.shutdown(ctx); err != nil {
		t.Error(err)
	}
	if p.web.Ready() {
		t.Error("it is ready after its end")
	}
}

func until(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never came that %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// TestSameTally: where the nodes run makes no difference to what is done.
func TestSameTally(t *testing.T) {
	var want []string
	for i := range orders {
		want = append(want,
			fmt.Sprintf("booked o%d %deur us 7 extra %d fee 3 prices map[a:{%d eur}] x1", i, i+1, i+1, i+1),
			fmt.Sprintf("packed o%d for us x1", i),
			fmt.Sprintf("watched o%d in placed.ready, 2 x1", i),
			fmt.Sprintf("audited o%d in placed.ready x1", i),
			fmt.Sprintf("audited o%d in idle x1", i),
			fmt.Sprintf("audited o%d in closed x1", i),
			fmt.Sprintf("audited o%d paid %d x1", i, i+1))
	}
	slices.Sort(want)
	for name, start := range map[string]func(*testing.T, *tally) processes{"together": together, "apart": apart} {
		t.Run(name, func(t *testing.T) {
			y := &tally{done: map[string]int{}}
			trade(t, start(t, y))
			got := strings.Split(y.text(), "\n")
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%d things were done, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
			}
		})
	}
}

// TestWhatIsMissing: it is said at once, by the names of the fields.
func TestWhatIsMissing(t *testing.T) {
	_, err := shop.StartDepot(t.Context(), shop.DepotConfig{})
	if err == nil || !strings.Contains(err.Error(), "DepotConfig.Shipping.Actions") || !strings.Contains(err.Error(), "DepotConfig.Audit") {
		t.Errorf("the error is %v", err)
	}
}
