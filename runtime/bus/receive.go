package bus

import (
	"context"
	"errors"
	"reflect"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Received is an event that has come from elsewhere, by a transport.
type Received struct {
	Topic    topic.Name
	Template topic.Pattern // the topic without its key; empty is that it has none
	Key      string        // of a keyed topic
	ID       string        // that it was published under; empty if nobody has given it one
	Value    any           // a pointer to the decoded event, which is the handler's
	Request  bool          // somebody waits for a reply
	// Later, unless it is nil, gets the outcome of a request that the handler keeps to answer
	// it later, from a goroutine of its own. Receive then does not wait for that.
	Later func(reply any, err error)
}

// ErrPending says that a request is answered later.
var ErrPending = errors.New("bus: the request is answered later")

// Receive hands an event from elsewhere to a handler of this bus's kind, at once and in
// the calling goroutine. Nobody else hears it, and observers are not told. The error is
// the handler's; a panic is a *PanicError. For a request reply is what the handler has
// answered, and if there is no answer and no error, the error is ErrNoReply; a handler
// that keeps a request, by Clone or Later, may answer later. That is waited for until ctx ends:
// by Receive, or, if r.Later is set, by a goroutine, and the error is ErrPending.
func (b *Bus) Receive(ctx context.Context, r Received, h AnyHandler) (reply any, err error) {
	o := &origin{place: b.elsewhere(&r), key: r.Key, seq: 1}
	if r.ID == "" {
		o.seq = b.received.Add(1)
	}
	var c *conversation
	if r.Request {
		c = &conversation{answered: make(chan struct{})}
	}
	if r.ID != "" || c != nil {
		o.extra = &extra{id: r.ID, request: c}
	}
	err = deliver(ctx, h, &AnyEvent{origin: o, value: r.Value})
	o.release()
	switch {
	case c == nil:
		return nil, err
	case err == nil && r.Later != nil && c.kept.Load() && !c.done.Load():
		go func() { r.Later(c.outcome(ctx, nil)) }()
		return nil, ErrPending
	}
	return c.outcome(ctx, err)
}

// elsewhere is the place of one event, of which there is no node.
func (b *Bus) elsewhere(r *Received) *place {
	p := &place{bus: b, name: r.Topic, template: r.Template, clone: clonedAny}
	if p.template == "" {
		p.template = topic.Pattern(r.Topic)
	}
	return p
}

// clonedAny is cloned for a value whose type is not known.
func clonedAny(v any) any {
	m := reflect.ValueOf(v)
	if m.Kind() != reflect.Pointer || m.IsNil() {
		return v
	}
	clone := m.MethodByName("Clone")
	if !clone.IsValid() || clone.Type() != reflect.FuncOf(nil, []reflect.Type{m.Type()}, false) {
		return v
	}
	return clone.Call(nil)[0].Interface()
}

// outcome is what has become of a request whose handler has returned err.
func (c *conversation) outcome(ctx context.Context, err error) (any, error) {
	if err == nil && c.kept.Load() {
		select {
		case <-c.answered:
		case <-ctx.Done():
			c.answer(nil, ctx.Err())
		}
	}
	if err == nil {
		c.answer(nil, ErrNoReply)
	} else {
		c.answer(nil, err)
	}
	<-c.answered
	if err == nil {
		err = c.err
		if e, ok := err.(*transport.ReplyError); ok {
			err = e.Err // the requester makes one
		}
	}
	return c.reply, err
}
