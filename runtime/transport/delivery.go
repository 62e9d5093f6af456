package transport

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/poison"
)

// Receiver gets a subscription's messages, one after the other, not always from the same
// goroutine.
// It must see to it that each delivery is settled, by itself or by somebody else, at
// once or later: as many as the profile's Prefetch says may be unsettled at a time, or
// if that is 0 at least Concurrency times BatchSize, and the next one is not handed
// over before. ctx ends when the subscription has
// ended and its time for draining is over. A panic settles the delivery with a
// *PanicError, if it is not yet.
type Receiver func(ctx context.Context, d *Delivery)

// Settler is the part of a transport that a delivery goes back to.
type Settler interface {
	// Settle is called at most once for a delivery, and uses d's message until it
	// returns.
	Settle(d *Delivery, err error) error
	// Reply is called until it returns nil, one call at a time. It does not keep m.
	Reply(ctx context.Context, d *Delivery, m *Message) error
	// Later is called at most once, and returns what does the same after Settle. That uses
	// nothing of d, does not keep m, and is ErrClosed once the transport is closed.
	Later(d *Delivery) func(ctx context.Context, m *Message) error
}

// Delivery is a message that was handed to a receiver. Its message is valid until it
// is settled; Clone keeps it beyond that. Built with the tag xsgendebug, a message that is
// read later has nothing but nonsense in it. Message.Attempt is how often the message has
// failed, and one; a delivery that a lost connection has cut short may not be counted. It
// is safe for concurrent use.
type Delivery struct {
	Message

	settler  Settler
	settled  atomic.Bool
	answered atomic.Bool
}

// Init makes d the delivery of a copy of a message that goes back to s; what m's fields point
// to is not copied. Only a transport calls it, before it hands d over: once, unless
// the subscription's Reuse says that nobody has d any more.
func (d *Delivery) Init(m *Message, s Settler) {
	if poison.On {
		m = m.Clone() // what others have stays as it is
	}
	d.Message, d.settler = *m, s
	if d.settled.Load() {
		d.settled.Store(false)
	}
	if d.answered.Load() {
		d.answered.Store(false)
	}
}

// Settle says what has become of the message: nil that it was handled, an error that
// it is to be delivered again, if the profile says so, or else given up; at once if
// the error is from Permanent or wraps ErrDecode. A request is never delivered again:
// it is answered with the error, or, without one and without a reply, with
// ErrNoReply. Of several calls the first counts, the others return ErrStale, as does
// the first if the message was taken back. With an error it may take as long as
// publishing, a dead letter or what is to be tried again, which a broker keeps; while there
// is no connection that is until there is one, or the subscription ends. nil does not
// say that the other side knows already. Another error says that the other side could not be told: then the
// message may be delivered again.
func (d *Delivery) Settle(err error) error {
	if !d.settled.CompareAndSwap(false, true) {
		return ErrStale
	}
	if poison.On {
		defer spoil(&d.Message)
	}
	return d.settler.Settle(d, err)
}

// spoil overwrites a message, except for what a Reply looks at, which may be under way.
func spoil(m *Message) {
	poison.Bytes(m.Body)
	clear(m.Headers)
	e := &m.Envelope
	for _, s := range [...]*string{&e.ID, &e.Type, &e.Source, &e.Key, &e.Causation, &e.Epoch, &e.Group, &e.Schema} {
		*s = poison.Text
	}
	e.Time, e.Seq, e.Attempt = time.Time{}, math.MaxUint64, math.MaxUint64
	if m.Headers != nil {
		m.Headers[poison.Text] = poison.Text
	}
}

// spoiling is a filter whose message is overwritten when it has returned; nil for none.
func spoiling(where func(*Message) bool) func(*Message) bool {
	if where == nil {
		return nil
	}
	return func(m *Message) bool {
		own := m.Clone() // m is others' as well
		defer spoil(own)
		return where(own)
	}
}

// Settled reports whether Settle has been called.
func (d *Delivery) Settled() bool { return d.settled.Load() }

// Answered reports whether Reply has been called.
func (d *Delivery) Answered() bool { return d.answered.Load() }

// Reply answers a request; the correlation and, where it is empty, the topic are
// filled in on a copy. m is the caller's again when Reply has returned. It does not
// settle the delivery. It may fail and be tried again; nil does not say that somebody
// still waits for the reply. Without a request it is ErrNoRoute, after the first reply or
// after Settle ErrStale.
func (d *Delivery) Reply(ctx context.Context, m *Message) error {
	if d.ReplyTo == "" {
		return ErrNoRoute
	}
	if d.settled.Load() || !d.answered.CompareAndSwap(false, true) {
		return ErrStale
	}
	reply := *m
	reply.Correlation = d.Correlation
	if reply.Topic == "" {
		reply.Topic = d.Topic
	}
	err := d.settler.Reply(ctx, d, &reply)
	if err != nil {
		d.answered.Store(false) // another reply may do
	}
	return err
}

// Detach has a request be answered by what it returns, from any goroutine, also after it
// was settled: Settle does not answer it any more. Of several calls the first counts. Without
// a request it is ErrNoRoute, after a reply or after Settle ErrStale.
func (d *Delivery) Detach() (reply func(ctx context.Context, m *Message) error, err error) {
	if d.ReplyTo == "" {
		return nil, ErrNoRoute
	}
	if d.settled.Load() || !d.answered.CompareAndSwap(false, true) {
		return nil, ErrStale
	}
	send, correlation, name := d.settler.Later(d), d.Correlation, d.Topic
	var done atomic.Bool
	return func(ctx context.Context, m *Message) error {
		if done.Swap(true) {
			return ErrStale
		}
		out := *m
		out.Correlation = correlation
		if out.Topic == "" {
			out.Topic = name
		}
		return send(ctx, &out)
	}, nil
}
