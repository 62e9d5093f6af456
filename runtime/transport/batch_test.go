package transport_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// ledger notes what deliveries are settled with.
type ledger struct {
	settled []string
}

func (l *ledger) Settle(d *transport.Delivery, err error) error {
	l.settled = append(l.settled, fmt.Sprintf("%s: %v", d.Body, err))
	return nil
}

func (l *ledger) Reply(context.Context, *transport.Delivery, *transport.Message) error { return nil }

func (l *ledger) Later(*transport.Delivery) func(context.Context, *transport.Message) error {
	return nil
}

func (l *ledger) delivery(body string) *transport.Delivery {
	d := &transport.Delivery{}
	d.Init(&transport.Message{Body: []byte(body)}, l)
	return d
}

// TestServeBatch has batches that are full, that have waited long enough, and that end
// with the subscription.
func TestServeBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var l ledger
		var sizes []int
		var at []time.Duration
		start := time.Now()
		r := transport.ServeBatch(transport.Profile{BatchSize: 3, BatchTimeout: time.Second}, func(_ context.Context, b []*transport.Delivery) error {
			sizes, at = append(sizes, len(b)), append(at, time.Since(start))
			return nil
		})
		for i := range 4 {
			r(ctx, l.delivery(fmt.Sprint(i)))
		}
		synctest.Wait()
		time.Sleep(time.Hour)
		r(ctx, l.delivery("4"))
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !slices.Equal(sizes, []int{3, 1, 1}) || !slices.Equal(at, []time.Duration{0, time.Second, time.Hour}) || len(l.settled) != 5 {
			t.Errorf("%v at %v, settled %v", sizes, at, l.settled)
		}
	})
}

// TestServeBatchWithoutTimeout has a batch be what has come while the handler was at
// the one before.
func TestServeBatchWithoutTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		var sizes []int
		r := transport.ServeBatch(transport.Profile{BatchSize: 10, Prefetch: 4}, func(_ context.Context, b []*transport.Delivery) error {
			sizes = append(sizes, len(b))
			time.Sleep(time.Second)
			return nil
		})
		r(t.Context(), l.delivery("first"))
		synctest.Wait()
		for range 5 {
			r(t.Context(), l.delivery("more"))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if !slices.Equal(sizes, []int{1, 4, 1}) {
			t.Errorf("%v", sizes)
		}
	})
}

// TestServeBatchFails has handlers that fail, panic and end their goroutine: all of the
// batch is settled, and the next one is handled.
func TestServeBatchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		n := 0
		r := transport.ServeBatch(transport.Profile{BatchSize: 2, BatchTimeout: time.Hour}, func(ctx context.Context, _ []*transport.Delivery) error {
			if !transport.InReceiver(ctx) || !transport.InReceiver(t.Context()) {
				t.Error("a handler of batches is no receiver")
			}
			switch n++; n {
			case 1:
				return errors.New("no")
			case 2:
				panic("oh")
			case 3:
				runtime.Goexit()
			}
			return nil
		})
		for i := range 8 {
			r(t.Context(), l.delivery(fmt.Sprint(i)))
		}
		synctest.Wait()
		want := []string{
			"0: no", "1: no", "2: xsgen: a handler panicked: oh", "3: xsgen: a handler panicked: oh",
			"4: xsgen: the receiver has ended its goroutine", "5: xsgen: the receiver has ended its goroutine", "6: <nil>", "7: <nil>",
		}
		if !slices.Equal(l.settled, want) {
			t.Errorf("%q", l.settled)
		}
	})
}
