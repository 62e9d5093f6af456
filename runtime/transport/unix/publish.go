//go:build linux || darwin

package unix

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// Begin implements transport.Transport. Where messages are not kept for a queue, nil is that
// the message is on its way there, or was dropped by the policy; a Wait that is to be
// confirmed ends when every queue has the message. A message without an id gets one.
func (t *Transport) Begin(ctx context.Context, m *transport.Message) (transport.Pending, error) {
	s := post{t: t, ctx: ctx, m: m, stop: t.shut}
	if err := s.run(); err != nil {
		return nil, err
	}
	if len(s.receipts) == 0 {
		return transport.Accepted{}, nil
	}
	return &pending{t: t, id: m.ID, topic: m.Topic, receipts: s.receipts}, nil
}

// deadLetter publishes a dead letter, also while the transport is being closed.
func (t *Transport) deadLetter(ctx context.Context, m *transport.Message) error {
	return (&post{t: t, ctx: ctx, m: m}).run()
}

// post is one message on its way to those who want it.
type post struct {
	t    *Transport
	ctx  context.Context
	m    *transport.Message
	stop <-chan struct{} // closed when nothing may be published any more
	asks bool            // it is a request

	without  *target   // of a group: the member that has it now
	entry    *entry    // it was kept for another process, and is to be kept for one more
	heirs    []*remote // of queues that have ended
	x        extra
	size     uint64
	parcel   *local.Parcel // made when somebody needs a copy
	waiting  []*remote     // where it must wait
	errs     []error
	put      bool // somebody has it
	takers   int  // receivers, observers not counted
	receipts []*receipt
}

// run publishes the message; it is done when that is.
func (s *post) run() error {
	targets, err := s.accept()
	if err != nil {
		return transport.NotSent(s.m, err)
	}
	if len(targets) == 0 {
		return nil
	}
	if s.m.ID == "" || s.m.Attempt != 0 {
		m := *s.m
		if m.Attempt, s.m = 0, &m; m.ID == "" {
			m.ID = s.t.newID()
		}
	}
	s.size, s.x = uint64(len(s.m.Body)), extraOf(s.m.Profile, s.asks && s.takers == 1)
	s.spread(targets)
	if s.parcel != nil {
		s.parcel.Release()
	}
	if len(s.errs) == 0 {
		return nil
	}
	e := transport.NewPublishError(s.m, transport.OutcomeNotSent, errors.Join(s.errs...))
	if s.put {
		e.Known = transport.OutcomeUnknown
	}
	return e
}

// accept checks the message, and returns those who want it, as far as is known here.
func (s *post) accept() ([]*target, error) {
	if err := transport.CheckPublish(s.ctx, s.t, s.m, s.t.maxBody, &s.t.published); err != nil {
		return nil, err
	}
	if err := s.t.awaitJoined(s.ctx, s.stop); err != nil {
		return nil, err
	}
	targets := s.t.routes.index.Match(s.m.Topic)
	if targets == nil {
		if err := transport.CheckTopic(s.m.Topic); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(targets, func(x *target) bool { return x.line != nil && x.line.Request().Where != nil }) {
		targets = slices.DeleteFunc(slices.Clone(targets), func(x *target) bool { return x.line != nil && !x.line.Wants(s.m) })
	}
	for _, x := range targets {
		if !x.observes() {
			s.takers++
		}
	}
	if s.takers == 0 && s.m.Mandatory {
		return nil, transport.ErrUnroutable
	}
	return targets, nil
}

// awaitJoined waits until those who were there when the transport was opened are connected.
func (t *Transport) awaitJoined(ctx context.Context, stop <-chan struct{}) error {
	select {
	case <-stop:
		return transport.ErrClosed
	default:
	}
	select {
	case <-t.joined:
		return nil
	default:
	}
	select {
	case <-stop:
		return transport.ErrClosed
	case <-t.joined:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", transport.ErrNotConnected, transport.TimeoutError(ctx.Err()))
	}
}

// spread hands the message to all who can take it now, and then to the others.
func (s *post) spread(targets []*target) {
	var some [8]*remote
	remotes := some[:0]
	for _, x := range targets {
		if x.remote != nil {
			remotes = append(remotes, x.remote)
		}
	}
	for len(remotes) > 0 {
		remotes = s.toPeer(remotes)
	}
	s.toHeirs(targets)
	for _, x := range targets {
		switch {
		case x.line != nil:
			s.toLine(x.line)
		case x.group != nil:
			s.toGroup(x.group)
		}
	}
	for len(s.waiting) > 0 {
		r := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.insist(r)
		s.toHeirs(targets)
	}
}

// toHeirs sends the message to what has taken the place of a queue meanwhile, unless it has
// been found itself.
func (s *post) toHeirs(targets []*target) {
	for len(s.heirs) > 0 {
		r := s.heirs[0]
		s.heirs = s.heirs[1:]
		if !slices.ContainsFunc(targets, func(x *target) bool { return x.remote == r }) {
			s.toPeer([]*remote{r})
		}
	}
}

func (s *post) fail(err error) { s.errs = append(s.errs, err) }

// copyFor is a reference to the message as those get it who keep it; to one of its own for
// who wants it to be wiped, if the publisher does not.
func (s *post) copyFor(wiped bool) *local.Parcel {
	if wiped && !secret(s.m) {
		return local.Pack(s.m, true)
	}
	if s.parcel == nil {
		s.parcel = local.Pack(s.m, secret(s.m))
	}
	s.parcel.Retain()
	return s.parcel
}

func (s *post) toLine(l *local.Line) {
	p := s.copyFor(l.Request().Profile.Sensitive)
	defer p.Release()
	put, err := l.Put(s.ctx, s.m, p)
	s.put = s.put || put
	if err != nil {
		s.fail(err)
	}
}

// toPeer sends the message to those queues that are the first one's peer's, as one frame,
// and returns the others.
func (s *post) toPeer(remotes []*remote) (others []*remote) {
	p := remotes[0].peer
	var some [8]*remote
	now := some[:0]
	others = remotes[:0]
	p.mu.Lock()
	for _, r := range remotes {
		if r.peer != p {
			others = append(others, r)
		} else if s.decide(r) {
			now = append(now, r)
		}
	}
	s.send(p, now)
	return others
}

// send sends the message to some queues of a peer; p.mu is held, and released.
func (s *post) send(p *peer, now []*remote) {
	c := p.conn
	if c == nil {
		p.mu.Unlock()
		return
	}
	if len(now) > 0 {
		c.appendFrame(now, s.m, s.x)
		s.put = true
		if s.confirmed() {
			for _, r := range now {
				s.receipts = append(s.receipts, r.confirm(c))
			}
		}
		if s.x.sole {
			p.asked[s.m.Correlation] = true
		}
	}
	c.flush()
}

func (s *post) confirmed() bool { return s.m.Profile != nil && s.m.Profile.Confirm == transport.On }

// decide sees to a queue for which there is nothing to be sent now, and reports whether
// there is; p.mu is held.
func (s *post) decide(r *remote) bool {
	v, err := r.judge(s.size)
	switch v {
	case missed:
		s.inherit(r)
	case goes:
		if !r.is(offerKeeps) {
			return true
		}
		s.keep(r)
	case dropped:
		s.put = true
	case waits:
		s.waiting = append(s.waiting, r)
	case refused:
		if err == errAsk {
			s.waiting = append(s.waiting, r)
			break
		}
		s.fail(err)
	}
	return false
}

// inherit notes what has taken the place of a queue.
func (s *post) inherit(r *remote) {
	if r.heir != nil && r.group == "" {
		s.heirs = append(s.heirs, r.heir)
	}
}

// keep has a queue keep the message; p.mu is held.
func (s *post) keep(r *remote) {
	e := &entry{p: s.copyFor(r.is(offerSecret)), x: s.x, secret: secret(s.m)}
	switch {
	case s.entry != nil:
		e.expires, e.stored, e.secret = s.entry.expires, s.entry.stored, s.entry.secret
	case e.x.ttl > 0:
		e.expires = time.Now().Add(e.x.ttl)
	}
	if s.entry == nil && s.confirmed() {
		e.stored = newReceipt()
		s.receipts = append(s.receipts, e.stored)
	}
	r.keep(e)
	s.put = true
	if s.x.sole {
		r.peer.asked[s.m.Correlation] = true
	}
}
