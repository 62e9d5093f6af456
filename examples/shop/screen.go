package main

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/xsgen/xsgen/examples/shop/nodes"
	"github.com/xsgen/xsgen/examples/shop/order"
	"github.com/xsgen/xsgen/runtime/bus"
)

// screen is what the depot's code sees of the orders, wherever it runs. It is told from
// several goroutines.
type screen struct {
	nodes.UnimplementedScreenHandler
	mu       sync.Mutex
	latest   map[string]uint64 // the number of each order's latest state change
	ended    int
	disorder []string // orders whose changes came in another order than they happened, or not all
}

func newScreen() *screen { return &screen{latest: map[string]uint64{}} }

// OrderStateChanged is told of each state that an order comes to.
func (s *screen) OrderStateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := e.Value()
	if c.Seq != s.latest[e.Key()]+1 {
		s.disorder = append(s.disorder, fmt.Sprintf("%s (%d after %d)", e.Key(), c.Seq, s.latest[e.Key()]))
	}
	s.latest[e.Key()] = c.Seq
	if c.Done {
		s.ended++
	}
	return nil
}

// tally says what was seen.
func (s *screen) tally(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.disorder) > 0 {
		return fmt.Errorf("the depot saw %d orders out of order, as %s", len(s.disorder), s.disorder[0])
	}
	_, err := fmt.Fprintf(w, "%6d orders seen at the depot, %d of them to the end\n", len(s.latest), s.ended)
	return err
}
