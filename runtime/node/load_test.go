package node_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// flaky fails for a third of the events the first time that it gets them.
type flaky struct {
	heard
	failed map[string]bool
}

func (f *flaky) take(_ context.Context, e *bus.AnyEvent) error {
	s := e.Key() + " " + text(e)
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = map[string]bool{}
	}
	if h.Sum32()%3 == 0 && !f.failed[s] {
		f.failed[s] = true
		return errNo
	}
	f.list = append(f.list, s)
	return nil
}

// TestNothingIsLostUnderLoad has three nodes publish at once, by two transports, one of which
// refuses now and then: by its retries each event gets once to whoever hears it: in each
// process, in one of a group's, and with its key's order.
func TestNothingIsLostUnderLoad(t *testing.T) {
	const publishers, keys, events = 3, 10, 60
	profile := transport.Profile{Capacity: 32, Concurrency: 3, Order: transport.OrderKey, DedupWindow: 1 << 16, Retry: transport.Retry{Attempts: 5, Initial: time.Millisecond}}
	inNetwork(t, func(t *testing.T, w *network) {
		var each [publishers]flaky
		var group flaky
		var nodes []*node.Node
		for i := range publishers {
			via := []string{"x", "y"}[i%2]
			n := node.New(w.plan(fmt.Sprintf("n%d", i), []string{"x", "y"}, node.Outgoing{Pattern: "emit.cell.#", Via: "x"}, node.Outgoing{Pattern: "emit.cell.#", Via: "y"}), node.Config{OnError: func(error) {}})
			n.AddMachine(machineOf("bob",
				node.Inbox{Name: "bob", Profile: profile, Routes: []node.Route{{Pattern: "emit.cell.#", Local: true, Via: []string{via}, Take: each[i].take}}},
				node.Inbox{Name: "bob.team", Profile: profile, Group: "team", Policy: transport.Sticky, Routes: []node.Route{{Pattern: "emit.cell.#", Via: []string{"y"}, Take: group.take}}}))
			nodes = append(nodes, started(t, n))
			calls := 0
			w.port("x", fmt.Sprintf("n%d", i)).hold(func(context.Context, *transport.Message) error {
				if calls++; calls%5 == 0 { // the node takes turns
					return transport.ErrFull
				}
				return nil
			})
		}
		var all sync.WaitGroup
		for i, n := range nodes {
			p, err := bus.NewKeyedPublisher[said](n.Bus(), topic.MustFamily("emit.cell", "split"))
			if err != nil {
				t.Fatal(err)
			}
			for k := range keys {
				all.Go(func() {
					for e := range uint64(events) {
						again(t, p, fmt.Sprintf("k%d", k), &said{From: fmt.Sprint(i, "-"), N: e})
					}
				})
			}
		}
		all.Wait()
		synctest.Wait()
		time.Sleep(time.Minute)
		for _, n := range nodes {
			shut(t, n)
		}
		for i := range each {
			each[i].complete(t, fmt.Sprintf("node %d", i), publishers, keys, events)
		}
		group.complete(t, "the group", publishers, keys, events)
		for i := range nodes {
			for _, name := range []string{"x", "y"} {
				if s := w.port(name, fmt.Sprintf("n%d", i)).stats(); s.Balance() != 0 || s.Dead+s.Dropped+s.Left != 0 {
					t.Errorf("node %d, %s: %+v", i, name, s)
				}
			}
		}
	})
}

// again publishes until that succeeds, each time under the same id.
func again(t *testing.T, p *bus.KeyedPublisher[said], key string, e *said) {
	for {
		err := p.PublishAs(t.Context(), fmt.Sprintf("%s/%v", key, e), key, e)
		if err == nil {
			return
		}
		if pe, ok := errors.AsType[*transport.PublishError](err); !ok || !pe.Retryable() {
			t.Errorf("%v", err)
			return
		}
	}
}

// complete has everything be there once, and what one publisher has said of one key in order.
func (f *flaky) complete(t *testing.T, who string, publishers, keys, events int) {
	t.Helper()
	seen := map[string]int{}
	for _, s := range f.all() {
		var key, from string
		var n int
		if _, err := fmt.Sscanf(s, "%s %1s-%d", &key, &from, &n); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if next := seen[key+from]; n != next {
			t.Errorf("%s: %s comes when %d was next", who, s, next)
		}
		seen[key+from] = n + 1
	}
	if len(seen) != publishers*keys {
		t.Errorf("%s has heard %d of %d", who, len(seen), publishers*keys)
	}
	for k, n := range seen {
		if n != events {
			t.Errorf("%s has heard %d of %s", who, n, k)
		}
	}
}
