package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// receive handles a message of a transport. What it returns settles it.
func (x *ear) receive(ctx context.Context, r *router, d *transport.Delivery) error {
	if err := x.gate.wait(ctx); err != nil {
		return err
	}
	event, err := x.n.types.read(&d.Message, r)
	if err == nil {
		err = x.handle(ctx, r, d, event)
	} else {
		x.undecodable(ctx, d, err)
	}
	if err != nil && ctx.Err() == nil { // otherwise it is given back
		x.failed(&d.Envelope, err)
	}
	return err
}

// failed tells of an error that an event has led to.
func (x *ear) failed(e *transport.Envelope, err error) {
	again := e.ReplyTo == "" && x.profile.Again(int(e.Attempt), err)
	x.n.fail(fmt.Errorf("node: %s: %w", x.name, &bus.HandlerError{Topic: e.Topic, Key: e.Key, ID: e.ID, Attempt: int(e.Attempt), Retry: again, Err: err}))
}

// causeKey is the key under which the ctx of a handler has the id of an event that has come
// by a transport: what the handler publishes follows from that.
type causeKey struct{}

// handle has a decoded event taken, and answers a request.
func (x *ear) handle(ctx context.Context, r *router, d *transport.Delivery, event bus.Received) error {
	ctx = context.WithValue(ctx, causeKey{}, d.ID)
	later := &lateReply{x: x, asked: d.Envelope, send: make(chan replier, 1)}
	if event.Request {
		event.Later = later.answer
	}
	reply, err := x.n.bus.Receive(ctx, event, func(ctx context.Context, e *bus.AnyEvent) error {
		to := r.find(e, d.Source)
		if to == nil || to.Local && d.Epoch == x.n.bus.Epoch() {
			return nil // no condition holds, or it was heard on the bus
		}
		return to.Take(ctx, e)
	})
	switch {
	case err == bus.ErrPending:
		send, err := d.Detach()
		later.send <- send
		return err
	case err == transport.ErrNoReply:
		return nil // settled without a reply it is told to the requester
	case reply == nil:
		return err
	}
	m, wrong := x.reply(&d.Envelope, reply)
	if wrong == nil {
		wrong = d.Reply(ctx, m)
	}
	return errors.Join(err, wrong)
}

// reply is the message of a reply to what was asked.
func (x *ear) reply(asked *transport.Envelope, reply any) (*transport.Message, error) {
	body, err := encode(nil, reply)
	if err != nil {
		return nil, transport.Permanent(fmt.Errorf("the reply: %w", err))
	}
	return &transport.Message{
		Envelope: transport.Envelope{ID: asked.ID + "/reply", Source: x.n.plan.Node, Key: asked.Key, Time: time.Now(), Causation: asked.ID},
		Body:     body,
	}, nil
}

// replier sends a reply.
type replier = func(context.Context, *transport.Message) error

// lateReply answers a request that its machine has deferred. Its delivery is settled
// meanwhile, so that what comes behind it is taken.
type lateReply struct {
	x     *ear
	asked transport.Envelope
	send  chan replier // nil if the delivery was taken back
}

// lateTimeout bounds how long sending a late reply takes: the subscription it came by may
// have been closed.
const lateTimeout = 5 * time.Second

func (l *lateReply) answer(reply any, err error) {
	send := <-l.send
	if send == nil {
		return
	}
	m := transport.ErrorReply(nil)
	switch {
	case err == nil:
		if m, err = l.x.reply(&l.asked, reply); err != nil {
			m = transport.ErrorReply(err)
		}
	case err != transport.ErrNoReply:
		m = transport.ErrorReply(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lateTimeout)
	defer cancel()
	if wrong := send(ctx, m); wrong != nil && !errors.Is(wrong, transport.ErrClosed) {
		err = errors.Join(err, wrong)
	}
	if err != nil && err != transport.ErrNoReply {
		l.x.failed(&l.asked, err)
	}
}

// undecodable reports a message that cannot be read. A profile with dead letters has its
// transport do that; whoever hears errors learns of others on the bus.
func (x *ear) undecodable(ctx context.Context, d *transport.Delivery, cause error) {
	if x.profile.DeadLetter || !errors.Is(cause, transport.ErrDecode) {
		return
	}
	f, err := transport.Dead(d.Topic, d.Key, slices.Clone(d.Body), int(d.Attempt), cause)
	if err != nil {
		return // it is a report itself
	}
	if err := x.n.bus.PublishFailure(ctx, d.ID+"/"+f.Kind+"/"+x.queue(), f); err != nil {
		x.n.fail(fmt.Errorf("node: %s: the report that %s on %s cannot be read: %w", x.name, d.ID, d.Topic, err))
	}
}

// types are the types of events, by their topics.
type types struct {
	list  []Type
	keyAt []int // which segment of the topic is the key; -1 if the pattern does not say
	index topic.Index[int]
}

func newTypes(list []Type) *types {
	t := &types{list: list}
	for i, typ := range list {
		t.keyAt = append(t.keyAt, keyAt(typ.Pattern))
		t.index.Add(typ.Pattern, i)
	}
	return t
}

// keyAt is where the only wildcard of a pattern stands, if that is a `+`; otherwise -1.
func keyAt(p topic.Pattern) int {
	segments := strings.Split(string(p), ".")
	at := slices.Index(segments, "+")
	if at < 0 || !topic.Pattern(strings.Replace(string(p), "+", "x", 1)).Literal() {
		return -1
	}
	return at
}

// of is the number of the type of a topic's events, -1 if there is none.
func (t *types) of(name topic.Name) int {
	found := t.index.Match(name)
	if len(found) == 0 {
		return -1
	}
	return slices.Min(found)
}

// name is what a topic's events are called.
func (t *types) name(name topic.Name) string {
	if i := t.of(name); i >= 0 {
		return t.list[i].Name
	}
	return ""
}

// read decodes a message for those who hear it by r.
func (t *types) read(m *transport.Message, r *router) (bus.Received, error) {
	e := bus.Received{Topic: m.Topic, ID: m.ID, Request: m.ReplyTo != ""}
	i := t.of(m.Topic)
	if i < 0 {
		return e, transport.Permanent(fmt.Errorf("%w: on %s", transport.ErrUnknownEvent, m.Topic))
	}
	var err error
	if e.Template, e.Key, err = template(m, t.keyAt[i]); err != nil {
		return e, err
	}
	if !r.hears(e.Template, m.Topic) {
		return e, transport.Permanent(fmt.Errorf("%w: on %s, which nobody here listens to", transport.ErrUnknownEvent, m.Topic))
	}
	if e.Value, err = t.list[i].Decode(m.Body); err != nil && !errors.Is(err, transport.ErrDecode) {
		err = fmt.Errorf("%w: %w", transport.ErrDecode, err)
	}
	return e, err
}

// keySegment is where the key stands in topics of keyed machines.
const keySegment = 2

// template is a message's topic without its key, and the key. What the topic says counts:
// an envelope that says something else cannot be read.
func template(m *transport.Message, at int) (topic.Pattern, string, error) {
	segments := strings.Split(string(m.Topic), ".")
	if at < 0 { // the type is that of keyed topics and others
		escaped, err := topic.EscapeKey(m.Key)
		if err != nil || len(segments) <= keySegment+1 || segments[keySegment] != escaped {
			return topic.Pattern(m.Topic), m.Key, nil
		}
		at = keySegment
	}
	key, err := topic.UnescapeKey(segments[at])
	if err != nil || m.Key != "" && m.Key != key {
		return "", "", fmt.Errorf("%w: its topic is %s, and its key %q", transport.ErrDecode, m.Topic, m.Key)
	}
	segments[at] = "+"
	return topic.Pattern(strings.Join(segments, ".")), key, nil
}
