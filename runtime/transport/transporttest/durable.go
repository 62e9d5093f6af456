package transporttest

import (
	"fmt"
	"slices"

	"github.com/xsgen/xsgen/runtime/transport"
)

func lasts(g promises) bool { return g.Durable }

var durable = []test{
	{"durable-queue", lasts, durableQueue},
	{"durable-close", lasts, durableClose},
}

// lasting is a durable subscription of a name.
func lasting(r transport.Receiver) transport.SubscribeRequest {
	return transport.SubscribeRequest{
		Name: "jobs", Patterns: patternsOf("event.#"), Profile: transport.Profile{Durable: transport.DurableRequired}, Receive: r,
	}
}

// keep publishes durable messages.
func (e *env) keep(bodies ...string) {
	e.Helper()
	for _, b := range bodies {
		m := e.message("event.a", b)
		m.Profile = &transport.Profile{Durable: transport.DurableRequired}
		e.noError(transport.Publish(e.ctx, e.pub, m), "publishing %q", b)
	}
}

// durableQueue has a node end, and another one of its name get what came meanwhile.
func durableQueue(e *env) {
	var b inbox
	n := e.named("worker")
	_, err := n.Subscribe(e.ctx, lasting(b.Receive))
	e.noError(err, "subscribing")
	e.keep("1")
	b.wait(e, 1)
	e.noError(n.Close(e.ctx), "closing the node")
	e.keep("2", "3")
	n = e.named("worker")
	s, err := n.Subscribe(e.ctx, lasting(b.Receive))
	e.noError(err, "subscribing again")
	e.keep("4")
	b.wait(e, 4)
	if got := b.bodies(); !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		e.Errorf("%q", got)
	}
	e.settled(s, 3)
}

// durableClose has a subscription close with messages that its receiver has not seen:
// they stay where they are, for the next one of its name.
func durableClose(e *env) {
	const n = 10
	g := newGate()
	s := e.subscribe(lasting(g.Receive))
	for i := range n {
		e.keep(fmt.Sprint(i))
	}
	d := g.take(e)
	closed := make(chan error)
	go func() { closed <- s.Close(e.ctx) }()
	e.until(func() bool { st := s.Stats(); return st.Waiting == 0 && st.InFlight == 1 }, "only what the receiver has is left")
	e.noError(d.Settle(nil), "settling")
	e.noError(<-closed, "closing")
	if st := s.Stats(); st.Handled != 1 || st.Left != 0 || st.Balance() != 0 {
		e.Errorf("%+v", st)
	}
	var b inbox
	e.subscribe(lasting(b.Receive))
	b.wait(e, n-1)
	if got := append(g.bodies(), b.bodies()...); !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
		e.Errorf("%q", got)
	}
}
