package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// SubscribeOption is an option of a subscription.
type SubscribeOption func(*subscribeOptions)

type subscribeOptions struct {
	direct, queued, batch bool // what was asked for; by default it is direct
	last                  bool
	also                  []topic.Pattern

	profile   transport.Profile
	filter    any           // func(*Event[T]) bool or func(*AnyEvent) bool
	limit     time.Duration // of the handler
	group     string
	policy    GroupPolicy
	responder bool
	replay    bool
}

// DefaultCapacity is the number of events that can wait for a queued
// subscription unless it says otherwise.
const DefaultCapacity = transport.DefaultCapacity

// Direct makes the handler run inside Publish, in the publisher's goroutine and
// with its ctx; its error is Publish's. Handlers run in the order in which they
// subscribed, those of one key after those of every key, and those with Last at the
// end. This is the default. A profile, or a batch, needs a queue: with Direct it is
// refused.
func Direct() SubscribeOption { return func(o *subscribeOptions) { o.direct = true } }

// Last has a direct subscription's handler be called after all others have the event, also
// those that have subscribed later, or to single keys: for a handler that may take long,
// since it sends the event elsewhere. Queues that are full are waited for meanwhile. It is not
// for members of a group.
func Last() SubscribeOption { return func(o *subscribeOptions) { o.last = true } }

// Also has a subscription hear what other patterns match as well: it is one
// subscription, in which order holds across them, and an event that several match comes
// once.
func Also(patterns ...topic.Pattern) SubscribeOption {
	return func(o *subscribeOptions) { o.also = append(o.also, patterns...) }
}

// Queued gives the subscription a goroutine of its own and room for capacity
// events, those being handled included; with 0 it is DefaultCapacity. Publish
// returns once the event is queued. The handler's ctx ends when the subscription
// is closed and its deadline for draining has passed. Queued(n) is the default
// profile with a capacity of n.
func Queued(capacity int) SubscribeOption {
	return func(o *subscribeOptions) {
		o.queued, o.profile = true, transport.Profile{Capacity: max(capacity, 0)}
	}
}

// WithProfile queues the subscription's events as a profile says. What has no
// meaning within a process, since both ends share its fate or there is no broker, is
// ignored: Durable, ManualAck and Confirm; DurableRequired is refused.
func WithProfile(p transport.Profile) SubscribeOption {
	return func(o *subscribeOptions) { o.queued, o.profile = true, p }
}

// Where has a subscription hear only events for which keep returns true. It is asked
// in the publisher's goroutine, before the event is queued, and may be asked by several
// at once; for a member of a group also in that of another member that has failed. It must
// neither keep the event nor call the bus. A panic of it is the publisher's error. For SubscribeAny T is any type of
// event, and others are not heard; WhereAny is asked for all of them.
func Where[T any](keep func(*Event[T]) bool) SubscribeOption {
	return func(o *subscribeOptions) { o.filter = keep }
}

// WhereAny is Where for events of any type.
func WhereAny(keep func(*AnyEvent) bool) SubscribeOption {
	return func(o *subscribeOptions) { o.filter = keep }
}

// HandlerTimeout gives each call of the handler a ctx that ends after d. It does not
// end the handler.
func HandlerTimeout(d time.Duration) SubscribeOption {
	return func(o *subscribeOptions) { o.limit = d }
}

// CheckProfile returns an error for a profile that makes no sense, or that cannot be
// honoured within a process.
func CheckProfile(p transport.Profile) error {
	if p.Durable == transport.DurableRequired {
		return fmt.Errorf("%w: durable is required, and within a process nothing outlives it", transport.ErrInvalidProfile)
	}
	return p.Validate()
}

var errDirectQueue = fmt.Errorf("%w: a direct subscription has no queue, no profile and no batches", transport.ErrInvalidProfile)

var errLast = fmt.Errorf("%w: Last is for a direct subscription that is in no group", transport.ErrInvalidProfile)

func (o *subscribeOptions) check() error {
	if o.direct && o.queued {
		return errDirectQueue
	}
	switch {
	case o.last && (o.queued || o.group != ""):
		return errLast
	case o.replay && !o.queued:
		return errReplayDirect
	case o.replay && o.group != "":
		return errReplayGroup
	}
	err := CheckProfile(o.profile)
	if !o.batch {
		o.profile.BatchSize, o.profile.BatchTimeout = 1, 0 // the handler takes one event at a time
	}
	return err
}

// limited gives a direct handler its ctx.
func limited[T any](s *Subscription, h func(context.Context, *Event[T]) error) func(context.Context, *Event[T]) error {
	d := s.options.limit
	if d <= 0 {
		return h
	}
	return func(ctx context.Context, e *Event[T]) error {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		return h(ctx, e)
	}
}

// filtered asks a filter first.
func filtered[T any](s *Subscription, keep func(*Event[T]) bool, take func(context.Context, *Event[T]) error) func(context.Context, *Event[T]) error {
	if keep == nil {
		return take
	}
	return func(ctx context.Context, e *Event[T]) error {
		if !keep(e) {
			s.counts.filtered.Add(1)
			return nil
		}
		return take(ctx, e)
	}
}

// filterOf is the filter of a subscription for events of type T, nil for none; false
// if it has one for another type.
func filterOf[T any](s *Subscription) (func(*Event[T]) bool, bool) {
	switch keep := s.options.filter.(type) {
	case nil:
		return nil, true
	case func(*Event[T]) bool:
		return keep, true
	case func(*AnyEvent) bool:
		return func(e *Event[T]) bool { return keep(e.asAny()) }, true
	}
	return nil, false
}
