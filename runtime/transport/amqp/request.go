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
	refuse := func(known transport.Outcome, err error) (*transport.Message, error) {
		return nil, transport.NewPublishError(m, known, err)
	}
	if t.closing.Load() {
		return refuse(transport.OutcomeNotSent, transport.ErrClosed)
	}
	ask := *m
	if ask.ID == "" {
		ask.ID = t.newID()
	}
	if ask.Correlation == "" {
		ask.Correlation = ask.ID
	}
	ask.ReplyTo, ask.Mandatory = replyTo, true
	exchange, err := t.check(ctx, &ask)
	if err != nil {
		return refuse(transport.OutcomeNotSent, err)
	}
	call, err := t.requests.Open(ask.Correlation)
	if err != nil {
		return refuse(transport.OutcomeNotSent, err)
	}
	defer call.Drop()
	o, err := t.publish(ctx, exchange, &ask)
	if err != nil {
		return nil, err
	}
	return t.await(ctx, m, call, o)
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
		return nil, transport.NewPublishError(m, transport.OutcomeNotSent, transport.ErrNoListener)
	case err != nil:
		return nil, err
	}
	reply, err := call.Wait(asked)
	if err != nil && context.Cause(asked) == errLost && ctx.Err() == nil {
		return nil, transport.NewPublishError(m, transport.OutcomeUnknown, errLost)
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
	if err := m.Check(t.o.maxBody); err != nil {
		return err
	}
	reply := *m
	reply.ReplyTo, reply.Mandatory = "", false
	_, err := t.publisher.begin(ctx, "", to, &reply)
	return err
}

// unanswered tells who has asked that there will be no reply.
func (t *Transport) unanswered(m *transport.Message) {
	if m.ReplyTo == "" {
		return
	}
	reply := transport.ErrorReply(nil)
	reply.Correlation, reply.Topic = m.Correlation, m.Topic
	to := m.ReplyTo
	t.running.Go(func() { _ = t.answer(t.ctx, to, reply) }) // there may be nobody any more
}
