package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/testdata/golden/ledger"
)

// ledgerTypes are the events of the generated machine that the tests need.
var ledgerTypes = []node.Type{
	{Pattern: ledger.TopicEventAdd.Pattern(), Name: "Add", Decode: node.Decode[ledger.Add]},
	{Pattern: ledger.TopicEventSum.Pattern(), Name: "Sum", Decode: node.Decode[ledger.Sum]},
	{Pattern: ledger.TopicEmitAdded.Pattern(), Name: "Added", Decode: node.Decode[ledger.Added]},
}

// bank is processes that share a keyed machine, its instances in one store.
type bank struct {
	w     *network
	store *contested
}

// contested is a store in which now and then somebody else has saved meanwhile.
type contested struct {
	*machine.MemoryStore
	mu        sync.Mutex
	saves     int
	conflicts int
}

// Save implements machine.Store.
func (s *contested) Save(ctx context.Context, key string, previous uint64, r *machine.Record) error {
	s.mu.Lock()
	s.saves++
	again := s.saves%7 == 0
	s.mu.Unlock()
	var err error
	if again {
		err = s.overtaken(ctx, key, previous)
	}
	if err == nil {
		err = s.MemoryStore.Save(ctx, key, previous, r)
	}
	if errors.Is(err, machine.ErrConflict) {
		s.mu.Lock()
		s.conflicts++
		s.mu.Unlock()
	}
	return err
}

// overtaken saves the instance as it is.
func (s *contested) overtaken(ctx context.Context, key string, previous uint64) error {
	r, err := s.Load(ctx, key)
	if errors.Is(err, machine.ErrNotFound) {
		return nil
	}
	if err == nil {
		r.Revision++
		err = s.MemoryStore.Save(ctx, key, r.Revision-1, r)
	}
	if err == nil && previous != r.Revision {
		err = machine.ErrConflict
	}
	return err
}

// join starts one more process.
func (b *bank) join(t *testing.T, replica int) *node.Node {
	t.Helper()
	p := b.w.plan("bank", []string{"x"}, node.Outgoing{Pattern: ledger.PatternEmits, Via: "x"})
	p.Types = ledgerTypes
	n := node.New(p, node.Config{Replica: replica, OnError: func(err error) { t.Errorf("replica %d: %v", replica, err) }})
	h := ledger.NewHost(func(key string) *ledger.Machine { return ledger.New(key, nil) }, machine.WithStore(b.store))
	n.AddMachine(node.Machine{
		ID: "ledger", Connect: func(b *bus.Bus) error { return h.Connect(b, ledger.Roles{}) }, Open: h.Open, Close: h.Close,
		Inboxes: []node.Inbox{{
			Name: "ledger", Group: "ledger", Policy: transport.Sticky,
			Profile: transport.Profile{Order: transport.OrderKey, Concurrency: 4, Retry: transport.Retry{Attempts: 10, Initial: time.Millisecond}},
			Routes: []node.Route{{Pattern: ledger.PatternEvents, Via: []string{"x"}, Take: func(ctx context.Context, e *bus.AnyEvent) error {
				ev, _ := e.Value().(ledger.ExternalEvent)
				return h.Take(ctx, e, e.Key(), ev)
			}}},
		}},
	})
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAKeyedMachineInSeveralProcesses has processes come and go while its instances are at
// work, and others save them: each instance takes each of its events once, and in order.
func TestAKeyedMachineInSeveralProcesses(t *testing.T) {
	const keys, events = 20, 40
	inNetwork(t, func(t *testing.T, w *network) {
		b := &bank{w, &contested{MemoryStore: machine.NewMemoryStore()}}
		nodes := []*node.Node{b.join(t, 0), b.join(t, 1)}
		p := w.plan("shop", []string{"x"}, node.Outgoing{Pattern: ledger.PatternEvents, Via: "x"})
		p.Types = ledgerTypes
		shop := node.New(p, node.Config{})
		var added heard
		shop.AddSubscription(node.Subscription{Name: "added", Profile: transport.Profile{DedupWindow: 100_000}, Routes: []node.Route{{
			Pattern: ledger.PatternEmits, Via: []string{"x"}, Take: func(_ context.Context, e *bus.AnyEvent) error {
				a := e.Value().(*ledger.Added)
				added.note(fmt.Sprintf("%s %d %d", e.Key(), a.Seq, a.Total))
				return nil
			}}}})
		started(t, shop)
		add, err := node.NewKeyedSender[ledger.Add](shop, ledger.TopicEventAdd)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for k := range keys {
			all.Go(func() {
				for i := range events {
					if err := add.Send(t.Context(), fmt.Sprintf("k%d", k), &ledger.Add{N: int64(i + 1)}); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		time.Sleep(10 * time.Millisecond)
		nodes = append(nodes, b.join(t, 2))
		time.Sleep(10 * time.Millisecond)
		shut(t, nodes[0])
		nodes[0] = b.join(t, 0)
		time.Sleep(10 * time.Millisecond)
		shut(t, nodes[1])
		all.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		var want []string
		for k := range keys {
			total := 0
			for i := range events {
				total += i + 1
				want = append(want, fmt.Sprintf("k%d %d %d", k, i+1, total))
			}
		}
		added.expectAnyOrder(t, "the shop", want...)
		if b.store.conflicts == 0 {
			t.Error("nobody else has saved an instance")
		}
		b.sums(t, shop, keys, events)
		shut(t, nodes[0])
		shut(t, nodes[2])
	})
}

// sums asks the instances for what they have.
func (b *bank) sums(t *testing.T, shop *node.Node, keys, events int) {
	t.Helper()
	sum, err := node.NewKeyedRequester[ledger.Sum, ledger.SumReply](shop, ledger.TopicEventSum, "x", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for k := range keys {
		got, err := sum.Request(t.Context(), fmt.Sprintf("k%d", k), &ledger.Sum{})
		if err != nil || got.Seq != int64(events) || got.Total != int64(events*(events+1)/2) {
			t.Errorf("k%d: %+v, %v", k, got, err)
		}
	}
}
