package ledger

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

// childDir is set in the environment of the process that is killed.
const childDir = "XSGEN_LEDGER_DIR"

// child runs a host over a FileStore. It reads events from its standard input, one
// a line, and writes what is acknowledged and what is emitted to its output, each
// line at once.
type child struct {
	host *Host
	mu   sync.Mutex
	keys map[string]chan []string
	work sync.WaitGroup
}

// childMain is the process, if this is it.
func childMain() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	if err := (&child{keys: map[string]chan []string{}}).run(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func (c *child) say(format string, args ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := fmt.Fprintf(os.Stdout, format+"\n", args...)
	return err
}

func (c *child) run(dir string) error {
	ctx := context.Background()
	store, err := machine.NewFileStore(dir)
	if err != nil {
		return err
	}
	b := bus.New()
	if _, err := bus.SubscribeAny(b, "#", c.heard); err != nil {
		return err
	}
	c.host = NewHost(func(key string) *Machine { return New(key, c) }, machine.WithStore(store), machine.WithMax(3))
	if err := c.host.Bind(b, Roles{Auditor: c}); err != nil {
		return err
	}
	if err := c.host.Open(ctx); err != nil {
		return err
	}
	c.read(ctx)
	for key := range c.keys {
		if key[0] == 'm' { // it is closed
			continue
		}
		sum, err := c.host.RequestSum(ctx, key, &Sum{})
		if err != nil {
			return err
		}
		if err := c.say("sum %s %d %d", key, sum.Seq, sum.Total); err != nil {
			return err
		}
	}
	return c.host.Close(ctx)
}

// heard writes what is published: the kind, the key, the id, and the rest.
func (c *child) heard(_ context.Context, e *bus.AnyEvent) error {
	switch v := e.Value().(type) {
	case *Added:
		return c.say("emit %s %s %d %d", e.Key(), e.ID(), v.Seq, v.Total)
	case *Dozed:
		return c.say("dozed %s %s %d", e.Key(), e.ID(), v.Seq)
	case *Reviewed:
		return c.say("reviewed %s %s %s", e.Key(), e.ID(), v.Verdict)
	case *StateChanged:
		return c.say("state %s %s %d %s", e.Key(), e.ID(), v.Seq, v.State)
	}
	return c.say("other %s %s %s", e.Key(), e.ID(), e.Topic())
}

// Closed plays the role.
func (c *child) Closed(ctx context.Context, key string, e *AuditorClosed) error {
	return c.say("closed %s %s %d", key, machine.EventID(ctx), e.Total)
}

// Check is the service.
func (c *child) Check(ctx context.Context, in CheckInput) (CheckOutput, error) {
	select {
	case <-time.After(time.Duration(in.Total%5) * time.Millisecond):
	case <-ctx.Done():
	}
	return CheckOutput{Verdict: "fine"}, ctx.Err()
}

// event is one of a kind.
func event(kind string, n int64) ExternalEvent {
	switch kind {
	case "again":
		return &Again{N: n}
	case "pause":
		return &Pause{}
	case "resume":
		return &Resume{}
	case "review":
		return &Review{}
	case "remind":
		return &Remind{In: time.Duration(1+n%40) * time.Millisecond}
	case "close":
		return &Close{}
	}
	return &Add{N: n}
}

// read delivers the events of the input: those of one key in order, keys beside one
// another.
func (c *child) read(ctx context.Context) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		queue := c.keys[words[0]]
		if queue == nil {
			queue = make(chan []string, 10_000)
			c.keys[words[0]] = queue
			c.work.Go(func() {
				for words := range queue {
					c.deliver(ctx, words)
				}
			})
		}
		queue <- words
	}
	for _, queue := range c.keys {
		close(queue)
	}
	c.work.Wait()
}

func (c *child) deliver(ctx context.Context, words []string) {
	var n int64
	_, err := fmt.Sscan(words[3], &n)
	if err == nil {
		err = c.host.Deliver(ctx, words[0], words[1], event(words[2], n))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, words, err)
		return
	}
	_ = c.say("ack %s %s", words[0], words[1]) // the parent notices
	if n%4 == 0 {
		if sum, err := c.host.RequestSum(ctx, words[0], &Sum{}); err == nil { // nothing takes it while paused
			_ = c.say("reply %s %d %d", words[0], sum.Seq, sum.Total)
		}
	}
}
