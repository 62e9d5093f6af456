package node

import (
	"context"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Wire publishes what a machine sends, or has published, as its receiver takes it. An
// empty id is none. It is safe for concurrent use.
type Wire[S any] func(ctx context.Context, id, key string, e *S) error

// NewWire returns a wire to a topic. where may be nil; what it does not hold for is not
// published. What cannot be mapped is a *MappingError, which is permanent.
func NewWire[S, T any](b *bus.Bus, t topic.Name, where func(key string, e *S) bool, mapping func(key string, e *S) *T) (Wire[S], error) {
	p, err := bus.NewPublisher[T](b, t)
	return wired(where, SameKey[S], mapping, func(ctx context.Context, id, _ string, v *T) error { return p.PublishAs(ctx, id, v) }), err
}

// NewKeyedWire returns a wire to a family of topics. keyOf is the key of the receiver.
func NewKeyedWire[S, T any](
	b *bus.Bus, f topic.Family, where func(key string, e *S) bool, keyOf func(key string, e *S) string, mapping func(key string, e *S) *T,
) (Wire[S], error) {
	p, err := bus.NewKeyedPublisher[T](b, f)
	return wired(where, keyOf, mapping, func(ctx context.Context, id, key string, v *T) error { return p.PublishAs(ctx, id, key, v) }), err
}

func wired[S, T any](
	where func(string, *S) bool, keyOf func(string, *S) string, mapping func(string, *S) *T, publish func(context.Context, string, string, *T) error,
) Wire[S] {
	return func(ctx context.Context, id, key string, e *S) error {
		if where != nil && !holds(where, key, e) {
			return nil
		}
		to, v, err := crossed(key, e, keyOf, mapping)
		if err != nil {
			return err
		}
		return publish(ctx, id, to, v)
	}
}

// holds reports whether a condition holds. One that fails does not.
func holds[S any](where func(string, *S) bool, key string, e *S) (yes bool) {
	return mapped(func() { yes = where(key, e) }) == nil && yes
}

// Forward is a Route's Take that publishes events anew, under an id that is made of
// theirs: published again, they have the same one.
func Forward[S any](w Wire[S], suffix string) func(context.Context, *bus.AnyEvent) error {
	return func(ctx context.Context, e *bus.AnyEvent) error {
		v, err := valueOf[*S](e)
		if err != nil {
			return err
		}
		return w(ctx, e.ID()+"/"+suffix, e.Key(), v)
	}
}
