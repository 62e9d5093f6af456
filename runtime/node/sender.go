package node

import (
	"context"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Sender publishes events of one topic for the code of a node. It is safe for concurrent
// use.
type Sender[T any] struct {
	n *Node
	p *bus.Publisher[T]
}

// KeyedSender is a Sender for a family of topics.
type KeyedSender[T any] struct {
	n *Node
	p *bus.KeyedPublisher[T]
}

// NewSender returns a sender.
func NewSender[T any](n *Node, t topic.Name) (*Sender[T], error) {
	p, err := bus.NewPublisher[T](n.bus, t)
	return &Sender[T]{n, p}, err
}

// NewKeyedSender is NewSender for a family of topics.
func NewKeyedSender[T any](n *Node, f topic.Family) (*KeyedSender[T], error) {
	p, err := bus.NewKeyedPublisher[T](n.bus, f)
	return &KeyedSender[T]{n, p}, err
}

// Send publishes e, which must not be changed afterwards. It returns when e is queued
// wherever it is heard in this process, and every transport that it leaves by has accepted
// it. Of a node that is being shut down it is transport.ErrClosed.
func (s *Sender[T]) Send(ctx context.Context, e *T) error {
	n := s.n // as n.Send does, without a function that is made for each event
	n.sending.Add(1)
	defer n.sending.Add(-1)
	if n.closed.Load() {
		return transport.ErrClosed
	}
	return s.p.Publish(ctx, e)
}

// Send is Sender.Send for the topic of key.
func (s *KeyedSender[T]) Send(ctx context.Context, key string, e *T) error {
	n := s.n
	n.sending.Add(1)
	defer n.sending.Add(-1)
	if n.closed.Load() {
		return transport.ErrClosed
	}
	return s.p.Publish(ctx, key, e)
}
