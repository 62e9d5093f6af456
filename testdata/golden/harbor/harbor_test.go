package harbor_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/testdata/golden/harbor"
	"github.com/xsgen/xsgen/testdata/golden/harbor/pilot"
	"github.com/xsgen/xsgen/testdata/golden/harbor/ship"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ships = 40

func name(i int) string { return "ship " + strconv.Itoa(i) }

// pier is what pilots do and the tower hears, and what all processes share.
type pier struct {
	harbor.UnimplementedLogHandler
	t   *testing.T
	ctx context.Context
	dir string // of the ships
	env map[string]string

	waits chan string // what has been deferred

	mu    sync.Mutex
	times map[string]int
}

// watch tells of what machines defer.
type watch struct {
	machine.NopObserver
	waits chan<- string
}

func (w watch) Deferred(i machine.Instance, event string) { w.waits <- i.Machine + " " + event }

func (p *pier) watched() []machine.Option {
	return []machine.Option{machine.WithObserver(watch{waits: p.waits})}
}

func newPier(t *testing.T) *pier {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	sockets, err := os.MkdirTemp("", "harbor") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	p := &pier{t: t, ctx: ctx, dir: t.TempDir(), waits: make(chan string, 100), times: map[string]int{}}
	p.env = map[string]string{"QUAY": "127.0.0.1", "HARBOR_DIR": sockets}
	for _, v := range []string{"NORTH_PORT", "SOUTH_PORT", "TOWER_PORT"} {
		p.env[v] = freePort(t)
	}
	return p
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (p *pier) node() node.Config {
	return node.Config{OnError: func(error) {}, Getenv: func(name string) (string, bool) {
		v, ok := p.env[name]
		return v, ok
	}}
}

func (p *pier) ship() harbor.ShipConfig { return harbor.ShipConfig{Dir: p.dir, Options: p.watched()} }

func (p *pier) pilot() harbor.PilotConfig {
	return harbor.PilotConfig{Actions: p, Options: p.watched()}
}

func (p *pier) note(format string, args ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times[fmt.Sprintf(format, args...)]++
	return nil
}

func (p *pier) BoardIt(_ context.Context, _ *pilot.Turn, e *pilot.Board) error {
	return p.note("boarded %s for its call %d", e.Ship, e.Calls)
}

func (p *pier) ShipStateChanged(_ context.Context, e *bus.Event[ship.StateChanged]) error {
	return p.note("%s is %s", e.Key(), e.Value().State)
}

// has waits until everything was noted, and nothing else.
func (p *pier) has(want map[string]int) {
	p.t.Helper()
	for {
		p.mu.Lock()
		got := maps.Clone(p.times)
		p.mu.Unlock()
		if maps.Equal(got, want) {
			return
		}
		select {
		case <-p.ctx.Done():
			p.t.Fatalf("noted was, and wanted: %v", difference(got, want))
		case <-time.After(time.Millisecond):
		}
	}
}

// process is a node that runs.
type process interface{ Shutdown(context.Context) error }

// run notes that a node has started.
func run[P process](p *pier, x P, err error) P {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = x.Shutdown(context.Background()) })
	return x
}

func (p *pier) north() *harbor.North {
	x, err := harbor.StartNorth(p.ctx, harbor.NorthConfig{Node: p.node(), Ship: p.ship()})
	return run(p, x, err)
}

func (p *pier) south() *harbor.South {
	x, err := harbor.StartSouth(p.ctx, harbor.SouthConfig{Node: p.node(), Ship: p.ship()})
	return run(p, x, err)
}

func (p *pier) end(processes ...process) {
	p.t.Helper()
	for _, x := range processes {
		if err := x.Shutdown(p.ctx); err != nil {
			p.t.Error(err)
		}
	}
}

// call has every ship arrive, and leave again if it is to.
func (p *pier) call(ctl *harbor.TowerShip, leave bool) {
	p.t.Helper()
	for i := range ships {
		if err := ctl.Arrive(p.ctx, name(i), &ship.Arrive{From: "sea"}); err != nil {
			p.t.Fatal(err)
		}
		if !leave {
			continue
		}
		if err := ctl.Leave(p.ctx, name(i), &ship.Leave{}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// want is what is noted of all ships in so many calls, after which the last has left or not.
func want(calls int, left bool) map[string]int {
	out := map[string]int{}
	for i := range ships {
		out[name(i)+" is in-port"], out[name(i)+" is at-sea"] = calls, calls
		if left {
			out[name(i)+" is at-sea"]++ // and once at the start
		}
		for call := range calls {
			out[fmt.Sprintf("boarded %s for its call %d", name(i), call+1)] = 1
		}
	}
	return out
}

// TestTwoHosts has three processes that reach each other over TCP, at addresses from the
// environment. The ships are kept in files, which the two of one host share: whoever is
// left goes on with all of them, and so do processes that start anew.
func TestTwoHosts(t *testing.T) {
	p := newPier(t)
	tower, err := harbor.StartTower(p.ctx, harbor.TowerConfig{Node: p.node(), Pilot: p.pilot(), Log: p})
	run(p, tower, err)
	north, south := p.north(), p.south()
	p.call(tower.Ship, true)
	p.has(want(1, true))
	p.end(south)
	p.call(tower.Ship, true)
	p.has(want(2, true))
	p.end(north)
	north, south = p.north(), p.south()
	p.call(tower.Ship, false)
	p.has(want(3, false))
	for i := range ships {
		if r, err := tower.Ship.RequestWhere(p.ctx, name(i), &ship.Where{}); err != nil || r.Calls != 3 {
			t.Errorf("%s: %+v, %v", name(i), r, err)
		}
	}
	p.end(tower, north, south)
}

// TestTogetherAndThenApart has one process go on with what the files of others have, in
// another one's place.
func TestTogetherAndThenApart(t *testing.T) {
	p := newPier(t)
	all, err := harbor.StartAll(p.ctx, harbor.AllConfig{
		North: harbor.NorthConfig{Ship: p.ship()}, South: harbor.SouthConfig{Ship: p.ship()},
		Tower: harbor.TowerConfig{Pilot: p.pilot(), Log: p},
	})
	run(p, all, err)
	p.call(all.Tower.Ship, true)
	p.has(want(1, true))
	p.end(all)
	tower, err := harbor.StartTower(p.ctx, harbor.TowerConfig{Node: p.node(), Pilot: p.pilot(), Log: p})
	run(p, tower, err)
	north := p.north()
	p.call(tower.Ship, true)
	p.has(want(2, true))
	p.end(north, tower)
}

// TestDeferredRequests are answered when their machine has come to them: what releases them
// comes by the same inbox, behind them.
func TestDeferredRequests(t *testing.T) {
	for _, where := range []string{"together", "apart"} {
		t.Run(where, func(t *testing.T) {
			p := newPier(t)
			var tower *harbor.Tower
			if where == "together" {
				all, err := harbor.StartAll(p.ctx, harbor.AllConfig{
					North: harbor.NorthConfig{Ship: p.ship()}, South: harbor.SouthConfig{Ship: p.ship()},
					Tower: harbor.TowerConfig{Pilot: p.pilot(), Log: p},
				})
				run(p, all, err)
				defer p.end(all)
				tower = all.Tower
			} else {
				var err error
				tower, err = harbor.StartTower(p.ctx, harbor.TowerConfig{Node: p.node(), Pilot: p.pilot(), Log: p})
				run(p, tower, err)
				north := p.north()
				defer p.end(tower, north)
			}
			for _, err := range []error{tower.Ship.Arrive(p.ctx, "s", &ship.Arrive{}), tower.Ship.Leave(p.ctx, "s", &ship.Leave{}), tower.Ship.Dock(p.ctx, "s", &ship.Dock{}), tower.Pilot.Nap(p.ctx, &pilot.Nap{})} {
				if err != nil {
					t.Fatal(err)
				}
			}
			answers := make(chan error, 2)
			go func() {
				r, err := tower.Ship.RequestWhere(p.ctx, "s", &ship.Where{})
				if err == nil && r.Calls != 1 {
					err = fmt.Errorf("%+v", r)
				}
				answers <- err
			}()
			go func() {
				_, err := tower.Pilot.RequestAsk(p.ctx, &pilot.Ask{})
				answers <- err
			}()
			p.deferred(2)
			if err := errors.Join(tower.Ship.Leave(p.ctx, "s", &ship.Leave{}), tower.Pilot.Wake(p.ctx, &pilot.Wake{})); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := <-answers; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// deferred waits until so many requests have been deferred.
func (p *pier) deferred(n int) {
	p.t.Helper()
	for n > 0 {
		select {
		case event := <-p.waits:
			if event == "ship where" || event == "pilot ask" {
				n--
			}
		case <-p.ctx.Done():
			p.t.Fatalf("%d requests were not deferred", n)
		}
	}
}

// TestVariables says at once what is missing of the environment.
func TestVariables(t *testing.T) {
	p := newPier(t)
	clear(p.env)
	p.env["TOWER_PORT"] = ""
	_, err := harbor.StartNorth(p.ctx, harbor.NorthConfig{Node: p.node(), Ship: p.ship()})
	for _, name := range []string{"HARBOR_DIR", "NORTH_PORT"} {
		if missing := (&node.VariableError{Variable: name, Transport: "zeromq"}); !says(err, missing) {
			t.Errorf("%v does not say that %s is missing", err, name)
		}
	}
	if says(err, &node.VariableError{Variable: "TOWER_PORT"}) || says(err, &node.VariableError{Variable: "SOUTH_PORT"}) {
		t.Errorf("%v", err)
	}
}

// says reports whether a variable is among those that an error says are missing.
func says(err error, v *node.VariableError) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if says(e, v) {
				return true
			}
		}
		return false
	}
	var missing *node.VariableError
	return errors.As(err, &missing) && missing.Variable == v.Variable
}

// difference are the entries in which two maps differ, with both values.
func difference(got, want map[string]int) map[string][2]int {
	out := map[string][2]int{}
	for k, n := range got {
		if want[k] != n {
			out[k] = [2]int{n, want[k]}
		}
	}
	for k, n := range want {
		if got[k] != n {
			out[k] = [2]int{got[k], n}
		}
	}
	return out
}
