package node

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// encoder is what generated events are.
type encoder interface {
	AppendMsgpack(b []byte) ([]byte, error)
}

// encode appends an event's encoded form to b.
func encode(b []byte, v any) ([]byte, error) {
	e, ok := v.(encoder)
	if !ok {
		return nil, fmt.Errorf("%w: %T has no method AppendMsgpack", transport.ErrInvalidMessage, v)
	}
	b, err := e.AppendMsgpack(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", transport.ErrInvalidMessage, err)
	}
	return b, nil
}

// link is a transport that the node has opened.
type link struct {
	name    string
	t       transport.Transport
	unwatch func()

	leaving topic.Index[*Outgoing] // what leaves by it
	lines   sync.Map               // topic.Pattern -> *line
}

// line is one family of topics on one transport. Its messages are numbered in the order in
// which they are begun, or a receiver would take one that overtakes another for a gap.
type line struct {
	turn chan struct{} // has room for whose turn it is
	seq  uint64        // of the last message that may be on its way; who has the turn uses it
}

// link is the open transport of a name, nil if there is none.
func (n *Node) link(name string) *link {
	for _, l := range n.links {
		if l.name == name {
			return l
		}
	}
	return nil
}

func (l *link) line(template topic.Pattern) *line {
	if found, ok := l.lines.Load(template); ok {
		return found.(*line)
	}
	found, _ := l.lines.LoadOrStore(template, &line{turn: make(chan struct{}, 1)})
	return found.(*line)
}

// profile is how events of a topic are published; nil if they do not leave by l.
func (l *link) profile(name topic.Name) *transport.Profile {
	found := l.leaving.Match(name)
	if len(found) == 0 {
		return nil
	}
	p := &found[0].Profile
	for _, o := range found[1:] {
		p = safest(p, &o.Profile)
	}
	return p
}

// safest is a profile that keeps what each of two promises to its receivers. Only what
// concerns publishing is of interest.
func safest(a, b *transport.Profile) *transport.Profile {
	p := *a
	p.Durable = max(a.Durable, b.Durable)
	switch {
	case a.Confirm == transport.On || b.Confirm == transport.On:
		p.Confirm = transport.On
	case a.Confirm != b.Confirm:
		p.Confirm = transport.Unset
	}
	p.PublishTimeout = longest(a.PublishTimeout, b.PublishTimeout)
	p.TTL = longest(a.TTL, b.TTL)
	p.BatchSize, p.BatchTimeout = min(a.BatchSize, b.BatchSize), min(a.BatchTimeout, b.BatchTimeout)
	p.Sensitive = a.Sensitive || b.Sensitive
	return &p
}

// longest is the longer of two times, of which 0 is for ever.
func longest(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// leg is one transport's part in a publish.
type leg struct {
	link    *link
	profile *transport.Profile
	pending transport.Pending
	err     error
}

// listenLast subscribes to what leaves the node. Whoever hears it in the process, and may
// have subscribed later, is served before a transport is waited for, but for queues that are
// full: neither waits for the other.
func (n *Node) listenLast() error {
	var patterns []topic.Pattern
	for i := range n.plan.Outgoing {
		o := &n.plan.Outgoing[i]
		l := n.link(o.Via)
		if l == nil {
			return fmt.Errorf("node: %s leaves by %s, which the node does not open", o.Pattern, o.Via)
		}
		if err := l.t.Check(o.Profile); err != nil {
			return fmt.Errorf("node: %s by %s: %w", o.Pattern, o.Via, err)
		}
		l.leaving.Add(o.Pattern, o)
		patterns = append(patterns, o.Pattern)
	}
	if len(patterns) == 0 {
		return nil
	}
	var err error
	n.out, err = bus.SubscribeAny(n.bus, patterns[0], n.send, bus.Also(patterns[1:]...), bus.Last())
	return err
}

// buffers are for encoded events: transports keep none beyond Begin.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxBuffer is the size of a buffer that is kept.
const maxBuffer = 64 << 10

// send sends an event that leaves the node: it begins on all transports that it leaves by,
// and waits for all of them. A step of a machine waits only as long as its publishes may.
func (n *Node) send(ctx context.Context, e *bus.AnyEvent) error {
	if d := bus.StepTimeout(ctx); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	m := transport.Message{Envelope: n.envelope(ctx, e.ID(), e.Key(), e.Topic())}
	var legs []leg
	sensitive := false
	for _, l := range n.links {
		if p := l.profile(m.Topic); p != nil {
			legs = append(legs, leg{link: l, profile: p})
			sensitive = sensitive || p.Sensitive
		}
	}
	if len(legs) == 0 {
		return nil
	}
	buf := buffers.Get().(*[]byte)
	body, err := encode((*buf)[:0], e.Value())
	if err != nil {
		buffers.Put(buf)
		return transport.NewPublishError(&m, transport.OutcomeNotSent, err)
	}
	m.Body = body
	begin(ctx, legs, e.Template(), &m)
	if sensitive {
		clear(body)
	}
	if cap(body) <= maxBuffer {
		*buf = body
		buffers.Put(buf)
	}
	return wait(ctx, legs, &m)
}

// envelope is that of an event, or of a request, which leaves the node now. A handler's ctx
// tells what it follows from.
func (n *Node) envelope(ctx context.Context, id, key string, name topic.Name) transport.Envelope {
	cause, _ := ctx.Value(causeKey{}).(string)
	return transport.Envelope{
		ID: id, Type: n.types.name(name), Source: n.plan.Node, Key: key, Topic: name,
		Time: time.Now(), Epoch: n.bus.Epoch(), Group: groupOf(name), Causation: cause,
	}
}

// groupOf is the group that a topic is of, empty for others.
func groupOf(name topic.Name) string {
	rest, ok := strings.CutPrefix(string(name), "group.")
	if !ok {
		return ""
	}
	group, _, _ := strings.Cut(rest, ".")
	return group
}

// begin hands a message to all transports. Where there are several they do not wait for
// each other.
func begin(ctx context.Context, legs []leg, template topic.Pattern, m *transport.Message) {
	var others sync.WaitGroup
	for i := 1; i < len(legs); i++ {
		others.Go(func() { legs[i].begin(ctx, template, *m) })
	}
	legs[0].begin(ctx, template, *m)
	others.Wait()
}

// begin hands a message to one transport, when it is its turn.
func (g *leg) begin(ctx context.Context, template topic.Pattern, m transport.Message) {
	defer func() {
		if p := recover(); p != nil {
			g.err = &transport.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	l := g.link.line(template)
	if err := l.await(ctx, g.profile.PublishTimeout); err != nil {
		g.err = transport.NewPublishError(&m, transport.OutcomeNotSent, err)
		return
	}
	defer func() { <-l.turn }()
	m.Seq, m.Profile = l.seq+1, g.profile
	g.pending, g.err = g.link.t.Begin(ctx, &m)
	if e, ok := errors.AsType[*transport.PublishError](g.err); !ok || e.Known != transport.OutcomeNotSent {
		l.seq++
	}
}

// await waits for its turn, not for longer than a publish may wait, if that is limited.
func (l *line) await(ctx context.Context, limit time.Duration) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	default:
	}
	var late <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		late = t.C
	}
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return transport.TimeoutError(ctx.Err())
	case <-late:
		return transport.ErrTimeout
	}
}

// wait waits for all transports. The error is that of all that have failed, those first
// that may be tried again.
func wait(ctx context.Context, legs []leg, m *transport.Message) error {
	var lasting, passing []error
	for i := range legs {
		g := &legs[i]
		if g.err == nil {
			g.err = g.pending.Wait(ctx)
		}
		if g.err == nil {
			continue
		}
		e, ok := errors.AsType[*transport.PublishError](g.err)
		if !ok {
			e = transport.NewPublishError(m, transport.OutcomeUnknown, g.err)
		}
		if e.Retryable() {
			passing = append(passing, e)
		} else {
			lasting = append(lasting, e)
		}
	}
	all := append(passing, lasting...)
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}
