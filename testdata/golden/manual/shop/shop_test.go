package shop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/testdata/golden/manual/order"
	"github.com/xsgen/xsgen/testdata/golden/manual/payment"
	"github.com/xsgen/xsgen/testdata/golden/manual/shipping"
	"github.com/xsgen/xsgen/testdata/golden/manual/shop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// staff notes what is done.
type staff struct {
	shop.UnimplementedAuditHandler
	mu   sync.Mutex
	done []string
}

func (s *staff) note(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, fmt.Sprintf(format, args...))
	return nil
}

func (s *staff) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.done)
	slices.Sort(want)
	if !slices.Equal(s.done, want) {
		t.Errorf("what is done:\n%q, want\n%q", s.done, want)
	}
	s.done = nil
}

func (s *staff) BookIt(_ context.Context, _ *payment.Turn, e *payment.Book) error {
	return s.note("%s booked, %d %s", e.ID, e.Total.Cents, e.Total.Currency)
}

func (s *staff) SlowDown(_ context.Context, _ *payment.Turn, e *payment.Drain) error {
	return s.note("slow down: %s", e.Reason)
}

func (s *staff) Pack(_ context.Context, _ *shipping.Turn, e *shipping.Dispatch) error {
	return s.note("%s packed", e.ID)
}

func (s *staff) Note(_ context.Context, _ *shipping.Turn, e *shipping.Watch) error {
	return s.note("%s watched in %s", e.Order, e.State)
}

func (s *staff) OrderStateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	return s.note("%s audited in %s", e.Key(), e.Value().State)
}

// TestWhatIsGenerated uses all that docs/topology.md says of its example, in one process.
func TestWhatIsGenerated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &staff{}
		all, err := shop.StartAll(t.Context(), shop.AllConfig{
			Web:   shop.WebConfig{Order: shop.OrderConfig{Dir: t.TempDir()}},
			Bank:  shop.BankConfig{Payment: shop.PaymentConfig{Actions: s}},
			Depot: shop.DepotConfig{Shipping: shop.ShippingConfig{Actions: s}, Audit: s},
		})
		if err != nil {
			t.Fatal(err)
		}
		total := order.Money{Currency: "eur", Cents: 5}
		if err := all.Web.Order.Submit(t.Context(), "k1", &order.Submit{Total: total}); err != nil {
			t.Fatal(err)
		}
		reply, err := all.Web.Order.RequestQuote(t.Context(), "k1", &order.Quote{SKU: "x"})
		if err != nil || reply.Price != total {
			t.Errorf("%+v, %v", reply, err)
		}
		if states, err := all.Web.Machines.Order.Active(t.Context(), "k1"); err != nil || !slices.Equal(states, []order.State{order.StatePlacedPaying}) {
			t.Errorf("it is in %v, %v", states, err)
		}
		time.Sleep(time.Second) // for a batch of the audit
		s.expect(t, "k1 audited in idle", "k1 audited in placed.paying", "k1 watched in placed.paying")
		time.Sleep(time.Minute) // in paying
		s.expect(t, "k1 audited in closed", "k1 booked, 5 eur", "k1 packed")
		if err := all.Web.BroadcastDrain(t.Context(), &shop.Drain{Reason: "the end"}); err != nil {
			t.Fatal(err)
		}
		s.expect(t, "slow down: the end", "slow down: the end", "slow down: the end")
		if !all.Web.Ready() {
			t.Error("it is not ready")
		}
		if err := all.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if all.Web.Ready() {
			t.Error("it is ready after its end")
		}
	})
}

// TestWhatIsMissing is an error that names it.
func TestWhatIsMissing(t *testing.T) {
	_, err := shop.StartDepot(t.Context(), shop.DepotConfig{})
	if _, ok := errors.AsType[*node.MissingError](err); !ok {
		t.Errorf("%v", err)
	}
}
