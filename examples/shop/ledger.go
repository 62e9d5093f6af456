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
	orders  int
	journal *journal
	resumed bool // another process has begun it

	underWay chan struct{} // has room for as many orders as may be under way at once

	mu      sync.Mutex
	placed  map[string]time.Time
	took    []time.Duration     // of each that was shipped, from placed to the end
	settled int                 // orders that this process has placed and seen settled
	ends    map[string]end      // by the order
	states  map[string][]string // that each order came to, in order
	latest  map[string]uint64   // the number of each order's latest state change
	over    int                 // orders whose last state is known
	twice   []string            // orders that were settled a second time
	again   int                 // events that came once more
	done    chan struct{}       // closed when nothing is missing
}

// end is what became of an order, and the event that said so.
type end struct {
	order.Settled
	event string
}

func newLedger(orders, atOnce int) *ledger {
	return &ledger{
		orders: orders, underWay: make(chan struct{}, atOnce), placed: map[string]time.Time{},
		ends: map[string]end{}, states: map[string][]string{}, latest: map[string]uint64{}, done: make(chan struct{}),
	}
}

// keep has the ledger kept in a file, and go on with what is in it.
func (l *ledger) keep(file string) (err error) {
	l.journal, err = openJournal(file, func(e entry) {
		l.resumed = true
		l.note(&e)
	})
	l.check()
	return err
}

// begin waits until one more order may be under way. It is false if the order has ended.
func (l *ledger) begin(ctx context.Context, id string) (bool, error) {
	if l.ended(id) {
		return false, nil
	}
	select {
	case l.underWay <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ended := l.ends[id]; ended {
		<-l.underWay
		return false, nil
	}
	l.placed[id] = time.Now()
	return true, nil
}

func (l *ledger) ended(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ended := l.ends[id]
	return ended
}

// OrderSettled is told of each order's end.
func (l *ledger) OrderSettled(_ context.Context, e *bus.Event[order.Settled]) error {
	return l.hear(&entry{Order: e.Key(), Event: e.ID(), Settled: e.Value()})
}

// OrderStateChanged is told of each state that an order comes to.
func (l *ledger) OrderStateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	c := e.Value()
	return l.hear(&entry{Order: e.Key(), Event: e.ID(), Seq: c.Seq, State: c.State.String(), Done: c.Done})
}

// hear takes note of an event, unless it is known.
func (l *ledger) hear(e *entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.knows(e) {
		l.again++
		return nil
	}
	if err := l.journal.add(e); err != nil {
		return err
	}
	l.note(e)
	l.check()
	return nil
}

func (l *ledger) knows(e *entry) bool {
	if e.Settled == nil {
		return e.Seq <= l.latest[e.Order]
	}
	first, known := l.ends[e.Order]
	return known && first.event == e.Event
}

func (l *ledger) note(e *entry) {
	if e.Settled == nil {
		l.latest[e.Order] = e.Seq
		l.states[e.Order] = append(l.states[e.Order], e.State)
		if e.Done {
			l.over++
		}
		return
	}
	_, known := l.ends[e.Order]
	if known {
		l.twice = append(l.twice, e.Order)
	}
	if begun, ok := l.placed[e.Order]; ok && !known {
		if l.settled++; e.Settled.Parcel != "" {
			l.took = append(l.took, time.Since(begun))
		}
		<-l.underWay
	}
	l.ends[e.Order] = end{*e.Settled, e.Event}
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

// figures are what one process of the web has seen.
type figures struct {
	settled      int           // orders that it has placed and that came to their ends
	median, late time.Duration // half of the shipments were seen after median, and 99 in 100 after late
	again        int           // events that came and were known
}

func (l *ledger) figures() figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := figures{settled: l.settled, again: l.again}
	if n := len(l.took); n > 0 {
		slices.Sort(l.took)
		f.median, f.late = l.took[n/2], l.took[n*99/100]
	}
	return f
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
		want, papers := expected(i)
		way := l.way(id, want)
		ways[way]++
		if way != want || l.ends[id].Settled != papers {
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

// way is how an order went. What a process had yet to hear of its own machines when it was
// killed is lost, but for an order's latest step, which its store has. So of a ledger with a
// past the last state counts, and the papers, which tell the rest.
func (l *ledger) way(id, want string) string {
	way := strings.Join(l.states[id], " ")
	if l.resumed && way != "" && strings.HasSuffix(want, l.states[id][len(l.states[id])-1]) {
		return want
	}
	return way
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
