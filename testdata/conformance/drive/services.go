package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// patience is how long a script waits for a service, or for what it leads to.
const patience = 10 * time.Second

// call is a service that runs.
type call struct {
	ctx    context.Context
	answer chan string
}

// calls are the last calls of services, by name.
type calls struct {
	mu   sync.Mutex
	last map[string]call
}

func (c *calls) add(name string, one call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = map[string]call{}
	}
	c.last[name] = one
}

// forget forgets calls that are over.
func (c *calls) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = nil
}

// take waits until the service has been called and takes the call, which is answered
// once.
func (c *calls) take(name string) (call, error) {
	one, err := c.await(name)
	if err == nil {
		c.mu.Lock()
		delete(c.last, name)
		c.mu.Unlock()
	}
	return one, err
}

// await waits until the service has been called.
func (c *calls) await(name string) (call, error) {
	var found call
	err := eventually(func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		var ok bool
		found, ok = c.last[name]
		return ok
	})
	if err != nil {
		return call{}, fmt.Errorf("the service %s does not run", name)
	}
	return found, nil
}

func (c *calls) awaitCancel(name string) error {
	one, err := c.await(name)
	if err != nil {
		return err
	}
	select {
	case <-one.ctx.Done():
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the service %s still runs", name)
	}
}

// eventually waits until a condition holds.
func eventually(holds func() bool) error {
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			return errors.New("it took too long")
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// Service is a service in Go: it runs until the script makes it return, or it is
// cancelled.
func (d *Driver) Service(ctx context.Context, name string, out any) error {
	one := call{ctx, make(chan string, 1)}
	d.calls.add(d.called(name), one)
	select {
	case text := <-one.answer:
		if !strings.HasPrefix(text, "{") {
			return errors.New(text)
		}
		return json.Unmarshal([]byte(text), out)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serve makes a service return, and waits for the step that follows.
func (d *Driver) serve(name, answer string) error {
	one, err := d.calls.take(name)
	if err != nil {
		return err
	}
	active, told := d.actives(), d.told()
	one.answer <- answer
	err = eventually(func() bool { return d.told() > told || d.actives() != active })
	d.settle()
	return err
}

// told is how much has been observed.
func (d *Driver) told() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.notes)
}
