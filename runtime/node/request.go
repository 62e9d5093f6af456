package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Requester asks, for the code of a node, whoever answers the requests of a topic. It is
// safe for concurrent use.
type Requester[Req, Rep any] struct {
	asker[Rep]
	name  topic.Name
	local *bus.Publisher[Req] // nil if it asks by a transport
}

// KeyedRequester is a Requester for a family of topics.
type KeyedRequester[Req, Rep any] struct {
	asker[Rep]
	family topic.Family
	local  *bus.KeyedPublisher[Req]
}

// NewRequester returns a requester. With via it asks by the transport of that name, which
// the node's plan has, and needs types with AppendMsgpack and UnmarshalMsgpack; with none it
// asks on the bus, as it does where all nodes are in one process. A request without a reply
// after timeout is given up; 0 leaves that to ctx.
func NewRequester[Req, Rep any](n *Node, t topic.Name, via string, timeout time.Duration) (*Requester[Req, Rep], error) {
	r := &Requester[Req, Rep]{asker: asker[Rep]{n, via, timeout}, name: t}
	if n.asksLocally(via) {
		var err error
		r.local, err = bus.NewPublisher[Req](n.bus, t)
		return r, err
	}
	return r, r.check(new(Req))
}

// NewKeyedRequester is NewRequester for a family of topics.
func NewKeyedRequester[Req, Rep any](n *Node, f topic.Family, via string, timeout time.Duration) (*KeyedRequester[Req, Rep], error) {
	r := &KeyedRequester[Req, Rep]{asker: asker[Rep]{n, via, timeout}, family: f}
	if n.asksLocally(via) {
		var err error
		r.local, err = bus.NewKeyedPublisher[Req](n.bus, f)
		return r, err
	}
	return r, r.check(new(Req))
}

// Request publishes e and waits for the reply. Its errors are those of bus.Request, whatever
// it asks by: bus.ErrNoListener if nobody would answer, bus.ErrTimeout if nobody has in time,
// bus.ErrNoReply, a *bus.ReplyError with the receiver's error; by a transport also a
// *transport.PublishError. Of a node that is not started, or is being shut down, it is
// transport.ErrClosed.
func (r *Requester[Req, Rep]) Request(ctx context.Context, e *Req) (*Rep, error) {
	return r.ask(ctx, func(ctx context.Context) (*Rep, error) {
		if r.local != nil {
			return bus.Request[Req, Rep](ctx, r.local, e)
		}
		return r.far(ctx, r.name, "", e)
	})
}

// Request is Requester.Request for the topic of key.
func (r *KeyedRequester[Req, Rep]) Request(ctx context.Context, key string, e *Req) (*Rep, error) {
	return r.ask(ctx, func(ctx context.Context) (*Rep, error) {
		if r.local != nil {
			return bus.RequestKeyed[Req, Rep](ctx, r.local, key, e)
		}
		name, err := r.family.Of(key)
		if err != nil {
			return nil, err
		}
		return r.far(ctx, name, key, e)
	})
}

// asker is what both kinds of requesters have.
type asker[Rep any] struct {
	n       *Node
	via     string
	timeout time.Duration
}

// decoder is what generated events are.
type decoder interface{ UnmarshalMsgpack(b []byte) error }

func (n *Node) asksLocally(via string) bool { return via == "" || n.together != nil }

// check finds out whether requests can go by the transport.
func (a *asker[Rep]) check(req any) error {
	if !slices.ContainsFunc(a.n.plan.Transports, func(t TransportPlan) bool { return t.Name == a.via }) {
		return fmt.Errorf("node: requests by %s, which the node does not open", a.via)
	}
	if _, ok := req.(encoder); !ok {
		return fmt.Errorf("node: requests by %s: %T has no method AppendMsgpack", a.via, req)
	}
	if _, ok := any(new(Rep)).(decoder); !ok {
		return fmt.Errorf("node: requests by %s: %T has no method UnmarshalMsgpack", a.via, new(Rep))
	}
	return nil
}

// ask calls what asks, in time.
func (a *asker[Rep]) ask(ctx context.Context, f func(context.Context) (*Rep, error)) (rep *Rep, err error) {
	if a.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.timeout)
		defer cancel()
	}
	err = a.n.Send(func() (err error) {
		rep, err = f(ctx)
		return err
	})
	return rep, err
}

// far asks by the transport.
func (a *asker[Rep]) far(ctx context.Context, name topic.Name, key string, e any) (*Rep, error) {
	n := a.n
	if !n.ready.Load() {
		return nil, fmt.Errorf("node: %s is not started: %w", n.plan.Node, transport.ErrClosed)
	}
	body, err := encode(nil, e)
	if err != nil {
		return nil, err
	}
	answer, err := n.link(a.via).t.Request(ctx, &transport.Message{Envelope: n.envelope(ctx, "", key, name), Body: body})
	if err != nil {
		return nil, err
	}
	rep := new(Rep)
	if err := any(rep).(decoder).UnmarshalMsgpack(answer.Body); err != nil {
		return nil, fmt.Errorf("%w: the reply: %w", transport.ErrDecode, err)
	}
	return rep, nil
}

// Ask calls, for the code of a node, what answers requests in its own process.
func Ask[Req, Rep any](ctx context.Context, n *Node, timeout time.Duration, answer func(context.Context, *Req) (*Rep, error), e *Req) (*Rep, error) {
	a := &asker[Rep]{n: n, timeout: timeout}
	return a.ask(ctx, func(ctx context.Context) (*Rep, error) { return answer(ctx, e) })
}
