package zeromq

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// pending is a message whose receivers have not all said that they have it.
type pending struct {
	id    string
	topic topic.Name
	left  atomic.Int32 // of those, and one for Begin

	mu   sync.Mutex
	err  error         // the first one
	over bool          // nothing is left
	done chan struct{} // made by the first who waits, closed when it is over
}

// settle says that one receiver has it, or why it has not.
func (p *pending) settle(err error) {
	if p == nil {
		return // nobody wants to know
	}
	if err != nil {
		p.mu.Lock()
		if p.err == nil {
			p.err = &transport.PublishError{ID: p.id, Topic: p.topic, Known: transport.OutcomeUnknown, Err: err}
		}
		p.mu.Unlock()
	}
	if p.left.Add(-1) > 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over = true; p.done != nil {
		close(p.done)
	}
}

// Wait implements transport.Pending.
func (p *pending) Wait(ctx context.Context) error {
	if p.left.Load() > 0 {
		select {
		case <-p.settled():
		case <-ctx.Done():
			return &transport.PublishError{ID: p.id, Topic: p.topic, Known: transport.OutcomeUnknown, Err: transport.TimeoutError(ctx.Err())}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// settled is closed when nothing is left.
func (p *pending) settled() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == nil {
		p.done = make(chan struct{})
		if p.over {
			close(p.done)
		}
	}
	return p.done
}
