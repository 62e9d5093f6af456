package desk

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
	"github.com/xsgen/xsgen/testdata/golden/errand"
	"github.com/xsgen/xsgen/testdata/golden/helper"
)

// processDir is set in the environment of the process that is killed.
const processDir = "XSGEN_DESK_DIR"

// process runs a host over a FileStore. It reads events from its standard input, one a
// line, and writes what is acknowledged and what is published to its output.
type process struct {
	host *Host
	bus  *bus.Bus
	mu   sync.Mutex
}

// isProcess runs the process, if this is it.
func isProcess() bool {
	dir := os.Getenv(processDir)
	if dir == "" {
		return false
	}
	if err := (&process{bus: bus.New()}).run(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func (p *process) say(format string, args ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := fmt.Fprintf(os.Stdout, format+"\n", args...)
	return err
}

func (p *process) run(ctx context.Context, dir string) error {
	store, err := machine.NewFileStore(dir)
	if err != nil {
		return err
	}
	if _, err := bus.SubscribeAny(p.bus, "#", p.heard); err != nil {
		return err
	}
	p.host = NewHost(func(key string) *Machine { return New(key, p) }, machine.WithStore(store), machine.WithMax(3))
	if err := p.host.Bind(p.bus); err != nil {
		return err
	}
	if err := p.host.Open(ctx); err != nil {
		return err
	}
	p.read(ctx)
	return p.host.Close(ctx)
}

// heard writes what is published: the id, the kind, and the number in it.
func (p *process) heard(_ context.Context, e *bus.AnyEvent) error {
	switch v := e.Value().(type) {
	case *errand.Worked:
		return p.say("heard %s worked %d", e.ID(), v.N)
	case *helper.Counted:
		return p.say("heard %s counted %d", e.ID(), v.N)
	case *Heard:
		return p.say("heard %s told %d", e.ID(), v.N)
	case *Ended:
		return p.say("heard %s ended %d", e.ID(), v.N)
	case *errand.StateChanged:
		return p.say("heard %s %s %d", e.ID(), v.State, v.Seq)
	case *helper.StateChanged:
		return p.say("heard %s %s %d", e.ID(), v.State, v.Seq)
	case *StateChanged:
		return p.say("heard %s %s %d", e.ID(), v.State, v.Seq)
	}
	return p.say("heard %s failure 0", e.ID())
}

// Errand implements Children.
func (p *process) Errand(in errand.Input) (*errand.Machine, error) {
	m := errand.New(p, p, in)
	return m, m.Bind(p.bus)
}

// Helper implements errand.Children.
func (p *process) Helper(in helper.Input) (*helper.Machine, error) {
	m := helper.New(in)
	return m, m.Bind(p.bus)
}

// Lookup implements errand.Services. What it finds is told from what is worked.
func (p *process) Lookup(ctx context.Context, in errand.LookupInput) (errand.LookupOutput, error) {
	select {
	case <-time.After(time.Duration(in.N%5) * time.Millisecond):
	case <-ctx.Done():
	}
	return errand.LookupOutput{Found: -1}, ctx.Err()
}

// read delivers the events of the input: those of one key in order, keys beside one
// another.
func (p *process) read(ctx context.Context) {
	var work sync.WaitGroup
	keys := map[string]chan []string{}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		queue := keys[words[0]]
		if queue == nil {
			queue = make(chan []string, 10_000)
			keys[words[0]] = queue
			work.Go(func() {
				for words := range queue {
					p.deliver(ctx, words)
				}
			})
		}
		queue <- words
	}
	for _, queue := range keys {
		close(queue)
	}
	work.Wait()
}

func (p *process) deliver(ctx context.Context, words []string) {
	var n int64
	_, err := fmt.Sscan(words[3], &n)
	if err == nil {
		err = p.host.Deliver(ctx, words[0], words[1], map[string]ExternalEvent{
			"begin": &Begin{N: n}, "work": &Work{N: n}, "look": &Look{}, "finish": &Finish{},
		}[words[2]])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, words, err)
		return
	}
	_ = p.say("ack %s", words[0]) // who reads it notices
}
