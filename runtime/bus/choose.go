package bus

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Choose returns the handler for the events of one topic, or of one family of topics,
// which it gets as [AnyEvent.Template] has it. It must not return nil, and must not call
// the bus. It is called from any goroutine, for one topic at a time.
type Choose func(template topic.Pattern) AnyHandler

// SubscribeEach is SubscribeAny with a handler for each topic: choose is asked for it when
// the topic is first used, so that nothing has to be looked up for an event.
func SubscribeEach(b *Bus, pattern topic.Pattern, choose Choose, opts ...SubscribeOption) (*Subscription, error) {
	if choose == nil {
		return nil, ErrNilHandler
	}
	s := &Subscription{pattern: pattern, choices: &choices{choose: choose, of: map[*place]*choice{}}}
	return subscribe(b, s, func() call { return queued(s.choices.handler()) }, opts)
}

// Rechoose has the choose of SubscribeEach be asked again for every topic that is in use. An
// event that is on its way to its handler in the same moment may still be handled by the one
// before. It does nothing to other subscriptions.
func (s *Subscription) Rechoose() {
	c := s.choices
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for p, x := range c.of {
		x.set(c.choose(p.template))
	}
}

// choices are the handlers of a subscription, by topics.
type choices struct {
	choose Choose
	mu     sync.Mutex
	of     map[*place]*choice
}

// choice is the handler of one topic, which may become another one.
type choice struct{ handler atomic.Pointer[AnyHandler] }

func (x *choice) set(h AnyHandler) { x.handler.Store(&h) }

// at is the choice for a topic.
func (c *choices) at(p *place) *choice {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.of[p]
	if x == nil {
		x = &choice{}
		x.set(c.choose(p.template))
		c.of[p] = x
	}
	return x
}

// handler is what a goroutine of a queue calls, which alone may do so. It remembers what it
// has found.
func (c *choices) handler() AnyHandler {
	found := map[*place]*choice{}
	var last *place
	var x *choice
	return func(ctx context.Context, e *AnyEvent) error {
		if p := e.origin.place; p != last {
			known := false
			if x, known = found[p]; !known {
				x = c.at(p)
				found[p] = x
			}
			last = p
		}
		return (*x.handler.Load())(ctx, e)
	}
}

// direct is what a direct subscription does with the events of one topic.
func direct[T any](x *choice) Handler[T] {
	return func(ctx context.Context, e *Event[T]) error { return (*x.handler.Load())(ctx, e.asAny()) }
}
