package drive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

// Child is the driver of a machine that is invoked, by its id, and the options to make
// it with. An error says that the script wants it not to be made.
func (d *Driver) Child(id string) (*Driver, []machine.Option, error) {
	of := &Driver{stage: d.stage, who: id}
	if err := (&Driver{stage: d.stage}).failure(id); err != nil {
		return nil, nil, err
	}
	return of, of.options(), nil
}

// Made notes that an invoked machine has been made.
func (d *Driver) Made(m Machine) error {
	d.mu.Lock()
	d.invoked[d.who] = m
	d.mu.Unlock()
	if d.bus == nil {
		return nil
	}
	return m.Bind(d.bus)
}

// called is what a script calls a guard, an action, a role or a service.
func (d *Driver) called(name string) string {
	if d.who == "" {
		return name
	}
	return d.who + "." + name
}

// child is an invoked machine that a script talks to.
type child struct {
	d  *Driver
	id string
	m  Machine
}

func (c *child) do(verb, _, name, data string) error {
	ctx := context.Background()
	data = cmp.Or(data, "{}")
	switch verb {
	case "send":
		return c.m.Send(ctx, name, []byte(data))
	case "request":
		return c.d.request(c.m, name, data)
	case "stop":
		return c.m.Stop(ctx)
	case "active":
		c.d.note("%s = %s", c.id, strings.Join(c.m.Active(), " "))
		return nil
	}
	return fmt.Errorf("no command %q for an invoked machine", verb)
}

// stopped takes a snapshot of the machine that there is, and stops it.
func (d *Driver) stopped(ctx context.Context) ([]byte, error) {
	data, err := d.m.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return data, d.m.Stop(ctx)
}

// replace goes on with a new machine after a while, which is made of what end has left
// of the one that there is.
func (d *Driver) replace(ctx context.Context, end func(context.Context) ([]byte, error), while time.Duration) error {
	data, err := end(ctx)
	if err != nil {
		return err
	}
	d.clock.Advance(while)
	d.calls.forget()
	if err := d.make(); err != nil {
		return err
	}
	return d.m.Restore(ctx, data)
}

// restoreIfWanted replaces a machine that has a snapshot, between commands.
func (d *Driver) restoreIfWanted() {
	end := d.stopped
	switch {
	case d.seen["suspended"]:
		end = d.m.Suspend
	case !d.seen["restored"]:
		return
	}
	err := d.replace(context.Background(), end, 0)
	if err != nil && !errors.Is(err, machine.ErrNotStarted) && !errors.Is(err, machine.ErrStopped) {
		d.note("error %v", err)
	}
}

// seq is the number of a state change, if that is wanted.
func (d *Driver) seq(e *bus.AnyEvent) string {
	if !d.seen["seq"] || !strings.HasPrefix(string(e.Topic()), "state.") {
		return ""
	}
	var change struct{ Seq uint64 }
	data, err := json.Marshal(e.Value())
	if err == nil {
		err = json.Unmarshal(data, &change)
	}
	if err != nil {
		return " " + err.Error()
	}
	return fmt.Sprintf(" seq %d", change.Seq)
}

// actives are the active leaves of all machines, in no order that means anything.
func (d *Driver) actives() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.m.Active(), d.invokedActives())
}

func (d *Driver) invokedActives() map[string][]string {
	out := map[string][]string{}
	for id, m := range d.invoked {
		out[id] = m.Active()
	}
	return out
}

// settle waits for the steps that are running.
func (d *Driver) settle() {
	d.m.Settle()
	d.mu.Lock()
	list := make([]Machine, 0, len(d.invoked))
	for _, m := range d.invoked {
		list = append(list, m)
	}
	d.mu.Unlock()
	for _, m := range list {
		m.Settle()
	}
	d.m.Settle()
}
