//go:build linux || darwin

package unix

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// subscription is a member of a line that others have been told of.
type subscription struct {
	*local.Member
	t     *Transport
	a     *announcement
	leave sync.Once
}

// Subscribe implements transport.Transport. It returns when every process that is connected,
// or whose connection is just being made anew, has confirmed the subscription.
func (t *Transport) Subscribe(ctx context.Context, r transport.SubscribeRequest) (transport.Subscription, error) {
	if err := transport.CheckSubscribe(ctx, t, &r); err != nil {
		return nil, err
	}
	if len(r.Patterns) > maxPatterns {
		return nil, fmt.Errorf("%w: %d patterns, the most is %d", transport.ErrInvalidRequest, len(r.Patterns), maxPatterns)
	}
	r.Patterns = slices.Clone(r.Patterns)
	if err := t.awaitJoined(ctx, t.shut); err != nil {
		return nil, err
	}
	o := offerOf(0, &r, 1)
	if !t.routes.agrees(&o) {
		return nil, fmt.Errorf("%w: group %q", transport.ErrGroupMismatch, r.Group)
	}
	m, err := t.subs.Subscribe(r)
	if err != nil {
		return nil, err
	}
	s := &subscription{Member: m, t: t}
	t.announce(s)
	if err := t.confirmed(ctx, s.a.id); err != nil {
		s.abort()
		return nil, err
	}
	return s, nil
}

// announce tells all of a member: of its line, or that the line has one more.
func (t *Transport) announce(s *subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.lines[s.Line()]
	if a == nil || a.withdrawn {
		a = t.number(s.Line()) // the line was about to end, and goes on
	}
	a.members++
	s.a = a
	for _, p := range t.peers {
		p.mu.Lock()
		p.announce(a)
		p.mu.Unlock()
	}
}

// confirmed waits until all have confirmed a line.
func (t *Transport) confirmed(ctx context.Context, id uint64) error {
	refused := false
	err := t.changed.await(ctx, t.shut, func() bool {
		waits := false
		for _, p := range t.known() {
			w, r := p.unconfirmed(id)
			waits, refused = waits || w, refused || r
		}
		return refused || !waits
	})
	if err == nil && refused {
		return fmt.Errorf("%w: another process's have it otherwise", transport.ErrGroupMismatch)
	}
	return err
}

// known are the processes that are there.
func (t *Transport) known() []*peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.AppendSeq(make([]*peer, 0, len(t.peers)), maps.Values(t.peers))
}

// abort ends a subscription that nobody has heard of.
func (s *subscription) abort() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.withdraw()
	_ = s.Member.Close(ctx)
	s.retire()
}

// withdraw tells all that a member leaves. It is done when that has been said once; last
// is whether the line gets nothing more from elsewhere.
func (s *subscription) withdraw() {
	s.leave.Do(func() {
		t := s.t
		t.mu.Lock()
		defer t.mu.Unlock()
		a := s.a
		if a.members--; a.members == 0 {
			a.withdrawn = true
		}
		for _, p := range t.peers {
			p.mu.Lock()
			if a.withdrawn {
				p.withdraw(a.id)
			} else {
				p.announce(a)
			}
			p.mu.Unlock()
		}
	})
}

// Close implements transport.Subscription: what others have sent until they knew is taken.
func (s *subscription) Close(ctx context.Context) error {
	s.withdraw()
	if transport.InReceiver(ctx) {
		s.t.background(func() {
			s.quiet(s.t.ctx)
			_ = s.Member.Close(context.WithoutCancel(s.t.ctx)) // it ends with the transport at the latest
			s.retire()
		})
		return nil
	}
	s.quiet(ctx)
	if s.last() {
		s.Line().Evacuate()
	}
	err := s.Member.Close(ctx)
	s.retire()
	return err
}

// last reports whether the line gets nothing more from elsewhere.
func (s *subscription) last() bool {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	return s.a.withdrawn
}

// retire tells all that what they keep for the line, and what it has not settled, is theirs.
func (s *subscription) retire() {
	if !s.last() {
		return
	}
	for _, p := range s.t.known() {
		p.mu.Lock()
		if c := p.conn; c != nil && !p.gone {
			p.report(c)
			c.frame(frameRetired, s.a.id)
			c.stir()
		}
		p.mu.Unlock()
	}
}

// quiet waits until nothing more comes from elsewhere, if that is what was said.
func (s *subscription) quiet(ctx context.Context) {
	_ = s.t.changed.await(ctx, nil, func() bool {
		for _, p := range s.t.known() {
			if p.sends(s.a.id) {
				return false
			}
		}
		return true
	})
}

// sends reports whether the peer may still send messages for a line that was withdrawn.
func (p *peer) sends(id uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.withdrawn[id] && p.conn != nil && !p.gone
}

// background runs f in a goroutine that Close waits for; at once if it is too late for that.
func (t *Transport) background(f func()) {
	t.mu.Lock()
	if t.leaving {
		t.mu.Unlock()
		f()
		return
	}
	t.running.Go(f)
	t.mu.Unlock()
}
