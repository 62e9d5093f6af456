package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xsgen/xsgen/examples/shop/nodes"
	"github.com/xsgen/xsgen/examples/shop/order"
	"github.com/xsgen/xsgen/runtime/bus"
)

// ledger is what the web's code hears of the orders. It is told from several goroutines.
type ledger struct {
	nodes.UnimplementedLedgerHandler
	orders int

	underWay chan struct{} // has room for as many orders as may be under way at once

	mu     sync.Mutex
	placed map[string]time.Time
	took   []time.Duration     // from placed to settled
	ends   map[string]end      // by the order
	states map[string][]string // that each order came to, in order
	over   int                 // orders whose last state is known
	twice  []string            // orders that were settled a second time
	done   chan struct{}       // closed when nothing is missing
}

// end is what became of an order, and the event that said so.
type end struct {
	order.Settled
	event string
}

func newLedger(orders, atOnce int) *ledger {
	return &ledger{
		orders: orders, underWay: make(chan struct{}, atOnce), placed: map[string]time.Time{},
		ends: map[string]end{}, states: map[string][]string{}, done: make(chan struct{}),
	}
}

// begin waits until one more order may be under way.
func (l *ledger) begin(ctx context.Context, id string) error {
	select {
	case l.underWay <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.placed[id] = time.Now()
	return nil
}

// OrderSettled is told of each order's end.
func (l *ledger) OrderSettled(_ context.Context, e *bus.Event[order.Settled]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, known := l.ends[e.Key()]
	if known && first.event != e.ID() {
		l.twice = append(l.twice, e.Key())
	}
	if begun, ok := l.placed[e.Key()]; ok && !known {
		l.took = append(l.took, time.Since(begun))
		<-l.underWay
	}
	l.ends[e.Key()] = end{*e.Value(), e.ID()}
	l.check()
	return nil
}

// OrderStateChanged is told of each state that an order comes to.
func (l *ledger) OrderStateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states[e.Key()] = append(l.states[e.Key()], e.Value().State.String())
	if e.Value().Done {
		l.over++
		l.check()
	}
	return nil
}

func (l *ledger) check() {
	if len(l.ends) < l.orders || l.over < l.orders {
		return
	}
	select {
	case <-l.done:
	default:
		close(l.done)
	}
}

// wait waits until every order has come to its end.
func (l *ledger) wait(ctx context.Context) error {
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		return fmt.Errorf("of %d orders %d have come to their ends: %w", l.orders, len(l.ends), ctx.Err())
	}
}

// median is how long half of the orders took at most.
func (l *ledger) median() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.took)
	return l.took[len(l.took)/2]
}

// The ways that an order can go.
const (
	closed  = "cart paying shipping closed"
	refused = "cart paying refused"
)

// tally says what became of the orders. Every one is looked at: it is an error if one is
// missing, was settled twice, or has another's papers.
func (l *ledger) tally(w io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ways := map[string]int{}
	wrong := slices.Clone(l.twice)
	for i := range l.orders {
		id := number(i)
		way := strings.Join(l.states[id], " ")
		ways[way]++
		if want, papers := expected(i); way != want || l.ends[id].Settled != papers {
			wrong = append(wrong, fmt.Sprintf("%s (%s; %+v)", id, way, l.ends[id].Settled))
		}
	}
	fmt.Fprintf(w, "%6d orders placed\n%6d paid, shipped and closed\n%6d refused by the till\n", l.orders, ways[closed], ways[refused])
	if more := len(l.ends) - l.orders; more > 0 || len(wrong) > 0 {
		return fmt.Errorf("%d orders that nobody placed; wrong are %d: %s", more, len(wrong), strings.Join(wrong[:min(len(wrong), 10)], ", "))
	}
	_, err := fmt.Fprintln(w, "The tally adds up: no order is missing, and none was settled twice.")
	return err
}

// expected is what the ith order must come to.
func expected(i int) (way string, papers order.Settled) {
	id := number(i)
	papers = order.Settled{Order: id, Customer: customer(i)}
	if price(i) > limit {
		papers.Refusal = "more than the till takes"
		return refused, papers
	}
	papers.Receipt, papers.Parcel = "receipt-"+id, "parcel-"+id
	return closed, papers
}
