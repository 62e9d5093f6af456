package bus

import (
	"context"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Publisher publishes values of one type to one topic. It is safe for concurrent
// use; the zero value is not usable.
type Publisher[T any] struct {
	n       *node[T]
	options publishOptions
}

// PublishOption is an option of a publisher.
type PublishOption func(*publishOptions)

type publishOptions struct{ timeout time.Duration }

// PublishTimeout bounds how long a publish waits for room in a queue; then its
// error is ErrTimeout, for that queue, which has not got the value. Without it
// only ctx bounds it. Machines publish with a second.
func PublishTimeout(d time.Duration) PublishOption {
	return func(o *publishOptions) { o.timeout = d }
}

func applied(opts []PublishOption) publishOptions {
	var o publishOptions
	for _, f := range opts {
		f(&o)
	}
	return o
}

// NewPublisher returns a publisher for a topic. A topic that carries another
// type already is ErrTypeMismatch, a closed bus ErrClosed.
func NewPublisher[T any](b *Bus, name topic.Name, opts ...PublishOption) (*Publisher[T], error) {
	if _, err := topic.Parse(string(name)); err != nil {
		return nil, err
	}
	n, err := nodeOf[T](place{bus: b, name: name})
	if err != nil {
		return nil, err
	}
	return &Publisher[T]{n, applied(opts)}, nil
}

// Publish hands v to every subscriber. It returns the errors of direct handlers
// and of queues that did not accept v, joined, and ErrClosed once the bus is
// closed. It blocks while a queue is full, until ctx ends; one that has ended before counts
// only where it would block. All others have v by then. v must not be changed afterwards, and
// nil is ErrNilEvent.
// It allocates nothing unless publishes of one topic overlap, or wait.
func (p *Publisher[T]) Publish(ctx context.Context, v *T) error {
	return p.n.send(ctx, nil, "", v, p.options.timeout)
}

// PublishAs is Publish for an event that has an id already, which the same event
// had when it was published before. An empty id is none.
func (p *Publisher[T]) PublishAs(ctx context.Context, id string, v *T) error {
	return p.n.send(ctx, identified(id), "", v, p.options.timeout)
}

// KeyedPublisher publishes values of one type to the topics of a family.
type KeyedPublisher[T any] struct {
	n       *node[T]
	options publishOptions
}

// NewKeyedPublisher is NewPublisher for a family of topics.
func NewKeyedPublisher[T any](b *Bus, family topic.Family, opts ...PublishOption) (*KeyedPublisher[T], error) {
	room := topic.MaxLength - len(family.Pattern())
	n, err := nodeOf[T](place{bus: b, family: family, keyed: true, shortKey: room / len("%XX")})
	if err != nil {
		return nil, err
	}
	return &KeyedPublisher[T]{n, applied(opts)}, nil
}

// Publish is Publisher.Publish for the topic of key. A key that cannot be part of
// the topic is an error that wraps topic.ErrInvalidKey or topic.ErrTooLong.
func (p *KeyedPublisher[T]) Publish(ctx context.Context, key string, v *T) error {
	if err := p.checkKey(key); err != nil {
		return err
	}
	return p.n.send(ctx, nil, key, v, p.options.timeout)
}

// PublishAs is Publisher.PublishAs for the topic of key.
func (p *KeyedPublisher[T]) PublishAs(ctx context.Context, id, key string, v *T) error {
	if err := p.checkKey(key); err != nil {
		return err
	}
	return p.n.send(ctx, identified(id), key, v, p.options.timeout)
}

func (p *KeyedPublisher[T]) checkKey(key string) error {
	if key != "" && len(key) <= p.n.place.shortKey {
		return nil
	}
	_, err := p.n.place.family.Of(key)
	return err
}

// PublishBatch publishes values one after the other, with less effort where they are
// queued: a queue gets them together. If there are errors, they are those of all
// values, joined; the others have been published. A queue that gets them together and does
// not take all is a *BatchError, and gets none of those that follow. Of a batch with a nil in it
// nothing is published: that is ErrNilEvent.
func (p *Publisher[T]) PublishBatch(ctx context.Context, values []*T) error {
	return p.n.publishBatch(ctx, "", values, p.options.timeout)
}

// PublishBatch is Publisher.PublishBatch for the topic of key.
func (p *KeyedPublisher[T]) PublishBatch(ctx context.Context, key string, values []*T) error {
	if err := p.checkKey(key); err != nil {
		return err
	}
	return p.n.publishBatch(ctx, key, values, p.options.timeout)
}

// identified is for an event that has an id.
func identified(id string) *extra {
	if id == "" {
		return nil
	}
	return &extra{id: id}
}

// send publishes, and tells the observer if there is one.
func (n *node[T]) send(ctx context.Context, x *extra, key string, v *T, timeout time.Duration) error {
	if v == nil {
		return ErrNilEvent
	}
	if n.place.watched {
		return n.observe(ctx, x, key, v, timeout)
	}
	return n.publish(ctx, x, key, v, timeout)
}
