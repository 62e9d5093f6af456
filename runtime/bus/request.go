package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// The errors of a request, beside those of the responder, which are in a ReplyError.
var (
	ErrNoListener = transport.ErrNoListener
	ErrNoReply    = transport.ErrNoReply
)

// ReplyError is the error that a responder has returned for a request. Within a process
// it wraps the responder's own.
type ReplyError = transport.ReplyError

// Responder marks a subscription whose handler answers requests by Respond. Of those
// that hear a topic the first one gets a request, or a member of its group, whose
// members should all be responders; all other subscribers get copies.
func Responder() SubscribeOption { return func(o *subscribeOptions) { o.responder = true } }

// Respond answers the requests of a topic, or of those that a pattern matches, with
// what h returns. Events that are no requests are handled as well, and what h returns
// for them is dropped.
func Respond[Req, Rep any](b *Bus, pattern topic.Pattern, h func(context.Context, *Event[Req]) (*Rep, error), opts ...SubscribeOption) (*Subscription, error) {
	if h == nil {
		return nil, ErrNilHandler
	}
	return Subscribe(b, pattern, func(ctx context.Context, e *Event[Req]) error {
		rep, err := h(ctx, e)
		if err == nil {
			e.Respond(rep)
		}
		return err
	}, append(opts, Responder())...)
}

// Request publishes a value and waits for the reply, until ctx ends. It is
// ErrNoListener if nobody would answer, ErrTimeout if ctx's deadline has passed,
// ErrNoReply if the handler has returned, or the event was dropped, without an answer,
// a *ReplyError for the error of the handler, after its last attempt, and
// ErrTypeMismatch for an answer of another type.
func Request[Req, Rep any](ctx context.Context, p *Publisher[Req], v *Req) (*Rep, error) {
	return request[Req, Rep](ctx, p.n, "", v, p.options)
}

// RequestKeyed is Request for the topic of key.
func RequestKeyed[Req, Rep any](ctx context.Context, p *KeyedPublisher[Req], key string, v *Req) (*Rep, error) {
	if err := p.checkKey(key); err != nil {
		return nil, err
	}
	return request[Req, Rep](ctx, p.n, key, v, p.options)
}

func request[Req, Rep any](ctx context.Context, n *node[Req], key string, v *Req, o publishOptions) (*Rep, error) {
	if v == nil {
		return nil, ErrNilEvent
	}
	c := &conversation{answered: make(chan struct{})}
	if err := n.request(ctx, key, v, o, c); err != nil {
		return nil, err
	}
	select {
	case <-c.answered:
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("%w: nobody has answered: %w", ErrTimeout, ctx.Err())
		}
		return nil, ctx.Err()
	}
	if c.err != nil {
		return nil, c.err
	}
	rep, ok := c.reply.(*Rep)
	if !ok {
		return nil, fmt.Errorf("%w: the reply is %T, not %v", ErrTypeMismatch, c.reply, reflect.TypeFor[*Rep]())
	}
	return rep, nil
}

// conversation is a request that waits for its reply.
type conversation struct {
	done     atomic.Bool
	kept     atomic.Bool // somebody has a Clone, and may answer later
	answered chan struct{}
	reply    any
	err      error
}

// answer gives the reply or the error, of which the first one counts.
func (c *conversation) answer(reply any, err error) bool {
	if c == nil || !c.done.CompareAndSwap(false, true) {
		return false
	}
	c.reply, c.err = reply, err
	close(c.answered)
	return true
}

// over answers for a responder whose work with the event is over.
func (c *conversation) over(err error) {
	switch {
	case c == nil:
	case err != nil:
		c.answer(nil, transport.NewReplyError(err))
	case !c.kept.Load():
		c.answer(nil, ErrNoReply)
	}
}

// keep notes that an event has been cloned.
func (c *conversation) keep() {
	if c != nil {
		c.kept.Store(true)
	}
}

// IsRequest reports whether somebody waits for a reply to the event.
func (o *origin) IsRequest() bool { return o.request() != nil }

// Respond answers a request with a pointer to a value, which must not be changed
// afterwards; it reports whether somebody got it. The first answer counts, and it may
// be given before the handler returns or, by a Clone of the event, after that.
func (o *origin) Respond(reply any) bool { return o.request().answer(reply, nil) }

// request delivers a request to the first responder, and copies to all others.
func (n *node[T]) request(ctx context.Context, key string, v *T, o publishOptions, c *conversation) (err error) {
	var x *extra
	if n.place.bus.observer != nil {
		var end func(error)
		x, ctx, end = n.place.observed(ctx, nil, key, v)
		defer func() { end(err) }()
	}
	side := n.side()
	e := n.spare(side)
	defer n.end(e, side)
	e.equip(x)
	e.value, e.key = v, key
	e.ID()
	responder, late, broken := n.offer(ctx, e, o.timeout)
	if len(late) > 0 { // the responder has it before they are waited for
		rest := &Event[T]{origin: e.origin, value: v, timeout: o.timeout}
		defer rest.release()
		defer late.end(ctx, rest)
	}
	switch {
	case responder != nil:
		e.timeout = o.timeout
		return n.ask(ctx, responder, e, c)
	case broken != nil:
		return broken
	case n.place.bus.isClosed():
		return ErrClosed
	}
	return fmt.Errorf("%w: %s", ErrNoListener, e.Topic())
}

// offer delivers copies of a request, and finds who is to answer it. late have no room yet.
func (n *node[T]) offer(ctx context.Context, e *Event[T], timeout time.Duration) (responder *target[T], late copies[T], broken error) {
	all, own := n.hearers(e)
	e.timeout = patience(timeout, len(all)+len(own))
	for _, list := range [...][]target[T]{all, own} {
		for i := range list {
			t := &list[i]
			switch {
			case t.sub.closed.Load(): // if there is no other responder, the bus is asked then
			case responder == nil && t.responds(e, &broken):
				responder = t
			default:
				late.note(t.sub, e, deliver(ctx, t.take, e))
			}
		}
	}
	return responder, late, broken
}

// copies are those of a request for which there was no room.
type copies[T any] []copied[T]

type copied[T any] struct {
	sub  *Subscription
	full *later[T]
}

// note notes what has become of a copy.
func (l *copies[T]) note(s *Subscription, e *Event[T], err error) {
	if full, waits := err.(*later[T]); waits {
		*l = append(*l, copied[T]{s, full})
	} else if err != nil {
		s.bus.onError(s, fmt.Errorf("bus: a copy of the request %s: %w", e.ID(), err))
	}
}

// end waits for room for them.
func (l copies[T]) end(ctx context.Context, e *Event[T]) {
	for _, c := range l {
		l.note(c.sub, e, deliver(ctx, c.full.take, e))
	}
}

// ask delivers a request to its responder. A direct one has answered when it returns.
func (n *node[T]) ask(ctx context.Context, t *target[T], e *Event[T], c *conversation) error {
	e.ownExtra().request = c
	err := deliver(ctx, t.take, e)
	if err == nil && t.direct() {
		c.over(nil)
	}
	if err != nil && t.direct() {
		return transport.NewReplyError(err)
	}
	return err
}

// responds reports whether a subscription, or a member of a group, would answer; one whose
// filter panics would not.
func (t *target[T]) responds(e *Event[T], broken *error) bool {
	defer func() {
		if p := panicked(recover()); p != nil {
			*broken = join(*broken, p)
		}
	}()
	if t.group == nil {
		return t.sub.options.responder && (t.keep == nil || t.keep(e))
	}
	for i := range t.members {
		if m := &t.members[i]; m.sub.options.responder && m.wants(e) {
			return true
		}
	}
	return false
}

// direct reports whether all that the target stands for is called within the publish.
func (t *target[T]) direct() bool {
	for i := range t.members {
		if t.members[i].sub.queue != nil {
			return false
		}
	}
	return t.sub.queue == nil
}
