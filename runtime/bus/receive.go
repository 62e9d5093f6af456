package bus

import (
	"context"
	"reflect"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Received is an event that has come from elsewhere, by a transport.
type Received struct {
	Topic    topic.Name
	Template topic.Pattern // the topic without its key; empty is that it has none
	Key      string        // of a keyed topic
	ID       string        // that it was published under; empty if nobody has given it one
	Value    any           // a pointer to the decoded event, which is the handler's
	Request  bool          // somebody waits for a reply
}

// Receive hands an event from elsewhere to a handler of this bus's kind, at once and in
// the calling goroutine. Nobody else hears it, and observers are not told. The error is
// the handler's; a panic is a *PanicError. For a request reply is what the handler has
// answered, and if there is no answer and no error, the error is ErrNoReply; a handler
// that keeps a Clone of a request may answer later, which is waited for until ctx ends.
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
	err = deliver(ctx, h, &AnyEvent{o, r.Value})
	o.release()
	if c == nil {
		return nil, err
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
	}
	return c.reply, err
}
