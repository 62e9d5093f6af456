package main

import (
	"context"
	"fmt"
	"io"
	"os"
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
	journal  *journal
	latest   map[string]uint64 // the number of each order's latest state change
	ended    int
	again    int      // changes that came once more
	disorder []string // orders whose changes came in another order than they happened, or not all
}

func newScreen() *screen { return &screen{latest: map[string]uint64{}} }

// keep has what is seen kept in a file, and goes on with what is in it.
func (s *screen) keep(file string) (err error) {
	s.journal, err = openJournal(file, func(e entry) { s.note(&e) })
	return err
}

// OrderStateChanged is told of each state that an order comes to. What it knows has come once
// more, since it could not say that it has it.
func (s *screen) OrderStateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := e.Value()
	if c.Seq <= s.latest[e.Key()] {
		s.again++
		return nil
	}
	seen := &entry{Order: e.Key(), Event: e.ID(), Seq: c.Seq, State: c.State.String(), Done: c.Done}
	if err := s.journal.add(seen); err != nil {
		return err
	}
	s.note(seen)
	return nil
}

func (s *screen) note(e *entry) {
	if e.Seq != s.latest[e.Order]+1 {
		s.disorder = append(s.disorder, fmt.Sprintf("%s (%d after %d)", e.Order, e.Seq, s.latest[e.Order]))
	}
	s.latest[e.Order] = e.Seq
	if e.Done {
		s.ended++
	}
}

// tally says what was seen.
func (s *screen) tally(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.disorder) > 0 {
		return fmt.Errorf("the depot saw %d orders out of order, as %s", len(s.disorder), s.disorder[0])
	}
	if s.again > 0 {
		fmt.Fprintf(os.Stderr, "%d changes came again\n", s.again)
	}
	_, err := fmt.Fprintf(w, "%6d orders seen at the depot, %d of them to the end\n", len(s.latest), s.ended)
	return err
}
