package node

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Shutdown ends the node: nothing more comes in, what has come is handled and what it leads
// to as well, the machines are closed, then transports, which send what they still have, and
// the bus. If ctx ends before, the rest is given up and the error is a
// *transport.DrainError that says how much it was, perhaps joined with others. It may be
// called from any goroutine, several times, and while the node is being started, which it
// ends; every call returns when the node has ended. From within something that it would wait
// for, such as a handler, a step of a machine, or OnError, it begins and returns nil: only
// ctx's deadline counts then.
//
// Sends of the node's code are transport.ErrClosed from then on. What is published on the bus
// past that is waited for as well, as long as ctx lasts.
func (n *Node) Shutdown(ctx context.Context) error {
	n.ready.Store(false)
	return n.life.shutdown(ctx, n.bus, func(ctx context.Context) error {
		b := n.bus
		if n.together != nil {
			b = nil // it is the others' as well
		}
		return shutAll(ctx, []*Node{n}, b)
	})
}

// shutAll ends nodes that share a bus, and the bus, unless it is nil.
func shutAll(ctx context.Context, nodes []*Node, b *bus.Bus) error {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	for _, n := range nodes {
		n.ready.Store(false) // a start may have ended meanwhile
	}
	all(nodes, func(n *Node) error { return n.closeIntake(ctx) }, note)
	for _, n := range nodes {
		n.closed.Store(true)
	}
	quiet(ctx, nodes)
	for _, n := range nodes {
		n.shutGates()
	}
	all(nodes, func(n *Node) error { return n.closeMachines(ctx) }, note)
	for _, n := range nodes {
		for _, x := range n.inboxes {
			note(x.end(ctx))
		}
	}
	quiet(ctx, nodes) // what the machines have said last
	all(nodes, func(n *Node) error { return n.closeRest(ctx) }, note)
	if b != nil {
		note(b.Close(ctx))
	}
	return transport.JoinDrained(errs)
}

// all calls f for all nodes at once.
func all[T any](list []T, f func(T) error, note func(error)) {
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, v := range list {
		wg.Go(func() { errs[i] = f(v) })
	}
	wg.Wait()
	for _, err := range errs {
		note(err)
	}
}

// closeIntake ends what comes from other processes: what has come is handled.
func (n *Node) closeIntake(ctx context.Context) error {
	var errs []error
	all(n.ears(), func(x *ear) error { return x.hush(ctx) }, func(err error) { errs = append(errs, err) })
	return transport.JoinDrained(errs)
}

func (n *Node) shutGates() {
	for _, m := range n.machines {
		m.gate.shut()
		n.gated(m)
	}
}

// closeMachines closes the machines that were opened, the last one first.
func (n *Node) closeMachines(ctx context.Context) error {
	var errs []error
	for _, m := range slices.Backward(n.machines) {
		if !m.opened || m.Close == nil {
			continue
		}
		m.opened = false
		if err := m.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("node: the machine %s: %w", m.ID, err))
		}
	}
	return transport.JoinDrained(errs)
}

// closeRest closes the subscriptions, those to errors last, and then the transports.
func (n *Node) closeRest(ctx context.Context) error {
	var errs []error
	for _, errorTopics := range []bool{false, true} {
		for _, x := range n.subscriptions {
			if x.hearsErrors() == errorTopics {
				errs = append(errs, x.end(ctx))
			}
		}
	}
	all(n.links, func(l *link) error { return l.t.Close(ctx) }, func(err error) { errs = append(errs, err) })
	for _, l := range n.links {
		l.unwatch()
	}
	if n.out != nil {
		errs = append(errs, n.out.Close(ctx))
	}
	return transport.JoinDrained(errs)
}

// quiet waits until nothing is under way on the bus, or ctx ends.
func quiet(ctx context.Context, nodes []*Node) {
	wait := 100 * time.Microsecond
	for !calm(nodes) {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		wait = min(2*wait, maxPoll)
	}
}

// maxPoll is how often a node that shuts down looks whether everything was handled.
const maxPoll = 5 * time.Millisecond

// calm reports whether nobody sends, and nothing waits or is being handled. An event that
// leads to another is not done before that has been accepted: so if nothing was accepted
// between two looks at all queues, none has been missed.
func calm(nodes []*Node) bool {
	before, idle := look(nodes)
	if !idle {
		return false
	}
	after, idle := look(nodes)
	return idle && before == after
}

// look returns how many events all queues have accepted, and whether they are empty.
func look(nodes []*Node) (accepted uint64, idle bool) {
	for _, n := range nodes {
		if n.sending.Load() > 0 {
			return 0, false
		}
		for _, x := range n.ears() {
			if x.sub == nil {
				continue
			}
			s := x.sub.Stats()
			accepted += s.Accepted
			if s.Waiting+s.InFlight > 0 {
				return 0, false
			}
		}
	}
	return accepted, true
}

// abortTimeout is how long what a failed start has opened is waited for.
const abortTimeout = 5 * time.Second

// abort closes what a start has opened that has failed. What has come is given back, or
// lost with the process.
func abort(nodes []*Node, b *bus.Bus) {
	ctx, cancel := context.WithTimeout(context.Background(), abortTimeout)
	defer cancel()
	ignore := func(error) {} // the start's error is told
	for _, n := range nodes {
		n.closed.Store(true)
		n.shutGates()
		for _, x := range n.ears() {
			_ = x.hush(over)
		}
		_ = n.closeMachines(ctx)
		for _, x := range n.inboxes {
			_ = x.end(ctx)
		}
	}
	all(nodes, func(n *Node) error { return n.closeRest(ctx) }, ignore)
	_ = b.Close(ctx)
	for _, n := range nodes {
		n.inboxes, n.subscriptions, n.links, n.out = nil, nil, nil, nil
	}
}
