//go:build linux || darwin

package unix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// answerIn is how long a peer may take to say whether there is room where a queue refuses.
const answerIn = 50 * time.Millisecond

// timer is a channel that tells when a time has passed, never if it is 0.
func timer(d time.Duration) (<-chan time.Time, func() bool) {
	if d <= 0 {
		return nil, func() bool { return true }
	}
	t := time.NewTimer(d)
	return t.C, t.Stop
}

// insist waits until a queue takes the message, or it is clear that it does not.
func (s *post) insist(r *remote) {
	late, stop := timer(local.Patience(r.patience, s.m.Profile))
	defer stop()
	var unanswered <-chan time.Time
	if r.overflow == transport.Reject {
		var stop func() bool
		unanswered, stop = timer(answerIn)
		defer stop()
	}
	asked, before, p := false, uint64(0), r.peer
	for {
		p.mu.Lock()
		v, reason := r.judge(s.size)
		switch {
		case v == refused && reason == errAsk && !asked:
			asked, before = true, r.reports
			r.asked = false
			r.ask()
		case v == refused && reason == errAsk && r.reports == before: // there is no answer yet
		case v == waits:
			r.ask()
		default:
			s.arrive(r, v, reason)
			return
		}
		changed := p.change()
		p.mu.Unlock()
		if err := s.pause(changed, late, unanswered); err != nil {
			s.fail(because(err, reason))
			return
		}
	}
}

// pause waits for a change, and returns an error if that is for too long.
func (s *post) pause(changed <-chan struct{}, late, unanswered <-chan time.Time) error {
	s.t.readers.Relieve()
	select {
	case <-changed:
		return nil
	case <-s.ctx.Done():
		return transport.TimeoutError(s.ctx.Err())
	case <-late:
		return transport.ErrTimeout
	case <-unanswered:
		return transport.ErrFull
	case <-s.stop:
		return transport.ErrClosed
	}
}

// because adds what a message has waited for.
func because(err, reason error) error {
	if reason == nil || reason == errAsk || errors.Is(err, transport.ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", err, reason)
}

// arrive sees to a queue after waiting for it; its peer's mutex is held, and released.
func (s *post) arrive(r *remote, v verdict, reason error) {
	switch {
	case v == goes && r.is(offerKeeps):
		s.keep(r)
		s.send(r.peer, nil)
		return
	case v == goes:
		s.send(r.peer, []*remote{r})
		return
	case v == dropped:
		s.put = true
	case v == missed:
		s.inherit(r)
	case v == refused && reason == errAsk:
		s.fail(transport.ErrFull)
	case v == refused:
		s.fail(reason)
	}
	r.peer.mu.Unlock()
}

// again is how soon another process of a group is looked for if none has room.
const again = 5 * time.Millisecond

// toGroup sends the message to one process of a group. Where none has room, and the group's
// queues block, it waits for the first that has.
func (s *post) toGroup(g *group) {
	waiting := s.waiting // elsewhere
	defer func() { s.waiting = waiting }()
	s.waiting = nil
	var late <-chan time.Time
	for first := true; ; first = false {
		to, room := g.pick(s.m, s.size, s.without, s.t.name)
		switch {
		case to == nil:
			return // all have left
		case to.line != nil && (room || !to.blocks()):
			s.toLine(to.line)
			return
		case to.line != nil && g.alone():
			s.toLine(to.line) // nobody else will have room sooner
			return
		case to.remote != nil && (room || !to.blocks() || g.alone()):
			if s.toMember(to.remote) {
				return
			}
		}
		if first {
			var stop func() bool
			late, stop = timer(local.Patience(to.patience(), s.m.Profile))
			defer stop()
		}
		if err := s.rest(late); err != nil {
			s.fail(because(err, s.reason(to)))
			return
		}
	}
}

// reason is why a process of a group takes nothing.
func (s *post) reason(to *target) error {
	if to.remote == nil {
		return nil
	}
	r := to.remote
	r.peer.mu.Lock()
	defer r.peer.mu.Unlock()
	if r.conn() == nil {
		return transport.ErrNotConnected
	}
	return transport.ErrBlocked
}

// rest waits before another process is chosen.
func (s *post) rest(late <-chan time.Time) error {
	s.t.readers.Relieve()
	t := time.NewTimer(again)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.ctx.Done():
		return transport.TimeoutError(s.ctx.Err())
	case <-late:
		return transport.ErrTimeout
	case <-s.stop:
		return transport.ErrClosed
	}
}

// toMember sends the message to a process of a group; false if it must be another one.
func (s *post) toMember(r *remote) bool {
	put, failed := s.put, len(s.errs)
	s.put, s.waiting = false, s.waiting[:0]
	s.toPeer([]*remote{r})
	if len(s.waiting) > 0 && r.overflow == transport.Reject {
		s.insist(r)
	}
	waits := len(s.waiting) > 0 && r.overflow != transport.Reject
	taken := s.put || len(s.errs) > failed
	s.put, s.waiting = s.put || put, s.waiting[:0]
	return taken || !waits && !r.over()
}

// over reports whether nothing goes to the queue any more.
func (r *remote) over() bool {
	r.peer.mu.Lock()
	defer r.peer.mu.Unlock()
	return r.ended || r.peer.gone
}

func (x *target) blocks() bool { return x.overflow() == transport.Block }

func (x *target) overflow() transport.Overflow {
	if x.line != nil {
		return x.line.Request().Profile.Overflow
	}
	return x.remote.overflow
}

// patience is how long the target lets a publisher wait; 0 is for ever.
func (x *target) patience() time.Duration {
	if x.line != nil {
		return x.line.Request().Profile.PublishTimeout
	}
	return x.remote.patience
}

// alone reports whether the group has one process only.
func (g *group) alone() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.members) == 1
}

// pending are the receipts of a message.
type pending struct {
	t        *Transport
	id       string
	topic    topic.Name
	receipts []*receipt
}

// Wait implements transport.Pending.
func (p *pending) Wait(ctx context.Context) error {
	var errs []error
	for _, r := range p.receipts {
		select {
		case <-r.done:
			errs = append(errs, r.err)
			continue
		default:
		}
		p.t.readers.Relieve()
		select {
		case <-r.done:
			errs = append(errs, r.err)
		case <-ctx.Done():
			errs = append(errs, transport.TimeoutError(ctx.Err()))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &transport.PublishError{ID: p.id, Topic: p.topic, Known: transport.OutcomeUnknown, Err: err}
	}
	return nil
}
