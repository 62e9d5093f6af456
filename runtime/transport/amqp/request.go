package amqp

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Request implements transport.Transport. The reply comes straight to the connection that
// has asked; if that is lost, the outcome is unknown, and the error says so at once.
func (t *Transport) Request(ctx context.Context, m *transport.Message) (*transport.Message, error) {
	if t.closing.Load() {
		return nil, transport.NotSent(m, transport.ErrClosed)
	}
	ask := transport.Ask(m, replyTo, t.newID)
	ask.Mandatory = true // the broker knows whether somebody listens
	exchange, err := t.check(ctx, ask)
	if err != nil {
		return nil, transport.NotSent(ask, err)
	}
	call, err := t.requests.Open(ask.Correlation)
	if err != nil {
		return nil, transport.NotSent(ask, err)
	}
	defer call.Drop()
	o, err := t.publish(ctx, exchange, ask)
	if err != nil {
		return nil, err
	}
	return t.await(ctx, ask, call, o)
}

// await waits until a request is stored and answered.
func (t *Transport) await(ctx context.Context, m *transport.Message, call *transport.Call, o *outgoing) (*transport.Message, error) {
	asked, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if s := t.publisher.current(); s != nil {
		stop := context.AfterFunc(s.ctx, func() { cancel(errLost) })
		defer stop()
	}
	switch err := o.Wait(ctx); {
	case errors.Is(err, transport.ErrUnroutable):
		known := transport.OutcomeNotSent
		if o.doubtful { // somebody has listened, perhaps, when it was written first
			known = transport.OutcomeUnknown
		}
		return nil, transport.NewPublishError(m, known, transport.ErrNoListener)
	case err != nil:
		return nil, err
	}
	reply, err := call.Wait(asked)
	if err != nil && context.Cause(asked) == errLost && ctx.Err() == nil {
		why := errLost
		if t.closing.Load() { // by which it was lost
			why = transport.ErrClosed
		}
		return nil, transport.NewPublishError(m, transport.OutcomeUnknown, why)
	}
	return reply, err
}

// current is the session that publishes, nil if there is none.
func (p *publisher) current() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session
}

// takeReplies hands replies to those who wait for them.
func (p *publisher) takeReplies(replies <-chan amqp.Delivery) {
	for d := range replies {
		a, err := read(&d)
		if err != nil {
			p.t.o.log.Warn("amqp: a reply that cannot be read", "error", err)
			continue
		}
		p.t.requests.Deliver(&a.Message)
	}
}

// answer sends a reply to who has asked.
func (t *Transport) answer(ctx context.Context, to string, m *transport.Message) error {
	if err := transport.CheckReply(m, t.o.maxBody); err != nil {
		return err
	}
	reply := *m
	reply.ReplyTo, reply.Mandatory = "", false
	_, err := t.publisher.begin(ctx, "", to, &reply)
	return err
}

// unanswered tells who has asked that there will be no reply, and why; nil is for no reason that
// would be of use.
func (t *Transport) unanswered(m *transport.Message, why error) {
	if m.ReplyTo == "" {
		return
	}
	reply := transport.ErrorReply(why)
	reply.Correlation, reply.Topic = m.Correlation, m.Topic
	to := m.ReplyTo
	t.running.Go(func() { _ = t.answer(t.ctx, to, reply) }) // there may be nobody any more
}
