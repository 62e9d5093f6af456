package bus

import (
	"context"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Publisher publishes values of one type to one topic. It is safe for concurrent
// use; the zero value is not usable.
type Publisher[T any] struct{ n *node[T] }

// NewPublisher returns a publisher for a topic. A topic that carries another
// type already is ErrTypeMismatch, a closed bus ErrClosed.
func NewPublisher[T any](b *Bus, name topic.Name) (*Publisher[T], error) {
	if _, err := topic.Parse(string(name)); err != nil {
		return nil, err
	}
	n, err := nodeOf[T](place{bus: b, name: name})
	if err != nil {
		return nil, err
	}
	return &Publisher[T]{n}, nil
}

// Publish hands v to every subscriber. It returns the errors of direct handlers
// and of queues that did not accept v, joined, and ErrClosed once the bus is
// closed. It blocks while a queue is full, until ctx ends. v must not be changed
// afterwards. It allocates nothing unless publishes of one topic overlap.
func (p *Publisher[T]) Publish(ctx context.Context, v *T) error { return p.n.publish(ctx, "", v) }

// KeyedPublisher publishes values of one type to the topics of a family.
type KeyedPublisher[T any] struct{ n *node[T] }

// NewKeyedPublisher is NewPublisher for a family of topics.
func NewKeyedPublisher[T any](b *Bus, family topic.Family) (*KeyedPublisher[T], error) {
	room := topic.MaxLength - len(family.Pattern())
	n, err := nodeOf[T](place{bus: b, family: family, keyed: true, shortKey: room / len("%XX")})
	if err != nil {
		return nil, err
	}
	return &KeyedPublisher[T]{n}, nil
}

// Publish is Publisher.Publish for the topic of key. A key that cannot be part of
// the topic is an error that wraps topic.ErrInvalidKey or topic.ErrTooLong.
func (p *KeyedPublisher[T]) Publish(ctx context.Context, key string, v *T) error {
	if key == "" || len(key) > p.n.place.shortKey {
		if _, err := p.n.place.family.Of(key); err != nil {
			return err
		}
	}
	return p.n.publish(ctx, key, v)
}
