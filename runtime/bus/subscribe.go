package bus

import (
	"context"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Handler handles the events of one type.
type Handler[T any] func(ctx context.Context, e *Event[T]) error

// AnyHandler handles events of any type.
type AnyHandler func(ctx context.Context, e *AnyEvent) error

// BatchHandler handles several events of one type at once. The slice and its events
// are valid until it returns; an error is that of all of them.
type BatchHandler[T any] func(ctx context.Context, events []*Event[T]) error

// Subscription is somebody's interest in topics. It is safe for concurrent use.
type Subscription struct {
	bus      *Bus
	number   uint64          // of the bus's subscriptions, in the order they were made
	pattern  topic.Pattern   // the first one
	patterns []topic.Pattern // all of them, each once
	options  subscribeOptions
	handler  any          // Handler[T] or AnyHandler; nil for a BatchHandler, which only the consumers call, and for choices
	choices  *choices     // nil unless there is a handler for each topic
	accepts  any          // a zero value of the type that a BatchHandler takes, as *T
	typ      reflect.Type // of the events, nil for any
	closed   atomic.Bool
	closing  bool          // it has been taken off the lists; the bus's mutex is held
	ended    chan struct{} // closed when Close has done its work
	queue    *consumers    // nil for a direct one
	group    *group        // nil if it is in none
	running  atomic.Int64  // calls of a direct handler, in a group
	counts   counts
}

// Subscribe hears one topic, or everything of type T that a pattern matches,
// topics that come into use later included. For a topic that carries another
// type it is ErrTypeMismatch.
func Subscribe[T any](b *Bus, pattern topic.Pattern, h Handler[T], opts ...SubscribeOption) (*Subscription, error) {
	if h == nil {
		return nil, ErrNilHandler
	}
	return subscribe(b, &Subscription{pattern: pattern, handler: h, typ: reflect.TypeFor[T]()}, func() call {
		e := &Event[T]{} // the goroutine of the consumer is the only one to use it
		return func(ctx context.Context, items []item) error {
			if debugging {
				e = &Event[T]{}
				defer e.release()
			}
			e.origin, e.value = items[0].origin, items[0].value.(*T)
			return deliverQueued(ctx, h, e, &items[0])
		}
	}, opts)
}

// SubscribeAny hears everything that a pattern matches, in one subscription and
// so in order.
func SubscribeAny(b *Bus, pattern topic.Pattern, h AnyHandler, opts ...SubscribeOption) (*Subscription, error) {
	if h == nil {
		return nil, ErrNilHandler
	}
	return subscribe(b, &Subscription{pattern: pattern, handler: h}, func() call { return queued(h) }, opts)
}

// queued is what a goroutine of a queue calls for events of any type.
func queued(h AnyHandler) call {
	e := &AnyEvent{}
	return func(ctx context.Context, items []item) error {
		o := &items[0].origin
		if debugging {
			o = &origin{}
			*o = items[0].origin
			e = &AnyEvent{}
			defer func() {
				items[0].seq = o.seq
				o.release()
			}()
		}
		e.origin, e.value = o, items[0].value
		err := deliver(ctx, h, e)
		if e.origin != o { // As has moved it
			o.seq = e.origin.seq
		}
		return err
	}
}

// SubscribeBatch is Subscribe for a handler of several events at once: as many as
// wait, up to the profile's BatchSize. If there are fewer, the first of them waits
// for more for the profile's BatchTimeout. It is always queued.
func SubscribeBatch[T any](b *Bus, pattern topic.Pattern, h BatchHandler[T], opts ...SubscribeOption) (*Subscription, error) {
	if h == nil {
		return nil, ErrNilHandler
	}
	s := &Subscription{pattern: pattern, accepts: (*T)(nil), typ: reflect.TypeFor[T]()}
	s.options.queued, s.options.batch = true, true
	return subscribe(b, s, func() call {
		events := make([]*Event[T], max(s.options.profile.BatchSize, 1))
		for i := range events {
			events[i] = &Event[T]{}
		}
		return func(ctx context.Context, items []item) error {
			for i := range items {
				if debugging {
					events[i] = &Event[T]{}
					defer events[i].release()
				}
				events[i].origin, events[i].value = items[i].origin, items[i].value.(*T)
			}
			defer func() {
				for i := range items {
					items[i].seq = events[i].seq
				}
			}()
			return deliver(ctx, h, events[:len(items)])
		}
	}, opts)
}

// subscribe makes a subscription; each makes what a consumer calls.
func subscribe(b *Bus, s *Subscription, each func() call, opts []SubscribeOption) (*Subscription, error) {
	s.bus, s.ended = b, make(chan struct{})
	for _, o := range opts {
		o(&s.options)
	}
	for _, p := range append([]topic.Pattern{s.pattern}, s.options.also...) {
		if _, err := topic.ParsePattern(string(p)); err != nil {
			return nil, err
		}
		if !slices.Contains(s.patterns, p) {
			s.patterns = append(s.patterns, p)
		}
	}
	if err := s.options.check(); err != nil {
		return nil, err
	}
	if s.options.queued {
		s.queue = newConsumers(s)
	}
	if err := b.subscribe(s); err != nil {
		return nil, err
	}
	if s.queue != nil {
		s.queue.start(each)
	}
	return s, nil
}

// memberOf is s as the node of a place, of type T, sees it; false if s wants another type.
func memberOf[T any](p *place, s *Subscription, keys []string) (member[T], bool) {
	m := member[T]{sub: s, keys: keys}
	var ok bool
	if m.keep, ok = filterOf[T](s); !ok {
		return m, false
	}
	var h func(context.Context, *Event[T]) error
	switch handler := s.handler.(type) {
	case nil:
		if s.choices != nil {
			h = direct[T](s.choices.at(p))
			break
		}
		_, ok = s.accepts.(*T)
	case Handler[T]:
		h = handler
	case AnyHandler:
		h = func(ctx context.Context, e *Event[T]) error { return handler(ctx, e.asAny()) }
	default:
		ok = false
	}
	if s.queue != nil {
		m.take, m.try = enqueue[T](s), tryEnqueue[T](s)
		return m, ok
	}
	m.take = watched(s, limited(s, h))
	m.try = grouped(s, m.take)
	return m, ok
}

// targetOf is a subscription that is in no group.
func targetOf[T any](m *member[T]) target[T] {
	return target[T]{m.sub, filtered(m.sub, m.keep, m.take), &details[T]{all: enqueueAll[T](m.sub), keep: m.keep}}
}

// Pattern is what the subscription hears, besides what it hears by Also.
func (s *Subscription) Pattern() topic.Pattern { return s.pattern }

// Patterns are all that the subscription hears.
func (s *Subscription) Patterns() []topic.Pattern { return slices.Clone(s.patterns) }
