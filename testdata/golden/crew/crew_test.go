package crew_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/testdata/golden/crew"
	"github.com/xsgen/xsgen/testdata/golden/crew/clerk"
	"github.com/xsgen/xsgen/testdata/golden/crew/printer"
	"github.com/xsgen/xsgen/testdata/golden/crew/scribe"
	"github.com/xsgen/xsgen/testdata/golden/crew/ticket"
	"github.com/xsgen/xsgen/testdata/golden/wires"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(rabbit.Tests{M: m}) }

// tally is how often what was done.
type tally struct {
	mu    sync.Mutex
	done  map[string]int
	areas map[string]map[string]bool // the clerks to whom an area was routed
}

func newTally() *tally { return &tally{done: map[string]int{}, areas: map[string]map[string]bool{}} }

func (y *tally) note(format string, args ...any) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.done[fmt.Sprintf(format, args...)]++
	return nil
}

func (y *tally) times(what string) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.done[what]
}

// staff is what clerks and printers do, and what is heard.
type staff struct {
	*tally
	name string
	crew.UnimplementedLogHandler
}

func (s staff) FileIt(_ context.Context, _ *clerk.Turn, e *clerk.File) error {
	return s.note("filed %s %d", e.Area, e.Weight)
}

func (s staff) RouteIt(_ context.Context, _ *clerk.Turn, e *clerk.Route) error {
	s.mu.Lock()
	if s.areas[e.Area] == nil {
		s.areas[e.Area] = map[string]bool{}
	}
	s.areas[e.Area][s.name] = true
	s.mu.Unlock()
	return s.note("routed %s", e.Area)
}

func (s staff) PutAway(context.Context, *clerk.Turn, *clerk.Drain) error { return s.note("put away") }

func (s staff) Greet(context.Context, *clerk.Turn, *clerk.Hello) error {
	return s.note("greeted")
}

func (s staff) PrintIt(_ context.Context, _ *printer.Turn, e *printer.Print) error {
	return s.note("printed %s", e.Line)
}

func (s staff) Alarm(_ context.Context, e *bus.Event[crew.Alarm]) error {
	return s.note("alarm %s", e.Value().What)
}

func (s staff) Drain(context.Context, *bus.Event[crew.Drain]) error { return s.note("heard drain") }

func (s staff) TicketStateChanged(_ context.Context, e *bus.Event[ticket.StateChanged]) error {
	return s.note("%s is %s", e.Key(), e.Value().State)
}

func (s staff) ClerkFile(context.Context, *bus.Event[clerk.File]) error { return s.note("heard file") }

func (s staff) ClerkRoute(_ context.Context, e *bus.Event[clerk.Route]) error {
	return s.note("heard route for %s", e.Key())
}

func (s staff) TicketNote(_ context.Context, e *bus.Event[ticket.Note]) error {
	return s.note("heard a note for %s", e.Key())
}

func (s staff) ScribeWritten(_ context.Context, e *bus.Event[scribe.Written]) error {
	return s.note("sampled %s", e.Value().Ticket)
}

// processes are the nodes of the crew.
type processes struct {
	press    *crew.Press
	pool     []*crew.Pool
	shutdown func(context.Context) error
}

func together(t *testing.T, y *tally) processes {
	s := staff{tally: y, name: "all"}
	tickets := crew.TicketConfig{Store: machine.NewMemoryStore()}
	clerks := crew.ClerkConfig{Actions: s}
	all, err := crew.StartAll(t.Context(), crew.AllConfig{
		Front: crew.FrontConfig{Ticket: tickets},
		Back:  crew.BackConfig{Ticket: tickets, Clerk: clerks},
		Pool:  crew.PoolConfig{Clerk: clerks, Sample: s},
		Press: crew.PressConfig{Printer: crew.PrinterConfig{Actions: s}, Log: s},
	})
	if err != nil {
		t.Fatal(err)
	}
	return processes{all.Press, all.Pool, all.Shutdown}
}

func apart(t *testing.T, y *tally) processes {
	net := wires.New(t)
	tickets := crew.TicketConfig{Store: machine.NewMemoryStore()}
	p := processes{}
	var ends []func(context.Context) error
	must := func(end func(context.Context) error, err error) {
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	s := staff{tally: y}
	back, err := crew.StartBack(t.Context(), crew.BackConfig{Node: net.Config(0, "unix", "amqp"), Ticket: tickets, Clerk: crew.ClerkConfig{Actions: staff{tally: y, name: "back"}}})
	must(back.Shutdown, err)
	for i := range 3 {
		clerks := crew.ClerkConfig{Actions: staff{tally: y, name: fmt.Sprint("pool", i)}}
		pool, err := crew.StartPool(t.Context(), crew.PoolConfig{Node: net.Config(i, "unix", "amqp"), Clerk: clerks, Sample: s})
		must(pool.Shutdown, err)
		p.pool = append(p.pool, pool)
	}
	for i := range 2 {
		front, err := crew.StartFront(t.Context(), crew.FrontConfig{Node: net.Config(i, "unix", "amqp"), Ticket: tickets})
		must(front.Shutdown, err)
	}
	p.press, err = crew.StartPress(t.Context(), crew.PressConfig{Node: net.Config(0, "unix", "amqp"), Printer: crew.PrinterConfig{Actions: s}, Log: s})
	must(p.press.Shutdown, err)
	p.shutdown = func(ctx context.Context) error {
		for _, end := range slices.Backward(ends) {
			if err := end(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	return p
}

const (
	tickets = 60
	areas   = 5
)

func area(i int) string { return fmt.Sprint("area", i%areas) }

// want is what is done, and how often, for the tickets of run.
func want() map[string]int {
	out := map[string]int{
		"put away": 4, "greeted": 3, "alarm printer open": 1, "heard drain": 1, "heard file": tickets,
	}
	for i := range tickets {
		key := fmt.Sprint("t", i)
		out["filed "+area(i)+" 5"]++
		out["routed "+area(i)]++
		out["heard route for "+area(i)]++
		out["printed written for "+area(i)]++
		for _, what := range []string{"heard a note for " + key, "sampled " + key, key + " is working", key + " is closed"} {
			out[what] = 1
		}
	}
	for i := range tickets {
		out[fmt.Sprint("t", i)+" is fresh"] = 1
	}
	return out
}

func run(t *testing.T, y *tally, p processes) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i := range tickets {
		if err := p.press.Ticket.Open(ctx, fmt.Sprint("t", i), &ticket.Open{Area: area(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range p.pool {
		if err := x.Clerk.Hello(ctx, &clerk.Hello{}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Clerk.RequestTotal(ctx, &clerk.Total{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range tickets {
		until(ctx, t, y, "every ticket has its note", func() bool {
			r, err := p.press.Ticket.RequestCount(ctx, fmt.Sprint("t", i), &ticket.Count{})
			return err == nil && r.Notes == 1
		})
	}
	until(ctx, t, y, "everything is filed", func() bool {
		n := 0
		for i := range areas {
			n += y.times("filed " + area(i) + " 5")
		}
		return n == tickets
	})
	if _, err := p.press.Desks.RequestTotal(ctx, &clerk.Total{}); err != nil {
		t.Error(err)
	}
	if err := p.press.BroadcastDrain(ctx, &crew.Drain{Reason: "the end"}); err != nil {
		t.Fatal(err)
	}
	for i := range tickets {
		until(ctx, t, y, "all tickets are closed", func() bool { return y.times(fmt.Sprint("t", i, " is closed")) == 1 })
	}
	until(ctx, t, y, "all clerks have put away their things", func() bool { return y.times("put away") == 4 })
	if err := p.shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func until(ctx context.Context, t *testing.T, y *tally, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-ctx.Done():
			y.mu.Lock()
			defer y.mu.Unlock()
			t.Fatalf("it never came that %s; what was done is %v", what, y.done)
		case <-time.After(time.Millisecond):
		}
	}
}

// TestSameTally: in how many processes the crew works makes no difference to what is done.
func TestSameTally(t *testing.T) {
	for name, start := range map[string]func(*testing.T, *tally) processes{"together": together, "apart": apart} {
		t.Run(name, func(t *testing.T) {
			y := newTally()
			run(t, y, start(t, y))
			for _, what := range slices.Sorted(maps.Keys(want())) {
				if got := y.done[what]; got != want()[what] {
					t.Errorf("%s: %d times, want %d", what, got, want()[what])
				}
				delete(y.done, what)
			}
			if len(y.done) > 0 {
				t.Errorf("what should not have been done: %v", y.done)
			}
			for area, clerks := range y.areas {
				if len(clerks) != 1 {
					t.Errorf("%s was routed to several clerks: %v", area, clerks)
				}
			}
		})
	}
}
