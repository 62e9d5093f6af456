// Package drive runs the golden machines: it reads a case's script.txt, does what
// it says to the machine, and compares what it hears with trace.txt. A script that
// leaves a transition untaken fails.
package drive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/machine"
)

// Machine is a golden machine as the driver sees it.
type Machine struct {
	Start, Stop func(context.Context) error
	State       func() string
	Snapshot    func(context.Context) ([]byte, error)
	Restore     func(context.Context, []byte) error
	// Send makes the event with the given name of JSON and sends it; Request
	// returns its reply.
	Send        func(ctx context.Context, event string, data []byte) error
	Request     func(ctx context.Context, event string, data []byte) (any, error)
	Transitions []string // their names, by number
}

// Driver records what a machine does.
type Driver struct {
	machine.NopObserver
	t          *testing.T
	clock      *machine.ManualClock
	bus        *bus.Bus
	m          Machine
	newMachine func() Machine
	trace      strings.Builder
	notes      []string // of the command that runs
	asides     []string // of what runs beside it, in no order
	guards     map[string]bool
	failing    map[string]string
	mu         sync.Mutex
	serving    map[string]chan string // where running services wait for their answers
	taken      map[int]bool
}

// New returns a driver for the case in the current directory.
func New(t *testing.T) *Driver {
	d := &Driver{t: t, clock: machine.NewManualClock(time.Unix(1700000000, 0).UTC()), bus: bus.New(),
		guards: map[string]bool{}, failing: map[string]string{}, taken: map[int]bool{}, serving: map[string]chan string{}}
	_, err := bus.SubscribeAny(d.bus, "#", d.heard)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Bus is the bus to bind the machine to.
func (d *Driver) Bus() *bus.Bus { return d.bus }

// Options are the options to make the machine with.
func (d *Driver) Options() []machine.Option {
	logger := slog.New(slog.NewTextHandler(writer{d}, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
	return []machine.Option{machine.WithClock(d.clock), machine.WithObserver(d), machine.WithLogger(logger)}
}

// ChildOptions are the options to make an invoked machine with.
func (d *Driver) ChildOptions() []machine.Option {
	return append(d.Options(), machine.WithObserver(childObserver{d: d}))
}

// childObserver records what an invoked machine does.
type childObserver struct {
	machine.NopObserver
	d *Driver
}

// Took implements machine.Observer.
func (o childObserver) Took(i machine.Instance, t machine.TransitionRef, _ string) {
	o.d.note("%s: take %s", i.Machine, t)
}

// Entered implements machine.Observer.
func (o childObserver) Entered(i machine.Instance, state string) {
	o.d.note("%s: enter %s", i.Machine, root(state))
}

// Exited implements machine.Observer.
func (o childObserver) Exited(i machine.Instance, state string) {
	o.d.note("%s: exit %s", i.Machine, root(state))
}

// Failed implements machine.Observer.
func (o childObserver) Failed(i machine.Instance, err error) {
	o.d.note("%s: failed %v", i.Machine, err)
}

type writer struct{ d *Driver }

func (w writer) Write(p []byte) (int, error) {
	w.d.note("log %s", strings.TrimSpace(string(p)))
	return len(p), nil
}

func (d *Driver) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fmt.Sprintf("  "+format+"\n", args...))
}

// aside notes what happens beside the machine's steps.
func (d *Driver) aside(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asides = append(d.asides, fmt.Sprintf("  "+format+"\n", args...))
}

// flush adds the notes of a command to the trace; of very many, the ends.
func (d *Driver) flush() {
	const most = 60
	slices.Sort(d.asides)
	d.notes = append(d.notes, d.asides...)
	d.asides = d.asides[:0]
	n := len(d.notes)
	for i, note := range d.notes {
		if n <= most || i < most/2 || i >= n-most/2 {
			d.trace.WriteString(note)
		} else if i == most/2 {
			fmt.Fprintf(&d.trace, "  (%d more)\n", n-most)
		}
	}
	d.notes = d.notes[:0]
}

// Guard is what a guard in Go returns: true, unless the script says otherwise.
func (d *Driver) Guard(name string) bool {
	result, set := d.guards[name]
	d.note("guard %s %v", name, result || !set)
	return result || !set
}

// Action records an action in Go, and fails or panics if the script says so.
func (d *Driver) Action(name string, arrived any) error {
	if arrived == nil {
		d.note("action %s", name)
	} else if err, ok := arrived.(error); ok {
		d.note("action %s %v", name, err)
	} else {
		d.note("action %s %s", name, compact(arrived))
	}
	switch how := d.failing[name]; {
	case strings.HasPrefix(how, "panic"):
		panic(how)
	case how != "":
		return errors.New(how)
	}
	return nil
}

// Role records what was sent to a role.
func (d *Driver) Role(role, event string, e codec.Appender) error {
	d.note("send %s to %s %s", event, role, d.hex(e))
	return nil
}

// Join is a list of states on one line.
func Join[S ~string](states []S) string {
	var out []string
	for _, s := range states {
		out = append(out, string(s))
	}
	return strings.Join(out, " ")
}

// Service records the call of a service and fills in its output from the script:
// `serve NAME {…}` makes it return, `serve NAME error` fail. Without either it runs
// until it is cancelled.
func (d *Driver) Service(ctx context.Context, name string, in, out any) error {
	answer := make(chan string, 1)
	d.mu.Lock()
	d.serving[name] = answer
	d.mu.Unlock()
	d.aside("service %s %s", name, compact(in))
	select {
	case text := <-answer:
		if !strings.HasPrefix(text, "{") {
			return errors.New(text)
		}
		return json.Unmarshal([]byte(text), out)
	case <-ctx.Done():
		d.aside("service %s cancelled", name)
		return ctx.Err()
	}
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (d *Driver) hex(e codec.Appender) string {
	b, err := e.AppendMsgpack(nil)
	if err != nil {
		d.t.Error(err)
	}
	return fmt.Sprintf("%x", b)
}

func (d *Driver) heard(_ context.Context, e *bus.AnyEvent) error {
	d.note("publish %s %s", e.Topic(), d.hex(e.Value().(codec.Appender)))
	return nil
}

// Took implements machine.Observer.
func (d *Driver) Took(_ machine.Instance, t machine.TransitionRef, _ string) {
	d.taken[t.Number] = true
	d.note("take %s", t)
}

// Entered implements machine.Observer.
func (d *Driver) Entered(_ machine.Instance, state string) { d.note("enter %s", root(state)) }

// Exited implements machine.Observer.
func (d *Driver) Exited(_ machine.Instance, state string) { d.note("exit %s", root(state)) }

// Unhandled implements machine.Observer.
func (d *Driver) Unhandled(_ machine.Instance, event string) { d.note("unhandled %s", event) }

// Guarded implements machine.Observer; guards in Go tell of themselves.
func (d *Driver) Guarded(_ machine.Instance, t machine.TransitionRef, passed bool) {
	if !passed {
		d.note("not %s", t)
	}
}

// Preempted implements machine.Observer.
func (d *Driver) Preempted(_ machine.Instance, t machine.TransitionRef, _ string) {
	d.note("preempted %s", t)
}

// Ignored implements machine.Observer.
func (d *Driver) Ignored(_ machine.Instance, event string) { d.note("ignored %s", event) }

// Deferred implements machine.Observer.
func (d *Driver) Deferred(_ machine.Instance, event string) { d.note("deferred %s", event) }

// Failed implements machine.Observer.
func (d *Driver) Failed(_ machine.Instance, err error) { d.note("failed %v", err) }

func root(state string) string {
	if state == "" {
		return "(machine)"
	}
	return state
}

// Run runs the script and checks the trace.
func (d *Driver) Run(newMachine func() Machine) {
	d.newMachine = newMachine
	synctest.Test(d.t, func(*testing.T) { d.run(newMachine()) })
}

func (d *Driver) run(m Machine) {
	d.m = m
	script, err := os.ReadFile("script.txt")
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(script)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fmt.Fprintf(&d.trace, "> %s\n", line)
		reacts := d.command(line)
		synctest.Wait() // services have been called, or have returned
		if reacts {
			d.note("state %s", d.m.State())
		}
		d.flush()
	}
	for i, name := range d.m.Transitions {
		if !d.taken[i] {
			d.t.Errorf("the script never takes the transition %d: %s", i, name)
		}
	}
	d.compare()
}

// command does what a line says, and reports whether that is something the
// machine may react to.
func (d *Driver) command(line string) bool {
	ctx := context.Background()
	verb, rest, _ := strings.Cut(line, " ")
	name, data, _ := strings.Cut(rest, " ")
	if data == "" {
		data = "{}"
	}
	var err error
	switch verb {
	case "start":
		err = d.m.Start(ctx)
	case "stop":
		err = d.m.Stop(ctx)
	case "send":
		err = d.m.Send(ctx, name, []byte(data))
	case "request":
		var reply any
		if reply, err = d.m.Request(ctx, name, []byte(data)); err == nil {
			d.note("reply %s", d.hex(reply.(codec.Appender)))
		}
	case "advance":
		var span time.Duration
		if span, err = time.ParseDuration(rest); err == nil {
			d.clock.Advance(span)
		}
	case "restore":
		err = d.restore(ctx)
	case "again":
		if err = d.m.Stop(ctx); err == nil {
			d.m = d.newMachine()
			err = d.m.Start(ctx)
		}
	case "serve":
		d.mu.Lock()
		answer := d.serving[name]
		d.mu.Unlock()
		if answer == nil {
			d.t.Fatalf("script.txt: the service %s does not run", name)
		}
		answer <- data
	case "guard":
		d.guards[name] = data == "true"
		return false
	case "fail":
		d.failing[name] = strings.Trim(data, "{}")
		return false
	default:
		d.t.Fatalf("script.txt: no command %q", line)
	}
	if err != nil {
		d.note("error %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return true
}

// restore puts a new machine in the place of the old one, made of its snapshot.
func (d *Driver) restore(ctx context.Context) error {
	data, err := d.m.Snapshot(ctx)
	if err != nil {
		return err
	}
	if err := d.m.Stop(ctx); err != nil {
		return err
	}
	synctest.Wait()
	d.m = d.newMachine()
	return d.m.Restore(ctx, data)
}

func (d *Driver) compare() {
	got := []byte(d.trace.String())
	want, err := os.ReadFile("trace.txt")
	if bytes.Equal(got, want) && err == nil {
		return
	}
	if os.Getenv("XSGEN_UPDATE") != "" {
		if err := os.WriteFile("trace.txt", got, 0o644); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	d.t.Errorf("the trace differs (XSGEN_UPDATE=1 accepts it):\n%s", diff.Diff("trace.txt", want, "this run", got))
}
