package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// Transport delivers within the process. Make one with New.
type Transport struct {
	maxBody   int
	onError   func(error)
	epoch     string
	seq       atomic.Uint64
	status    transport.Status
	published transport.KnownProfile
	requests  transport.Requests
	routes    routes
	node      *local.Node   // the subscriptions
	done      chan struct{} // closed when Close has done its work
}

var _ transport.Transport = (*Transport)(nil)

// Option is an option of New.
type Option func(*Transport)

// MaxBody sets the most bytes that a body may have, and headers; it is codec.MaxSize
// otherwise.
func MaxBody(bytes int) Option { return func(t *Transport) { t.maxBody = bytes } }

// OnError has f told of what nobody else can be told of: dead letters that could not
// be published. It is called in the goroutine that settles, and must not block.
func OnError(f func(error)) Option { return func(t *Transport) { t.onError = f } }

// New returns a transport that is ready. It has no goroutine until somebody subscribes.
func New(opts ...Option) *Transport {
	t := &Transport{
		maxBody: codec.MaxSize, onError: func(error) {}, epoch: transport.NewEpoch(), done: make(chan struct{}),
	}
	for _, o := range opts {
		o(t)
	}
	t.node = local.New(local.Config{
		Name: "memory", OnError: t.onError, Publish: t.deadLetter, Answer: t.answer, Added: t.routes.add, Removed: t.routes.remove,
	})
	t.status.Set(transport.Ready, nil)
	return t
}

// Guarantees implements transport.Transport.
func (t *Transport) Guarantees() transport.Guarantees {
	return local.Guarantees(t.maxBody)
}

// Status implements transport.Transport. It is Ready from the beginning.
func (t *Transport) Status() *transport.Status { return &t.status }

// Check implements transport.Transport. What has no meaning within a process, since
// both ends share its fate and there is no broker, is accepted and has no effect:
// Durable, ManualAck, Confirm. Batches are the receiver's affair, as with every
// transport: see transport.ServeBatch.
func (t *Transport) Check(p transport.Profile) error {
	if p.Durable == transport.DurableRequired {
		return fmt.Errorf("%w: durable is required, and within a process nothing outlives it", transport.ErrInvalidProfile)
	}
	return p.Validate()
}

// Begin implements transport.Transport. The outcome is known when it returns: nil is
// that the message is in every queue that matches, or was dropped by its policy. If
// one queue has taken it and another has not, that is OutcomeUnknown. A message
// without an id gets one.
func (t *Transport) Begin(ctx context.Context, m *transport.Message) (transport.Pending, error) {
	if t.node.Closing() {
		return nil, transport.NotSent(m, transport.ErrClosed)
	}
	if _, err := t.publish(ctx, m); err != nil {
		return nil, err
	}
	return transport.Accepted{}, nil
}

// publish puts m into the queues, and returns how many receivers' have it, observers
// not counted.
func (t *Transport) publish(ctx context.Context, m *transport.Message) (takers int, err error) {
	lines, err := t.accept(ctx, m)
	if err == nil && m.Mandatory && !slices.ContainsFunc(lines, func(l *local.Line) bool { return !l.Request().Observer }) {
		err = transport.ErrUnroutable
	}
	if err != nil {
		return 0, transport.NotSent(m, err)
	}
	if len(lines) == 0 {
		return 0, nil
	}
	p := t.pack(m, lines)
	defer p.Release()
	var errs []error
	any := false
	for _, l := range lines {
		put, err := l.Put(ctx, m, p)
		errs = append(errs, err)
		any = any || put
		if put && !l.Request().Observer {
			takers++
		}
	}
	if err := errors.Join(errs...); err != nil {
		e := transport.NewPublishError(m, transport.OutcomeNotSent, err)
		if any {
			e.Known = transport.OutcomeUnknown
		}
		return takers, e
	}
	return takers, nil
}

// accept checks m and returns the queues that want it.
func (t *Transport) accept(ctx context.Context, m *transport.Message) ([]*local.Line, error) {
	if err := transport.CheckPublish(ctx, t, m, t.maxBody, &t.published); err != nil {
		return nil, err
	}
	lines, err := t.routes.of(m.Topic)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(lines, func(l *local.Line) bool { return l.Request().Where != nil }) {
		return lines, nil
	}
	return slices.DeleteFunc(slices.Clone(lines), func(l *local.Line) bool { return !l.Wants(m) }), nil
}

// newID is an id for a message that has none.
func (t *Transport) newID() string { return transport.NewID(t.epoch, t.seq.Add(1)) }

// here is the address for replies.
const here = "memory"

// Request implements transport.Transport.
func (t *Transport) Request(ctx context.Context, m *transport.Message) (*transport.Message, error) {
	if t.node.Closing() {
		return nil, transport.NotSent(m, transport.ErrClosed)
	}
	return t.requests.Do(ctx, transport.Ask(m, here, t.newID), func(ask *transport.Message) (int, error) {
		return t.publish(ctx, ask)
	})
}

// answer hands a reply to the requester, if it still waits.
func (t *Transport) answer(_ string, m *transport.Message) error {
	if err := transport.CheckReply(m, t.maxBody); err != nil {
		return err
	}
	t.requests.Deliver(m.Clone())
	return nil
}

// deadLetter publishes a dead letter.
func (t *Transport) deadLetter(ctx context.Context, m *transport.Message) error {
	_, err := t.publish(ctx, m)
	return err
}

// pack copies m for the lines that want it.
func (t *Transport) pack(m *transport.Message, lines []*local.Line) *local.Parcel {
	wipe := m.Profile != nil && m.Profile.Sensitive
	for _, l := range lines {
		wipe = wipe || l.Request().Profile.Sensitive
	}
	p := local.Pack(m, wipe)
	if p.ID == "" {
		p.ID = t.newID()
	}
	return p
}
