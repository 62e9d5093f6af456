// Command shop sells: it places orders, has them paid and shipped, and tells what has become
// of each.
//
// Without flags all nodes of shop.topology.yaml run in this process, and nothing else is
// needed. With -node it is one of them, and the others are processes of their own:
//
//	go run ./examples/shop -node bank &
//	go run ./examples/shop -node bank -replica 1 &
//	go run ./examples/shop -node depot &
//	go run ./examples/shop -node web
//
// Who runs where, and by what their events travel, is said in the topology, and nowhere here.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/xsgen/xsgen/examples/shop/nodes"
	"github.com/xsgen/xsgen/examples/shop/order"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/node"
)

//go:generate go run ../../cmd/xsgen generate .

// options are the command's flags.
type options struct {
	node    string
	replica int
	orders  int
	atOnce  int
	data    string
	within  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.node, "node", "", "run this node only: web, bank or depot")
	flag.IntVar(&o.replica, "replica", 0, "which of the node's processes this is")
	flag.IntVar(&o.orders, "orders", 10_000, "how many orders the web places")
	flag.IntVar(&o.atOnce, "at-once", 5_000, "how many orders may be under way at once")
	flag.StringVar(&o.data, "data", "", "keep the orders, and what was heard of them, in this directory; without one they are kept in memory")
	flag.DurationVar(&o.within, "within", 2*time.Minute, "how long the orders may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	if o.orders < 1 || o.atOnce < 1 {
		return errors.New("-orders and -at-once are 1 or more")
	}
	l, d := newLedger(o.orders, o.atOnce), newScreen()
	store, err := o.open(l, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.journal.close(), d.journal.close()) }()
	web := nodes.WebConfig{Node: o.config(), Order: nodes.OrderConfig{Store: store}, Ledger: l}
	bank := nodes.BankConfig{Node: o.config()}
	depot := nodes.DepotConfig{Node: o.config(), Screen: d}
	switch o.node {
	case "":
		all, err := nodes.StartAll(ctx, nodes.AllConfig{Web: web, Bank: bank, Depot: depot})
		if err != nil {
			return err
		}
		return errors.Join(o.trade(ctx, all.Web, l, all), l.tally(out), d.tally(out))
	case "web":
		w, err := nodes.StartWeb(ctx, web)
		if err != nil {
			return err
		}
		return errors.Join(o.trade(ctx, w, l, w), l.tally(out))
	case "bank":
		return serve(ctx, func() (process, error) { return nodes.StartBank(ctx, bank) })
	case "depot":
		err := serve(ctx, func() (process, error) { return nodes.StartDepot(ctx, depot) })
		return errors.Join(err, d.tally(out))
	}
	return fmt.Errorf("there is no node %q: it is web, bank or depot", o.node)
}

func (o *options) config() node.Config { return node.Config{Replica: o.replica} }

// open makes the store of the orders, and opens the files of what the node hears.
func (o *options) open(l *ledger, d *screen) (machine.Store, error) {
	if o.data == "" {
		return machine.NewMemoryStore(), nil
	}
	store, err := machine.NewFileStore(filepath.Join(o.data, "orders"))
	if err == nil && o.runs("web") {
		err = l.keep(filepath.Join(o.data, ledgerFile))
	}
	if err == nil && o.runs("depot") {
		err = d.keep(filepath.Join(o.data, screenFile))
	}
	return store, err
}

func (o *options) runs(node string) bool { return o.node == "" || o.node == node }

// The files of what was heard.
const (
	ledgerFile = "ledger.jsonl"
	screenFile = "screen.jsonl"
)

// process is what Start functions return.
type process interface {
	Ready() bool
	Shutdown(context.Context) error
}

// serve runs a node until ctx ends.
func serve(ctx context.Context, start func() (process, error)) error {
	p, err := start()
	if err != nil {
		return err
	}
	if err := ready(ctx, p); err == nil {
		fmt.Fprintln(os.Stderr, "ready")
	}
	<-ctx.Done()
	return shutdown(p)
}

// ready waits until the process has the connections that it needs.
func ready(ctx context.Context, p process) error {
	for !p.Ready() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// shutdown ends a process: what it has taken it still handles.
func shutdown(p process) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return p.Shutdown(ctx)
}

// trade places the orders, waits until each has come to its end, and shuts down.
func (o *options) trade(ctx context.Context, web *nodes.Web, l *ledger, p process) error {
	ctx, cancel := context.WithTimeout(ctx, o.within)
	defer cancel()
	begun := time.Now()
	err := ready(ctx, p)
	if err == nil {
		err = placeAll(ctx, web, l)
	}
	if err == nil {
		err = l.wait(ctx)
	}
	if err == nil {
		took := time.Since(begun)
		f := l.figures()
		fmt.Fprintf(os.Stderr, "%d orders in %v, %.0f in a second; from placed to the shipment seen %v in the median, %v of 99 in 100; %d events came again\n",
			f.settled, took.Round(time.Millisecond), float64(f.settled)/took.Seconds(), f.median.Round(time.Microsecond), f.late.Round(time.Microsecond), f.again)
	}
	return errors.Join(err, shutdown(p))
}

// placeAll has all orders placed that have not ended. An order that was placed before, by a
// process that was killed, is not placed again by its machine.
func placeAll(ctx context.Context, web *nodes.Web, l *ledger) error {
	for i := range l.orders {
		if begun, err := l.begin(ctx, number(i)); err != nil {
			return err
		} else if !begun {
			continue
		}
		e := &order.Place{Customer: customer(i), Total: order.Money{Currency: "eur", Cents: price(i)}}
		if err := web.Order.Place(ctx, number(i), e); err != nil {
			return fmt.Errorf("placing %s: %w", number(i), err)
		}
	}
	return nil
}

// number, customer and price are the ith order's. Each twentieth costs more than the limit of
// the till, which payment.machine.yaml has.
func number(i int) string { return fmt.Sprintf("o-%05d", i) }

func customer(i int) string { return fmt.Sprint("customer-", i%100) }

const limit = 100_000 // cents

func price(i int) int64 {
	if i%20 == 19 {
		return limit + 1
	}
	return int64(i%1000 + 1)
}
