package amqp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/fifo"
)

// publisher sends messages in the order in which they were begun, by one channel. A
// message has a place in the window from when it was begun until its outcome is known;
// while it waits to be written it is in unsent, and then in unconfirmed.
type publisher struct {
	t       *Transport
	window  chan struct{} // a token for each message that has a place
	wake    chan struct{} // told when there is something to write
	blocked atomic.Bool   // the broker takes nothing at present
	packs   packer
	misses  bool // an exchange was gone; the goroutine of the link uses it

	draining atomic.Bool

	mu          sync.Mutex
	open        bool                 // there is a connection, and it is not blocked
	refused     error                // why the broker will have nothing of us, until somebody changes it
	closed      error                // why nothing is begun any more
	change      chan struct{}        // closed when one of these changes
	session     *session             // the one that is served
	unsent      fifo.List[*outgoing] // begun
	unconfirmed fifo.List[*outgoing] // written, in the order of delivery tags
	idle        chan struct{}        // closed when no message has a place, if somebody waits for it
	returned    map[string]reasons   // by id, since the last confirmation
}

// reasons are why the broker has returned messages of one id, by routing key.
type reasons map[string]string

func newPublisher(t *Transport) *publisher {
	p := &publisher{t: t, window: make(chan struct{}, t.o.window), wake: make(chan struct{}, 1), change: make(chan struct{})}
	p.packs.p = p
	return p
}

// outgoing is a message on its way to the broker, and the Pending of those who have begun
// what is in it.
type outgoing struct {
	exchange, key string
	mandatory     bool
	again         bool // sent again if it is not known whether it has arrived
	wipe          bool
	attempts      int  // how often the broker has refused it
	doubtful      bool // written before: a queue may have it, whatever becomes of it now
	content       amqp.Publishing
	buf           *[]byte // pooled, has the body
	id            string
	topic         topic.Name
	done          chan struct{} // closed when the outcome is known
	err           error
}

// begin takes a copy of m when there is a place for it.
func (p *publisher) begin(ctx context.Context, exchange, key string, m *transport.Message) (*outgoing, error) {
	return p.beginWith(ctx, exchange, key, m, nil)
}

// beginWith is begin with more headers.
func (p *publisher) beginWith(ctx context.Context, exchange, key string, m *transport.Message, more amqp.Table) (*outgoing, error) {
	if err := p.admit(ctx, m.Profile); err != nil {
		return nil, transport.NotSent(m, err)
	}
	o := p.outgoingOf(exchange, key, m)
	maps.Copy(o.content.Headers, more)
	p.enqueue(o)
	return o, nil
}

// outgoingOf makes the broker's message of one of ours.
func (p *publisher) outgoingOf(exchange, key string, m *transport.Message) *outgoing {
	o := &outgoing{
		exchange: exchange, key: key, mandatory: m.Mandatory, id: m.ID, topic: m.Topic, done: make(chan struct{}),
		again: m.Profile != nil && m.Profile.Durable != transport.Volatile && m.Profile.Confirm != transport.Off,
		wipe:  m.Profile != nil && m.Profile.Sensitive,
	}
	if o.id == "" {
		o.id = p.t.newID()
	}
	o.content = properties(m)
	o.content.MessageId = o.id
	o.buf = copyBody(m.Body)
	o.content.Body = *o.buf
	return o
}

// admit waits for a connection that takes messages, and for a place in the window.
func (p *publisher) admit(ctx context.Context, profile *transport.Profile) error {
	var limit <-chan time.Time
	for {
		change, open, err := p.state()
		if err != nil {
			return err
		}
		window := p.window
		if !open {
			window = nil
		}
		select {
		case window <- struct{}{}:
			return nil
		default:
		}
		if limit == nil && profile != nil && profile.PublishTimeout > 0 {
			timer := time.NewTimer(profile.PublishTimeout)
			defer timer.Stop()
			limit = timer.C
		}
		select {
		case window <- struct{}{}:
			return nil
		case <-change:
		case <-ctx.Done():
			return p.waited(transport.TimeoutError(ctx.Err()), open)
		case <-limit:
			return p.waited(transport.ErrTimeout, open)
		}
	}
}

// waited says what was waited for.
func (p *publisher) waited(err error, open bool) error {
	switch {
	case open:
		return err
	case p.blocked.Load():
		return fmt.Errorf("%w: %w", transport.ErrBlocked, err)
	}
	return fmt.Errorf("%w: %w", transport.ErrNotConnected, err)
}

// state says whether messages are taken, and if not, what tells of a change.
func (p *publisher) state() (change <-chan struct{}, open bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed != nil:
		return nil, false, p.closed
	case p.refused != nil:
		return nil, false, refusal(p.refused)
	}
	return p.change, p.open, nil
}

// set changes the state, and tells of it.
func (p *publisher) set(f func()) {
	p.mu.Lock()
	f()
	close(p.change)
	p.change = make(chan struct{})
	p.mu.Unlock()
	p.rouse()
}

// rouse has the writer look.
func (p *publisher) rouse() {
	select {
	case p.wake <- struct{}{}:
	default: // it has been told
	}
}

// enqueue has a message written that has a place in the window.
func (p *publisher) enqueue(o *outgoing) {
	p.mu.Lock()
	closed := p.closed
	if closed == nil {
		p.unsent.Push(o)
	}
	p.mu.Unlock()
	if closed != nil {
		p.finish(o, transport.OutcomeNotSent, closed)
		return
	}
	p.rouse()
}

// finish tells what has become of a message; nil is that it is stored. Of one that waited to be
// written again nobody can say that it was not sent.
func (p *publisher) finish(o *outgoing, known transport.Outcome, err error) {
	if o.doubtful && known == transport.OutcomeNotSent {
		known = transport.OutcomeUnknown
	}
	if err != nil {
		o.err = &transport.PublishError{ID: o.id, Topic: o.topic, Known: known, Err: err}
	}
	releaseBody(o.buf, o.wipe)
	o.buf, o.content = nil, amqp.Publishing{}
	close(o.done)
	<-p.window
	if p.draining.Load() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tellIdle()
	}
}

// Wait implements transport.Pending.
func (o *outgoing) Wait(ctx context.Context) error {
	select {
	case <-o.done:
		return o.err
	default:
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return &transport.PublishError{ID: o.id, Topic: o.topic, Known: transport.OutcomeUnknown, Err: transport.TimeoutError(ctx.Err())}
	}
}

// send publishes what the transport itself has to say, such as a dead letter, until it is
// stored: what is lost with a connection is sent again. It ends with ctx.
func (p *publisher) send(ctx context.Context, exchange, key string, m *transport.Message, more amqp.Table) error {
	for n := 0; ; n++ {
		o, err := p.beginWith(ctx, exchange, key, m, more)
		if err == nil {
			err = o.Wait(ctx)
		}
		e, failed := errors.AsType[*transport.PublishError](err)
		if !failed || !e.Retryable() || errors.Is(err, transport.ErrUnroutable) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(p.t.o.backoff.wait(n)):
		case <-ctx.Done():
			return err
		}
	}
}

// drain waits until nothing is on its way; false if stop comes before.
func (p *publisher) drain(stop <-chan struct{}) bool {
	p.packs.flushAll()
	p.draining.Store(true)
	p.mu.Lock()
	idle := make(chan struct{})
	p.idle = idle
	p.tellIdle()
	p.mu.Unlock()
	select {
	case <-idle:
		return true
	case <-stop:
		return false
	}
}

// tellIdle tells who waits for it that nothing is on its way; p.mu is held.
func (p *publisher) tellIdle() {
	if p.idle != nil && len(p.window) == 0 {
		close(p.idle)
		p.idle = nil
	}
}

// close ends everything; it returns how many messages are given up.
func (p *publisher) close(why error) int {
	var unsent, unconfirmed []*outgoing
	p.set(func() {
		p.closed = why
		unsent, unconfirmed = p.unsent.Drain(), p.unconfirmed.Drain()
	})
	for _, o := range unsent {
		p.finish(o, transport.OutcomeNotSent, why)
	}
	for _, o := range unconfirmed {
		p.finish(o, transport.OutcomeUnknown, why)
	}
	return len(unsent) + len(unconfirmed)
}
