// Package transporttest is the conformance suite that every transport passes, and the
// benchmarks that every transport runs. What a transport does not promise in its
// Guarantees is not run, and the log says so; everything else is demanded of all.
package transporttest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Factory makes a network of its own for one test, with nothing left of others.
// Whatever it needs beside its nodes is ended by tb.Cleanup.
type Factory func(tb testing.TB) Network

// Network is what nodes are connected to.
type Network struct {
	// Node connects one more node, and the suite closes it. The name is the node's
	// identity: after a node has been closed, another one of its name finds the durable
	// queues again. A transport without a network returns the same node each time.
	Node func(name string) transport.Transport
	// Cut, if it is set, breaks all connections that there are, at the latest by the
	// time it returns. The nodes connect again by themselves. Without it the tests of
	// outages are left out.
	Cut func()
	// Latency is how long a message takes from Begin to a receiver that waits for it,
	// at worst and on an idle machine; 0 is a millisecond. What must not happen is
	// waited for by multiples of it.
	Latency time.Duration
}

// patience is how long the suite waits for what must happen. What must not happen is
// waited for only until something else has, except for env's calm.
const patience = 20 * time.Second

// test is a part of the suite.
type test struct {
	name  string
	needs func(promises) bool // nil: demanded of every transport
	run   func(*env)
}

// Run runs the suite. Parts run one after the other, since each counts goroutines and
// descriptors.
func Run(t *testing.T, f Factory) {
	promised := warmUp(t, f)
	for _, p := range parts() {
		if p.needs != nil && !p.needs(promised) {
			t.Logf("%s is not run: the transport does not promise it", p.name)
			continue
		}
		t.Run(p.name, func(t *testing.T) { runOne(t, f, p) })
	}
}

// parts is the whole suite.
func parts() []test {
	return slices.Concat(delivery, patterns, settling, keys, queues, groups, requests, durable, closing, outages, conservation, leaks)
}

// warmUp has a network come and go, for what a process opens with its first connection
// and keeps, like the poller's descriptors, is no leak. It returns what is promised.
func warmUp(t *testing.T, f Factory) (p promises) {
	ran := false
	open := func(t *testing.T) {
		e := open(t, f)
		p, ran = promises{e.promised, e.net.Cut != nil}, true
	}
	t.Run("warm-up", open)
	if !ran { // -run names other parts, which would all be left out
		open(t)
	}
	return p
}

// promises are what a network's transport guarantees, and whether it has connections that
// can be cut.
type promises struct {
	transport.Guarantees
	cuts bool
}

func runOne(t *testing.T, f Factory, p test) {
	before := goleak.IgnoreCurrent()
	files := descriptors()
	t.Run("run", func(t *testing.T) {
		e := open(t, f)
		p.run(e)
	})
	goleak.VerifyNone(t, before)
	var now int
	if !poll(func() bool { now = descriptors(); return now <= files }) {
		t.Errorf("%d descriptors were open before, %d are now", files, now)
	}
}

// descriptors counts the open ones where the system can tell; 0 elsewhere.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// poll waits for a condition; false if it does not come.
func poll(cond func() bool) bool { return pollFor(patience, cond) }

func pollFor(d time.Duration, cond func() bool) bool {
	for end := time.Now().Add(d); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// env is a network with a node that publishes and one that subscribes.
type env struct {
	testing.TB
	ctx      context.Context // ends long after everything should have
	again    func() *env     // another network
	net      Network
	pub, sub transport.Transport
	promised transport.Guarantees
	calm     time.Duration // after which what has not happened does not happen
	backoff  time.Duration // in which other messages come, with room to spare

	mu    sync.Mutex
	next  int // number of the next message
	nodes int
}

func open(tb testing.TB, f Factory) *env {
	e := &env{TB: tb, again: func() *env { return open(tb, f) }}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	tb.Cleanup(cancel)
	e.ctx, e.net = ctx, f(tb)
	e.calm, e.backoff = max(30*time.Millisecond, 3*e.net.Latency), max(60*time.Millisecond, 20*e.net.Latency)
	e.pub, e.sub = e.node(), e.node()
	e.promised = e.sub.Guarantees()
	return e
}

// node connects one more node.
func (e *env) node() transport.Transport {
	e.Helper()
	e.mu.Lock()
	e.nodes++
	name := fmt.Sprint("node", e.nodes)
	e.mu.Unlock()
	return e.named(name)
}

// named connects a node of a name.
func (e *env) named(name string) transport.Transport {
	e.Helper()
	n := e.net.Node(name)
	e.Cleanup(func() { shut(e, n) })
	e.noError(n.Status().Await(e.ctx, transport.Ready), "waiting for %s to be ready", name)
	return n
}

// shut closes a node at the end of a test, whatever is left.
func shut(tb testing.TB, n transport.Transport) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Close(ctx); err != nil && !errors.Is(err, transport.ErrDrainTimeout) {
		tb.Errorf("closing the node: %v", err)
	}
}

// noError ends the test if there is an error.
func (e *env) noError(err error, doing string, args ...any) {
	e.Helper()
	if err != nil {
		e.Fatalf("%s: %v", fmt.Sprintf(doing, args...), err)
	}
}

// want fails unless err wraps target.
func (e *env) want(err, target error, doing string) {
	e.Helper()
	if !errors.Is(err, target) {
		e.Errorf("%s: %v, want %v", doing, err, target)
	}
}

// until waits for a condition, and ends the test if it does not come.
func (e *env) until(cond func() bool, what string, args ...any) {
	e.Helper()
	if !poll(cond) {
		e.Fatalf("it never happened that %s", fmt.Sprintf(what, args...))
	}
}

// message makes a message with a new id.
func (e *env) message(name topic.Name, body string) *transport.Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next++
	return &transport.Message{
		Envelope: transport.Envelope{ID: fmt.Sprintf("id-%d", e.next), Topic: name}, Body: []byte(body),
	}
}

// publish publishes bodies on a topic, in order, and waits for all.
func (e *env) publish(name topic.Name, bodies ...string) {
	e.Helper()
	for _, b := range bodies {
		e.noError(transport.Publish(e.ctx, e.pub, e.message(name, b)), "publishing %q on %s", b, name)
	}
}

// subscribe subscribes on the subscribing node.
func (e *env) subscribe(r transport.SubscribeRequest) transport.Subscription {
	e.Helper()
	s, err := e.sub.Subscribe(e.ctx, r)
	e.noError(err, "subscribing to %v", r.Patterns)
	return s
}

// hear subscribes to a pattern with a profile.
func (e *env) hear(p topic.Pattern, profile transport.Profile, r transport.Receiver) transport.Subscription {
	e.Helper()
	return e.subscribe(transport.SubscribeRequest{Patterns: []topic.Pattern{p}, Profile: profile, Receive: r})
}

// inbox keeps what it receives.
type inbox struct {
	mu  sync.Mutex
	got []*transport.Message
}

// Receive keeps a message and settles it.
func (b *inbox) Receive(_ context.Context, d *transport.Delivery) {
	b.keep(d)
	_ = d.Settle(nil)
}

func (b *inbox) keep(d *transport.Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, d.Clone())
}

func (b *inbox) messages() []*transport.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*transport.Message(nil), b.got...)
}

// bodies are those of the messages so far.
func (b *inbox) bodies() []string {
	var out []string
	for _, m := range b.messages() {
		out = append(out, string(m.Body))
	}
	return out
}

// wait waits for n messages.
func (b *inbox) wait(e *env, n int) []*transport.Message {
	e.Helper()
	e.until(func() bool { return len(b.messages()) >= n }, "%d messages came; there are %d", n, len(b.messages()))
	return b.messages()
}

// gate is a receiver that keeps deliveries unsettled until it is told.
type gate struct {
	inbox
	held chan *transport.Delivery
}

func newGate() *gate { return &gate{held: make(chan *transport.Delivery, 10_000)} }

// Receive keeps the delivery.
func (g *gate) Receive(_ context.Context, d *transport.Delivery) {
	g.keep(d)
	g.held <- d
}

// take waits for the next unsettled delivery.
func (g *gate) take(e *env) *transport.Delivery {
	e.Helper()
	select {
	case d := <-g.held:
		return d
	case <-time.After(patience):
		e.Fatal("no delivery came")
		return nil
	}
}

// settle settles n deliveries with nil, in the order in which they came.
func (g *gate) settle(e *env, n int) {
	e.Helper()
	for range n {
		e.noError(g.take(e).Settle(nil), "settling")
	}
}

// settled waits until a subscription has accepted n messages and nothing of it is under
// way, and checks its balance.
func (e *env) settled(s transport.Subscription, n uint64) transport.Stats {
	e.Helper()
	return e.sum(n, s)
}

// queued waits until a subscription has n messages, as far as one can see that.
func (e *env) queued(s transport.Subscription, n uint64) {
	e.Helper()
	if e.promised.Overflow {
		e.until(func() bool { return s.Stats().Accepted == n }, "%d messages were queued", n)
	}
}

// sum is settled for all members of a group: what they have accepted together.
func (e *env) sum(n uint64, members ...transport.Subscription) transport.Stats {
	e.Helper()
	var all transport.Stats
	e.until(func() bool {
		all = transport.Stats{}
		for _, m := range members {
			all.Add(m.Stats())
		}
		return all.Accepted >= n && all.Waiting == 0 && all.InFlight == 0
	}, "%d messages were accepted and settled: %+v", n, &all)
	for _, m := range members {
		if st := m.Stats(); st.Balance() != 0 {
			e.Errorf("the counts do not add up: %d, %+v", st.Balance(), st)
		}
	}
	if all.Accepted != n {
		e.Errorf("%d messages were accepted, not %d: %+v", all.Accepted, n, all)
	}
	return all
}
