package bus

import (
	"context"
	"strconv"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/poison"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// debugging says that an event whose handler has returned is not used again, and panics
// when it is asked for anything.
const debugging = poison.On

// origin is where an event comes from; it does not depend on the type. It is copied
// into every queue, and small.
type origin struct {
	place *place
	key   string
	seq   uint64 // 0 until somebody asks for the id
	extra *extra // nil for most events
}

// extra is what few events have.
type extra struct {
	id      string        // that the publisher has given, empty if it has not
	request *conversation // nil if nobody waits for a reply
	size    int64         // encoded, where the profile limits bytes
	expires int64         // on the bus's clock; 0 is never
	since   int64         // when it was published, on the bus's clock; 0 if nobody has looked
	tried   int           // calls of the handlers of other members of a group
	known   bool          // another member of the group has looked at its id

	published context.Context // that the observer has returned; nil without one
	seq       uint64          // that the observer has seen
}

// equip gives an event what it has beyond others.
func (o *origin) equip(x *extra) {
	if o.extra = x; x != nil && x.seq != 0 {
		o.seq = x.seq
	}
}

// ownExtra is what the event has beyond others, for its owner to add to: of several
// subscriptions each has its own.
func (o *origin) ownExtra() *extra {
	x := &extra{}
	if o.extra != nil {
		*x = *o.extra
	}
	o.extra = x
	return x
}

// given is the id under which the event was published, empty if there was none.
func (o *origin) given() string {
	if o.extra == nil {
		return ""
	}
	return o.extra.id
}

// request is who waits for a reply; nil if nobody does.
func (o *origin) request() *conversation {
	if o.extra == nil {
		return nil
	}
	return o.extra.request
}

// size is the event's encoded size, where it counts.
func (o *origin) size() int64 {
	if o.extra == nil {
		return 0
	}
	return o.extra.size
}

// expired reports whether the event has waited for too long.
func (o *origin) expired() bool {
	return o.extra != nil && o.extra.expires != 0 && o.extra.expires <= o.place.bus.now()
}

// check panics for an event whose handler has returned, with the build tag xsgendebug.
func (o *origin) check() {
	if debugging && o.place == nil {
		panic("bus: an event was used after its handler had returned; Clone keeps one")
	}
}

// release is called when the handlers have returned.
func (o *origin) release() {
	if debugging {
		o.place = nil
	}
}

// Topic is the event's topic. It is computed: handlers that do not ask do not
// pay for it.
func (o *origin) Topic() topic.Name {
	o.check()
	if !o.place.keyed {
		return o.place.name
	}
	n, err := o.place.family.Of(o.key)
	if err != nil {
		return "" // Publish refuses such keys
	}
	return n
}

// Key is the key of a keyed topic's event, empty for others.
func (o *origin) Key() string {
	o.check()
	return o.key
}

// ID is the event's id, equal for every subscriber: what it was published under, or
// else one that is unique in this process.
func (o *origin) ID() string {
	o.check()
	if id := o.given(); id != "" {
		return id
	}
	o.number()
	id := make([]byte, 0, 32)
	id = append(append(id, o.place.bus.epoch...), '-')
	id = append(strconv.AppendUint(id, o.place.number, 36), '.')
	return string(strconv.AppendUint(id, o.seq, 36))
}

// number gives an event its number, if it has none yet. It belongs to who publishes.
func (o *origin) number() {
	if o.seq == 0 {
		o.seq = o.place.seq.Add(1)
	}
}

// Event is a published value on its way to a handler. It is valid until the
// handler returns.
type Event[T any] struct {
	origin
	value   *T
	timeout time.Duration // how long the publish may wait for room
	any     AnyEvent      // the same event, for handlers of any type
}

// Value is the published value. It is the publisher's own and must not be changed.
func (e *Event[T]) Value() *T {
	e.check()
	if debugging && e.any.origin != nil {
		e.any.origin.check() // it may be what As has made of another one
	}
	return e.value
}

// asAny is the same event for handlers of any type.
func (e *Event[T]) asAny() *AnyEvent {
	e.any = AnyEvent{&e.origin, e.value, e}
	return &e.any
}

// cloner is what generated events are: Clone is a deep copy.
type cloner[T any] interface{ Clone() *T }

// cloned is a deep copy of a value that can make one; others are shared.
func cloned[T any](v *T) *T {
	if c, ok := any(v).(cloner[T]); ok && v != nil {
		return c.Clone()
	}
	return v
}

// Clone returns an event that stays valid. Its value is a deep copy, which may be
// changed, if the type has a method Clone() *T, as generated ones do; that of others is
// shared.
func (e *Event[T]) Clone() *Event[T] {
	e.ID()
	e.request().keep()
	return &Event[T]{origin: e.origin, value: cloned(e.value)}
}

// AnyEvent is an Event of any type, for subscriptions to several.
type AnyEvent struct {
	origin *origin
	value  any
	typed  any // a pointer to an Event, whose origin is this one's, or was that of one before it
}

// Value is the published value, a pointer to the topic's type.
func (e *AnyEvent) Value() any {
	e.origin.check()
	return e.value
}

// Topic is the event's topic, computed.
func (e *AnyEvent) Topic() topic.Name { return e.origin.Topic() }

// Template is the event's topic without its key: a pattern over all keys if it has one.
// Unlike topics there are only so many of them, as metrics want it.
func (e *AnyEvent) Template() topic.Pattern {
	e.origin.check()
	return e.origin.place.template
}

// Key is the key of a keyed topic's event, empty for others.
func (e *AnyEvent) Key() string { return e.origin.Key() }

// ID is the event's id, unique in this process and equal for every subscriber.
func (e *AnyEvent) ID() string { return e.origin.ID() }

// IsRequest reports whether somebody waits for a reply to the event.
func (e *AnyEvent) IsRequest() bool { return e.origin.IsRequest() }

// Respond answers a request, as that of an Event does.
func (e *AnyEvent) Respond(reply any) bool { return e.origin.Respond(reply) }

// Later keeps a request beyond its handler, which then returns nil without having answered
// it: answer does that, once, from any goroutine, with a pointer to the reply, or an error.
func (e *AnyEvent) Later() (answer func(reply any, err error)) {
	c := e.origin.request()
	c.keep()
	return func(reply any, err error) {
		if err != nil {
			c.answer(nil, transport.NewReplyError(err))
			return
		}
		c.answer(reply, nil)
	}
}

// Clone returns an event that stays valid, with a value as that of Event's Clone.
func (e *AnyEvent) Clone() *AnyEvent {
	e.ID()
	e.origin.request().keep()
	o := *e.origin
	return &AnyEvent{origin: &o, value: o.place.clone(e.value)}
}

// As is e as an event of type T, valid as long as e is; nil if it has another
// type.
func As[T any](e *AnyEvent) *Event[T] {
	v, ok := e.value.(*T)
	if !ok {
		return nil
	}
	if debugging {
		e.origin.number() // or the copy would have another id
		return &Event[T]{origin: *e.origin, value: v, any: *e}
	}
	t, again := e.typed.(*Event[T])
	if again && &t.origin == e.origin {
		return t
	}
	if !again {
		t = &Event[T]{}
		e.typed = t
	}
	t.origin, t.value = *e.origin, v
	e.origin = &t.origin // or each would give the event an id
	return t
}
