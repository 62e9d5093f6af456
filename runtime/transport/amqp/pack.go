package amqp

import (
	"context"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// A pack is several events of one topic in one message of the broker's: what all of them
// share is in its properties, and its body has for each an envelope of what is its own,
// and the event, as MessagePack values one after the other.

// The sizes of packs, in bytes.
const (
	maxPack = 64 << 10
	minItem = 3 // an empty envelope and an empty body
)

// minPackTimeout is how long a pack waits to fill where the profile does not say.
const minPackTimeout = time.Millisecond

// packable reports whether an event may travel with others: its profile has batches, and
// nobody waits for it alone.
func packable(m *transport.Message) bool {
	return m.Profile != nil && m.Profile.BatchSize > 1 && !m.Mandatory && m.ReplyTo == "" && len(m.Body) <= maxPack/2
}

// packer collects events.
type packer struct {
	p    *publisher
	mu   sync.Mutex
	open map[topic.Name]*pack
}

// pack is an outgoing message that is not full.
type pack struct {
	*outgoing
	like    transport.Envelope // what all have
	profile *transport.Profile
	count   int
	timer   *time.Timer
	closed  bool
}

// packed is the Pending of an event in a pack.
type packed struct {
	*outgoing
	eventID string
}

// Wait implements transport.Pending.
func (e *packed) Wait(ctx context.Context) error {
	err := e.outgoing.Wait(ctx)
	if of, ok := err.(*transport.PublishError); ok {
		mine := *of
		mine.ID = e.eventID
		return &mine
	}
	return err
}

// pack adds m to the pack of its topic.
func (p *publisher) pack(ctx context.Context, exchange string, m *transport.Message) (transport.Pending, error) {
	if m.ID == "" {
		named := *m
		named.ID = p.t.newID()
		m = &named
	}
	k := &p.packs
	k.mu.Lock()
	defer k.mu.Unlock()
	b := k.open[m.Topic]
	if b != nil && !b.fits(m) {
		k.flush(b)
		b = nil
	}
	if b == nil {
		k.mu.Unlock()
		err := p.admit(ctx, m.Profile)
		k.mu.Lock()
		if err != nil {
			return nil, transport.NotSent(m, err)
		}
		b = k.begin(exchange, m)
	}
	if err := b.add(m); err != nil {
		return nil, transport.NotSent(m, fmt.Errorf("%w: %w", transport.ErrInvalidMessage, err))
	}
	if b.count >= m.Profile.BatchSize || len(*b.buf) >= maxPack {
		k.flush(b)
	}
	if m.Profile.Confirm == transport.Off {
		return transport.Accepted{}, nil
	}
	return &packed{b.outgoing, m.ID}, nil
}

// begin opens a pack, which has a place in the window, unless somebody was quicker; k.mu
// is held.
func (k *packer) begin(exchange string, m *transport.Message) *pack {
	if b := k.open[m.Topic]; b != nil {
		if b.fits(m) {
			<-k.p.window
			return b
		}
		k.flush(b)
	}
	first := *m
	first.ID, first.Body, first.Headers = k.p.t.newID(), nil, nil
	first.Time, first.Correlation, first.Causation, first.Seq = time.Time{}, "", "", 0
	b := &pack{outgoing: k.p.outgoingOf(exchange, string(m.Topic), &first), like: first.Envelope, profile: m.Profile}
	b.content.ContentType = contentPack
	if k.open == nil {
		k.open = map[topic.Name]*pack{}
	}
	k.open[m.Topic] = b
	b.timer = time.AfterFunc(max(m.Profile.BatchTimeout, minPackTimeout), func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.flush(b)
	})
	return b
}

// fits reports whether an event has in common with those in the pack what they share.
func (b *pack) fits(m *transport.Message) bool {
	l := &b.like
	return (b.profile == m.Profile || *b.profile == *m.Profile) && l.Type == m.Type && l.Source == m.Source && l.Key == m.Key &&
		l.Epoch == m.Epoch && l.Schema == m.Schema && l.Group == m.Group
}

// add appends an event.
func (b *pack) add(m *transport.Message) error {
	e := transport.Envelope{ID: m.ID, Time: m.Time, Correlation: m.Correlation, Causation: m.Causation, Headers: m.Headers, Seq: m.Seq}
	buf, err := e.AppendMsgpack(*b.buf)
	if err == nil {
		buf, err = codec.AppendBytes(buf, m.Body, nil)
	}
	if err != nil {
		return err
	}
	*b.buf = buf
	b.count++
	return nil
}

// flush has a pack sent; k.mu is held.
func (k *packer) flush(b *pack) {
	if b.closed {
		return
	}
	b.closed = true
	b.timer.Stop()
	delete(k.open, b.topic)
	if b.count == 0 {
		k.p.finish(b.outgoing, transport.OutcomeNotSent, transport.ErrInvalidMessage)
		return
	}
	b.content.Headers[headerCount] = int64(b.count)
	b.content.Body = *b.buf
	k.p.enqueue(b.outgoing)
}

// flushTopic has the pack of a topic sent.
func (k *packer) flushTopic(name topic.Name) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if b := k.open[name]; b != nil {
		k.flush(b)
	}
}

// flushAll has all packs sent.
func (k *packer) flushAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, b := range k.open {
		k.flush(b)
	}
}

// packLimit is how long a pack may be where a body has a limit: one event is added to a pack that
// is not full, with an envelope of its own.
func packLimit(limit int) int { return max(limit, 2*maxPack+transport.MaxHeaders) + 4096 }

// unpack returns the events of a pack. Their bodies are their own.
func unpack(a *arrival, d *amqp.Delivery, limit int) ([]transport.Message, error) {
	r := codec.NewReaderSize(d.Body, packLimit(limit))
	out := make([]transport.Message, 0, a.count)
	for range a.count {
		m := transport.Message{Envelope: a.Envelope}
		var e transport.Envelope
		e.ReadMsgpack(&r)
		m.ID, m.Time, m.Correlation, m.Causation, m.Headers, m.Seq = e.ID, e.Time, e.Correlation, e.Causation, e.Headers, e.Seq
		m.Body = r.Bytes()
		if err := m.Check(limit); err != nil {
			return nil, fmt.Errorf("%w: a pack: %w", transport.ErrDecode, err)
		}
		out = append(out, m)
	}
	if err := r.Finish(); err != nil {
		return nil, fmt.Errorf("%w: a pack: %w", transport.ErrDecode, err)
	}
	return out, nil
}
