package bus

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Handler handles the events of one type.
type Handler[T any] func(ctx context.Context, e *Event[T]) error

// AnyHandler handles events of any type.
type AnyHandler func(ctx context.Context, e *AnyEvent) error

// SubscribeOption is an option of a subscription.
type SubscribeOption func(*Subscription)

// DefaultCapacity is the number of events that can wait for a queued
// subscription unless it says otherwise.
const DefaultCapacity = 1000

// Direct makes the handler run inside Publish, in the publisher's goroutine and
// with its ctx; its error is Publish's. Handlers run in the order in which they
// subscribed, those of one key after those of every key. This is the default.
func Direct() SubscribeOption { return func(s *Subscription) { s.capacity = 0 } }

// Queued gives the subscription a goroutine of its own and room for capacity
// events, those being handled included; with 0 it is DefaultCapacity. Publish
// returns once the event is queued. The handler's ctx ends when the subscription
// is closed and its deadline for draining has passed.
func Queued(capacity int) SubscribeOption {
	if capacity <= 0 {
		capacity = DefaultCapacity
	}
	return func(s *Subscription) { s.capacity = capacity }
}

// Subscription is somebody's interest in topics. It is safe for concurrent use.
type Subscription struct {
	bus      *Bus
	number   uint64 // of the bus's subscriptions, in the order they were made
	pattern  topic.Pattern
	capacity int
	handler  any // Handler[T] or AnyHandler
	closed   atomic.Bool
	ended    chan struct{} // closed when Close has done its work
	queue    *queue
	failed   atomic.Uint64
	handled  atomic.Uint64
}

// Subscribe hears one topic, or everything of type T that a pattern matches,
// topics that come into use later included. For a topic that carries another
// type it is ErrTypeMismatch.
func Subscribe[T any](b *Bus, pattern topic.Pattern, h Handler[T], opts ...SubscribeOption) (*Subscription, error) {
	return subscribe(b, pattern, h, func(s *Subscription) func(context.Context, *item) error {
		e := &Event[T]{} // the goroutine of the queue is the only one to use it
		return func(ctx context.Context, i *item) error {
			e.origin, e.value = i.origin, i.value.(*T)
			return deliver(ctx, h, e)
		}
	}, opts)
}

// SubscribeAny hears everything that a pattern matches, in one subscription and
// so in order.
func SubscribeAny(b *Bus, pattern topic.Pattern, h AnyHandler, opts ...SubscribeOption) (*Subscription, error) {
	return subscribe(b, pattern, h, func(s *Subscription) func(context.Context, *item) error {
		e := &AnyEvent{}
		return func(ctx context.Context, i *item) error {
			e.origin, e.value = &i.origin, i.value
			return deliver(ctx, h, e)
		}
	}, opts)
}

func subscribe(b *Bus, pattern topic.Pattern, h any, call func(*Subscription) func(context.Context, *item) error, opts []SubscribeOption) (*Subscription, error) {
	if _, err := topic.ParsePattern(string(pattern)); err != nil {
		return nil, err
	}
	s := &Subscription{bus: b, pattern: pattern, handler: h, ended: make(chan struct{})}
	for _, o := range opts {
		o(s)
	}
	if s.capacity > 0 {
		s.queue = newQueue(s.capacity)
	}
	if err := b.subscribe(s); err != nil {
		return nil, err
	}
	if s.queue != nil {
		go s.run(call(s))
	}
	return s, nil
}

// targetOf is s as a node of type T sees it; false if s wants another type.
func targetOf[T any](s *Subscription) (target[T], bool) {
	enqueue := func(ctx context.Context, e *Event[T]) error { return s.enqueue(ctx, e.item(e.value), e.timeout) }
	switch h := s.handler.(type) {
	case Handler[T]:
		if s.queue != nil {
			return target[T]{s, enqueue}, true
		}
		return target[T]{s, h}, true
	case AnyHandler:
		if s.queue != nil {
			return target[T]{s, enqueue}, true
		}
		return target[T]{s, func(ctx context.Context, e *Event[T]) error {
			e.any = AnyEvent{&e.origin, e.value}
			return h(ctx, &e.any)
		}}, true
	}
	return target[T]{}, false
}

// Pattern is what the subscription hears.
func (s *Subscription) Pattern() topic.Pattern { return s.pattern }

// Stats counts what a subscription has done.
type Stats struct {
	Handled uint64 // by queued handlers
	Failed  uint64 // of those, with an error
	Waiting int    // in the queue
}

// Stats returns the counters at this moment.
func (s *Subscription) Stats() Stats {
	st := Stats{Handled: s.handled.Load(), Failed: s.failed.Load()}
	if s.queue != nil {
		st.Waiting = s.queue.len()
	}
	return st
}

// Close ends the subscription: what was queued is handled, publishes that are
// under way are waited for, and once Close has returned the handler is not
// called any more. If ctx ends before, what is left is dropped and counted in a
// *transport.DrainError. Close may be called again. Within a handler it does not
// wait: it returns at once, and what is left is handled after the handler has
// returned.
func (s *Subscription) Close(ctx context.Context) error {
	inside := insideHandler()
	if s.closed.CompareAndSwap(false, true) {
		s.bus.mu.Lock()
		nodes := s.bus.disconnect(s)
		s.bus.mu.Unlock()
		go s.end(nodes)
	}
	if inside {
		return nil
	}
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
	}
	if s.queue != nil {
		return &transport.DrainError{Left: s.abandon()}
	}
	return ErrDrainTimeout
}

// end waits for publishes that are under way, then for the queue.
func (s *Subscription) end(nodes []anyNode) {
	defer close(s.ended)
	for _, n := range nodes {
		n.settle()
	}
	if s.queue != nil {
		s.queue.finish()
		<-s.queue.done
	}
}

// insideHandler reports whether a handler of some bus is among the callers: to
// wait for its end would be to wait for oneself.
func insideHandler() bool {
	pcs := make([]uintptr, 256)
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs)
		if n == 0 {
			return false
		}
		frames := runtime.CallersFrames(pcs[:n])
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			if strings.HasPrefix(f.Function, packagePath) && strings.Contains(f.Function, ".deliver") {
				return true
			}
		}
	}
}

// packagePath begins the names of this package's functions.
const packagePath = "github.com/xsgen/xsgen/runtime/bus."
