// Package drive runs generated machines by scripts, and tells what they do. The
// program that is built of many machines calls Main; each machine's adapter
// registers it.
//
// A script has one command a line, in the first column:
//
//	start                  stop
//	send NAME {json}       request NAME {json}
//	advance DURATION       moves the machine's clock
//	guard NAME true|false  what a guard in Go returns from now on; at first all are true;
//	                       or "panic", for it to do that
//	fail NAME [MESSAGE]    makes an action in Go fail: with that error, with a panic if
//	                       the message begins with "panic", not at all without one; with
//	                       a role in place of the action, all that is sent to it fails
//	serve NAME {json}      makes the service that runs return this output, or, with a text
//	                       in place of it, fail; waits for what that leads to
//	cancelled NAME         waits until the ctx of the service's last call has ended
//	snapshot               goes on with a new machine, made of a snapshot of this one
//	suspend                the same, but this one is suspended, rather than stopped
//	away DURATION          the same as snapshot, and the clock moves while there is none
//	observe WHAT           publish, guards or log: more is told from now on; seq: with
//	                       publish, also the numbers of state changes; plain: the
//	                       machine has no observer, so that its short cuts are taken;
//	                       batched: sends that follow one another are one SendAll;
//	                       restored: after each command, a snapshot that is not told;
//	                       suspended: the same with suspend
//
// A machine that is invoked is called by its id, here child:
//
//	child send NAME {json}, child request …   child stop
//	child active           what is active in it
//	guard child.NAME …     fail child.NAME …     serve child.NAME …
//	fail child [MESSAGE]   it cannot be made
//
// All are of the one that was made last. What such a machine does is told with its id
// before it: "child enter a".
//
// Below the last send of a batch is what was done, in order, then the errors, in order,
// and what is active then.
//
// The trace repeats the script; below each command, indented, is what was observed.
// Lines of a script that are indented are left out, so that a trace is a script too.
package drive

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

// Machine is a machine as the driver sees it.
type Machine struct {
	Start, Stop func(context.Context) error
	Bind        func(*bus.Bus) error
	Active      func() []string // the paths of the active leaves
	Settle      func()          // waits for the step that is running
	// Send makes the event with the given name of JSON and sends it; Request
	// returns its reply. SendAll sends several.
	Send    func(ctx context.Context, event string, data []byte) error
	SendAll func(ctx context.Context, events []string, data [][]byte) error
	Request func(ctx context.Context, event string, data []byte) (any, error)
	// Snapshot, Suspend and Restore are those of the generated machine.
	Snapshot, Suspend func(context.Context) ([]byte, error)
	Restore           func(context.Context, []byte) error
}

// Driver is what one machine of a script is driven by: the one that the script is
// about, or one that is invoked.
type Driver struct {
	machine.NopObserver
	*stage
	who string // the id of an invoked machine
}

// stage is a script that runs, and all of its machines.
type stage struct {
	build   func(*Driver, ...machine.Option) Machine
	clock   *machine.ManualClock
	bus     *bus.Bus // nil unless publishing is observed
	plain   bool
	m       Machine
	invoked map[string]Machine // by their ids; of each the last one
	mu      sync.Mutex         // for what services lead to
	notes   []string
	guards  map[string]string
	failing map[string]string
	seen    map[string]bool // by observe
	calls   calls
}

// Guard is what a guard in Go returns: true, unless the script says otherwise.
func (d *Driver) Guard(name string) bool {
	how := d.guards[d.called(name)]
	if how == "panic" {
		panic("guard " + name)
	}
	if d.seen["guards"] {
		d.note("guard %s %v", name, how != "false")
	}
	return how != "false"
}

// Action records an action in Go, and fails or panics if the script says so.
func (d *Driver) Action(name string) error {
	d.note("do %s", name)
	return d.failure(name)
}

func (d *Driver) failure(name string) error {
	switch how := d.failing[d.called(name)]; {
	case strings.HasPrefix(how, "panic"):
		panic(how)
	case how != "":
		return errors.New(how)
	}
	return nil
}

// Role records what was sent to a role, and fails like an action.
func (d *Driver) Role(role, event string) error {
	if d.seen["publish"] {
		d.note("publish %s.%s", role, event)
	}
	return d.failure(role)
}

// Entered implements machine.Observer.
func (d *Driver) Entered(_ machine.Instance, state string) { d.note("enter %s", root(state)) }

// Exited implements machine.Observer.
func (d *Driver) Exited(_ machine.Instance, state string) { d.note("exit %s", root(state)) }

// Unhandled implements machine.Observer.
func (d *Driver) Unhandled(_ machine.Instance, event string) { d.note("unhandled %s", event) }

func root(state string) string {
	if state == "" {
		return "(machine)"
	}
	return state
}

func (d *Driver) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	who := "  "
	if d.who != "" {
		who += d.who + " "
	}
	d.notes = append(d.notes, who+fmt.Sprintf(format+"\n", args...))
	if len(d.notes) > mostNotes {
		_, _ = fmt.Fprintln(os.Stderr, "the trace does not end")
		os.Exit(1)
	}
}

// mostNotes is more than a trace that ends has.
const mostNotes = 3_000_000

// run makes a machine and runs script.
func run(build func(*Driver, ...machine.Option) Machine, script string) string {
	lines := strings.Split(strings.TrimSuffix(script, "\n"), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, " ") })
	d := &Driver{stage: &stage{build: build, clock: machine.NewManualClock(time.Unix(1700000000, 0).UTC()),
		plain: slices.Contains(lines, "observe plain"), invoked: map[string]Machine{},
		guards: map[string]string{}, failing: map[string]string{}, seen: map[string]bool{}}}
	if slices.Contains(lines, "observe publish") {
		d.listen()
	}
	if err := d.make(); err != nil {
		d.note("error %v", err)
	}
	batched := slices.Contains(lines, "observe batched")
	var batch []string
	for i, line := range lines {
		d.mu.Lock()
		d.notes = append(d.notes, line+"\n")
		d.mu.Unlock()
		switch {
		case line == "" || line[0] == '#':
		case !batched || !isSend(line):
			d.command(line)
			d.restoreIfWanted()
		default:
			batch = append(batch, line)
			if i+1 == len(lines) || !isSend(lines[i+1]) {
				d.batch(batch)
				batch = batch[:0]
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.notes, "")
}

// make makes the machine that the script is about.
func (d *Driver) make() error {
	d.m = d.build(d, d.options()...)
	if d.bus == nil {
		return nil
	}
	return d.m.Bind(d.bus)
}

func (d *Driver) options() []machine.Option {
	opts := []machine.Option{machine.WithClock(d.clock), machine.WithLogger(d.logger())}
	if !d.plain {
		opts = append(opts, machine.WithObserver(d))
	}
	return opts
}

// listen makes a bus and tells what is published.
func (d *Driver) listen() {
	d.bus = bus.New()
	_, err := bus.SubscribeAny(d.bus, "#", func(_ context.Context, e *bus.AnyEvent) error {
		d.note("publish %s%s", e.Topic(), d.seq(e))
		return nil
	})
	if err != nil {
		d.note("error %v", err)
	}
}

func (d *Driver) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(writer{d}, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
}

type writer struct{ d *Driver }

func (w writer) Write(p []byte) (int, error) {
	if w.d.seen["log"] {
		w.d.note("log %s", strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

func (d *Driver) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	name, data, _ := strings.Cut(rest, " ")
	switch verb {
	case "guard":
		d.guards[name] = data
		return
	case "fail":
		d.failing[name] = data
		return
	case "observe":
		d.seen[name] = true
		return
	}
	do := d.do
	if m, ok := d.invoked[verb]; ok {
		do = (&child{d, verb, m}).do
		verb, rest = name, data
		name, data, _ = strings.Cut(rest, " ")
	}
	if err := do(verb, rest, name, data); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		d.note("error %s", first)
	}
	d.note("%s", strings.Join(append([]string{"="}, d.m.Active()...), " "))
}

func isSend(line string) bool { return strings.HasPrefix(line, "send ") }

// batch sends the events of several lines at once.
func (d *Driver) batch(lines []string) {
	var names []string
	var bodies [][]byte
	for _, line := range lines {
		name, data, _ := strings.Cut(strings.TrimPrefix(line, "send "), " ")
		names, bodies = append(names, name), append(bodies, []byte(cmp.Or(data, "{}")))
	}
	if err := d.m.SendAll(context.Background(), names, bodies); err != nil {
		all := []error{err}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			all = joined.Unwrap()
		}
		for _, err := range all {
			first, _, _ := strings.Cut(err.Error(), "\n")
			d.note("error %s", first)
		}
	}
	d.note("%s", strings.Join(append([]string{"="}, d.m.Active()...), " "))
}

func (d *Driver) do(verb, rest, name, data string) error {
	ctx := context.Background()
	if data == "" {
		data = "{}"
	}
	switch verb {
	case "start":
		return d.m.Start(ctx)
	case "stop":
		return d.m.Stop(ctx)
	case "send":
		return d.m.Send(ctx, name, []byte(data))
	case "request":
		return d.request(d.m, name, data)
	case "serve":
		return d.serve(name, data)
	case "cancelled":
		return d.calls.awaitCancel(name)
	case "snapshot":
		return d.replace(ctx, d.stopped, 0)
	case "suspend":
		return d.replace(ctx, d.m.Suspend, 0)
	case "advance", "away":
		span, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		if verb == "away" {
			return d.replace(ctx, d.stopped, span)
		}
		d.clock.Advance(span)
		return nil
	}
	return fmt.Errorf("no command %q", verb)
}

func (d *Driver) request(m Machine, name, data string) error {
	reply, err := m.Request(context.Background(), name, []byte(data))
	if err != nil {
		return err
	}
	text, err := json.Marshal(reply)
	d.note("reply %s", text)
	return err
}

var registered = map[string]func(*Driver, ...machine.Option) Machine{}

// Register makes a machine known to Main by the name of its adapter's package.
func Register(name string, build func(*Driver, ...machine.Option) Machine) { registered[name] = build }

// Main answers jobs until there are no more: each is a line with the machine's name
// and the number of bytes of the script that follows; the answer is a line with the
// number of bytes of the trace, and the trace.
func Main(in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		var name string
		var size int
		if _, err := fmt.Sscanf(line, "%s %d", &name, &size); err != nil {
			return err
		}
		script := make([]byte, size)
		if _, err := io.ReadFull(r, script); err != nil {
			return err
		}
		build := registered[name]
		if build == nil {
			return fmt.Errorf("no machine %s", name)
		}
		trace := run(build, string(script))
		if _, err := fmt.Fprintf(out, "%d\n%s", len(trace), trace); err != nil {
			return err
		}
	}
}
