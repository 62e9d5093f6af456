package zeromq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// Begin implements transport.Transport. It waits where a queue is full and blocks, and
// while nobody is connected who has a queue that is known. Wait returns nil when all
// processes that are to get the message have it in their queues, or keep it; without
// Confirm it does not wait.
func (t *Transport) Begin(ctx context.Context, m *transport.Message) (transport.Pending, error) {
	if t.node.Closing() {
		return nil, transport.NotSent(m, transport.ErrClosed)
	}
	p, _, err := t.publish(ctx, m)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return transport.Accepted{}, nil
	}
	return p, nil
}

// post is one publish.
type post struct {
	t        *Transport
	ctx      context.Context
	m        *transport.Message
	ttl      time.Duration
	patience time.Duration
	packet   *packet
	parcel   *local.Parcel
	pend     *pending
	wipe     bool
	own      transport.Message // m, where that had no id
	any      bool              // somebody has it
	takers   int               // not observers
	err      error             // why somebody has not
}

// publish sends m to all who hear it, and returns how many receivers' have it, observers
// not counted. Without a pending nothing is to be waited for.
func (t *Transport) publish(ctx context.Context, m *transport.Message) (*pending, int, error) {
	refuse := func(err error) (*pending, int, error) {
		return nil, 0, transport.NotSent(m, err)
	}
	targets, err := t.accept(ctx, m)
	if err == nil && m.Mandatory && !slices.ContainsFunc(targets, func(tg *target) bool { return !tg.observer }) {
		err = transport.ErrUnroutable
	}
	if err != nil {
		return refuse(err)
	}
	subs := t.plain.hearing(m.Topic)
	if len(targets) == 0 && len(subs) == 0 {
		return nil, 0, nil
	}
	x := posts.Get().(*post)
	defer x.release()
	x.t, x.ctx, x.m = t, ctx, m
	if err := x.prepare(targets); err != nil {
		return refuse(err)
	}
	for _, s := range subs {
		s.put(x.packet)
	}
	x.all(targets)
	return x.result()
}

// accept checks m and returns who wants it.
func (t *Transport) accept(ctx context.Context, m *transport.Message) ([]*target, error) {
	if err := transport.CheckPublish(ctx, t, m, t.maxBody, &t.published); err != nil {
		return nil, err
	}
	targets := t.routes.index.Match(m.Topic)
	if targets == nil {
		if err := transport.CheckTopic(m.Topic); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(targets, (*target).filters) {
		return targets, nil
	}
	return slices.DeleteFunc(slices.Clone(targets), func(tg *target) bool { return tg.line != nil && !tg.line.Wants(m) }), nil
}

// filters reports whether a line of this process asks for each message.
func (tg *target) filters() bool { return tg.line != nil && tg.line.Request().Where != nil }

// prepare encodes the message once.
func (x *post) prepare(targets []*target) (err error) {
	confirm := true
	if p := x.m.Profile; p != nil {
		x.ttl, x.patience, x.wipe, confirm = p.TTL, p.PublishTimeout, p.Sensitive, p.Confirm != transport.Off
	}
	if x.m.ID == "" {
		x.own = *x.m
		x.own.ID = x.t.newID()
		x.m = &x.own
	}
	x.wipe = x.wipe || slices.ContainsFunc(targets, func(tg *target) bool { return tg.wipe })
	if x.packet, err = pack(x.m, x.wipe); err != nil {
		return err
	}
	if confirm && slices.ContainsFunc(targets, func(tg *target) bool { return tg.q != nil }) {
		x.pend = &pending{id: x.m.ID, topic: x.m.Topic}
		x.pend.left.Store(1)
	}
	return nil
}

// posts are those that are over.
var posts = sync.Pool{New: func() any { return new(post) }}

func (x *post) release() {
	if x.packet != nil {
		x.packet.release()
	}
	if x.parcel != nil {
		x.parcel.Release()
	}
	*x = post{}
	posts.Put(x)
}

// all sends the message to each target, and to one of each group.
func (x *post) all(targets []*target) {
	var seen [4]string // few topics concern more groups
	groups := seen[:0]
	for _, tg := range targets {
		switch {
		case tg.group == "":
			_, err := x.to(tg)
			x.note(tg, err)
		case !slices.Contains(groups, tg.group):
			groups = append(groups, tg.group)
			x.toGroup(tg.group, targets)
		}
	}
}

// toGroup sends the message to one member; if that leaves meanwhile, to another one.
func (x *post) toGroup(group string, targets []*target) {
	if len(targets) == 1 {
		if there, err := x.to(targets[0]); there {
			x.note(targets[0], err)
		}
		return
	}
	members := slices.DeleteFunc(slices.Clone(targets), func(tg *target) bool { return tg.group != group })
	for len(members) > 0 {
		tg := x.t.choose(group, x.m.Key, members)
		there, err := x.to(tg)
		if there {
			x.note(tg, err)
			return
		}
		members = slices.DeleteFunc(members, func(m *target) bool { return m == tg })
	}
}

// note notes what has come of a target.
func (x *post) note(tg *target, err error) {
	switch {
	case err != nil:
		x.err = joined(x.err, err)
	case tg.observer:
		x.any = true
	default:
		x.any = true
		x.takers++
	}
}

// to sends the message to a target, and reports whether that was there.
func (x *post) to(tg *target) (there bool, err error) {
	switch {
	case tg.q != nil:
		return tg.q.put(x.ctx, x.packet, x.pend, x.ttl, x.patience)
	case tg.pull != nil:
		return tg.pull.put(x.ctx, x.packet, x.patience)
	}
	if x.parcel == nil {
		x.parcel = local.Pack(x.m, x.wipe)
	}
	return tg.line.Put(x.ctx, x.m, x.parcel)
}

// result is what is known of the message.
func (x *post) result() (*pending, int, error) {
	if x.pend != nil {
		x.pend.settle(nil)
	}
	if x.err == nil {
		return x.pend, x.takers, nil
	}
	e := transport.NewPublishError(x.m, transport.OutcomeNotSent, x.err)
	if x.any {
		e.Known = transport.OutcomeUnknown
	}
	return nil, x.takers, e
}

// joined is one error for two, in one line.
func joined(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil || errors.Is(a, b):
		return a
	}
	return fmt.Errorf("%w; %w", a, b)
}

// Request implements transport.Transport.
func (t *Transport) Request(ctx context.Context, m *transport.Message) (*transport.Message, error) {
	if t.node.Closing() {
		return nil, transport.NotSent(m, transport.ErrClosed)
	}
	return t.requests.Do(ctx, transport.Ask(m, t.here(), t.newID), func(ask *transport.Message) (int, error) {
		_, takers, err := t.publish(ctx, ask)
		t.readers.Relieve() // who answers may have something to ask first
		return takers, err
	})
}

// here is the address for replies: the process, and which one of its name.
func (t *Transport) here() string { return t.id + "/" + t.epoch }

// answer sends a reply to where the request came from. What has gone is not told.
func (t *Transport) answer(to string, m *transport.Message) error {
	if err := transport.CheckReply(m, t.maxBody); err != nil {
		return err
	}
	if to == t.here() {
		t.requests.Deliver(m.Clone())
		return nil
	}
	p, err := pack(m, false)
	if err != nil {
		return err
	}
	defer p.release()
	if strings.HasPrefix(to, plainPrefix) {
		t.plain.answer(to, p)
		return nil
	}
	for _, in := range t.allInlets() {
		if in.is(to) {
			in.reply(p)
		}
	}
	return nil
}

// is reports whether an inlet's peer has an address for replies.
func (in *inlet) is(to string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.peer+"/"+in.epoch == to
}

// deadLetter publishes a dead letter.
func (t *Transport) deadLetter(ctx context.Context, m *transport.Message) error {
	_, _, err := t.publish(ctx, m)
	return err
}

// unpack reads a message that was encoded here.
func (p *packet) unpack(limits zmtp.Limits) (transport.Message, error) {
	r := zmtp.NewReader(bytes.NewReader(p.appendPlain(nil)), limits)
	m, err := r.Read()
	if err != nil {
		return transport.Message{}, err
	}
	var known names
	return known.message(m.Frames[0], m.Frames[1], m.Frames[2])
}

// force gives a member what another one could not handle, whether it has room or not;
// false if it is there no more.
func (tg *target) force(t *Transport, e *entry) bool {
	switch {
	case tg.q != nil:
		r := tg.q.r
		r.mu.Lock()
		defer r.mu.Unlock()
		if tg.q.gone {
			return false
		}
		tg.q.admit(e.p, nil, e.expires)
		return true
	case tg.pull != nil:
		return tg.pull.force(e.p)
	}
	m, err := e.p.unpack(t.limits())
	if err != nil {
		return false
	}
	p := local.Pack(&m, e.p.wipe)
	defer p.Release()
	var ttl time.Duration
	if !e.expires.IsZero() {
		ttl = max(time.Until(e.expires), 1)
	}
	var b local.Batch
	b.Add(tg.line, p, ttl, nil, 0)
	b.Flush()
	return true
}
