package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Subscribe makes a subscription of a request that is known to be sound.
func (n *Node) Subscribe(r transport.SubscribeRequest) (*Member, error) {
	r.Patterns = slices.Clone(r.Patterns)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closing.Load() {
		return nil, transport.ErrClosed
	}
	if _, taken := n.names[r.Name]; taken {
		return nil, fmt.Errorf("%w: %q", transport.ErrNameTaken, r.Name)
	}
	l, err := n.lineOf(r)
	if err != nil {
		return nil, err
	}
	if r.Name != "" {
		n.names[r.Name] = struct{}{}
	}
	m := newMember(l, r)
	l.join(m)
	n.running.Go(m.run)
	return m, nil
}

// lineOf is the line of a subscription, a new one unless it joins a group; n.mu is held.
func (n *Node) lineOf(r transport.SubscribeRequest) (*Line, error) {
	if l := n.groups[r.Group]; l != nil {
		if !l.request.Agrees(&r) {
			return nil, fmt.Errorf("%w: group %q", transport.ErrGroupMismatch, r.Group)
		}
		return l, nil
	}
	l := newLine(n, r)
	n.lines[l] = struct{}{}
	if r.Group != "" {
		n.groups[r.Group] = l
	}
	n.cfg.Added(l)
	return l, nil
}

// forget forgets a member that has ended.
func (n *Node) forget(m *Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.names, m.request.Name)
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	if m.l.over {
		delete(n.lines, m.l)
	}
}

// Close implements transport.Subscription.
func (m *Member) Close(ctx context.Context) error {
	m.l.n.leave(m)
	if transport.InReceiver(ctx) {
		return nil
	}
	if !transport.Drained(ctx, m.done) {
		return &transport.DrainError{Left: m.giveUp()}
	}
	return m.result()
}

// result is what Close returns when everything has ended.
func (m *Member) result() error {
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	if m.gaveUp > 0 {
		return &transport.DrainError{Left: m.gaveUp}
	}
	return nil
}

// leave begins the end of a member; if it is the last one, of its line.
func (n *Node) leave(m *Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := m.l
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.leaving || m.ended || l.ending || l.over:
	case len(l.members) > 1:
		l.dismiss(m)
	default:
		n.end(l)
	}
}

// end has a line get nothing more; it is over when it has nothing more. n.mu and l.mu
// are held.
func (n *Node) end(l *Line) {
	n.cfg.Removed(l)
	if n.groups[l.request.Group] == l {
		delete(n.groups, l.request.Group)
	}
	l.ending = true
	l.q.End()
	l.pump()
}

// giveUp does not wait any longer for what a member has, and returns how much it is.
func (m *Member) giveUp() int {
	l := m.l
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.ended:
	case !m.leaving:
		m.gaveUp = l.abandon()
	default:
		m.gaveUp = l.takeBack(m, func(*delivery) bool { return true }) + m.settling
		m.inbox.Drain()
		m.cancel()
		l.pump()
	}
	return m.gaveUp
}

// check sees whether members may end, the line is idle, or it is over; l.mu is held.
func (l *Line) check() {
	l.all = slices.DeleteFunc(l.all, func(m *Member) bool {
		if !m.leaving || m.unsettled.n > 0 || m.settling > 0 {
			return false
		}
		l.gone += m.handled + m.dead
		m.end()
		return true
	})
	if len(l.idlers) == 0 && !l.ending || l.over || l.q.Stats().Used > 0 {
		return
	}
	l.quiet()
	if l.ending {
		l.conclude()
	}
}

// end has the member's goroutine end; l.mu is held.
func (m *Member) end() {
	m.ended = true
	m.wake.Signal()
}

// quiet tells those who wait for the line to be idle; l.mu is held.
func (l *Line) quiet() {
	for _, idle := range l.idlers {
		close(idle)
	}
	l.idlers = nil
}

// conclude has all members end; l.mu is held.
func (l *Line) conclude() {
	l.over = true
	if l.timer != nil {
		l.timer.Stop()
	}
	for _, m := range l.all {
		m.end()
	}
}

// abandon gives up all that the line has, and returns how much it is; l.mu is held.
func (l *Line) abandon() int {
	if l.over {
		return 0
	}
	l.q.End()
	for _, m := range l.all {
		l.takeBack(m, func(*delivery) bool { return true })
		m.inbox.Drain()
		m.cancel()
	}
	items := append(append(l.q.Clear(), l.ready.Drain()...), l.passing.Drain()...)
	for _, behind := range l.held {
		items = append(items, behind.Drain()...)
	}
	items = append(append(items, l.later.Clear()...), l.choosy...)
	for _, i := range items {
		l.lose(&i, true)
	}
	l.held, l.choosy = nil, nil
	l.ending, l.abandoned = true, true
	l.quiet()
	l.conclude()
	return int(l.unfinished())
}

// unfinished are the messages that nothing has become of.
func (l *Line) unfinished() uint64 {
	q := l.q.Stats()
	return q.Accepted - q.Dropped - q.Settled
}

// open are the lines that are not over.
func (n *Node) open() []*Line {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := make([]*Line, 0, len(n.lines))
	for l := range n.lines {
		lines = append(lines, l)
	}
	return lines
}

// Drain waits until all lines are idle together, for one's dead letters are another's
// messages, ends them, and waits for their goroutines. Shut must have been called.
func (n *Node) Drain() {
	for busy := true; busy; {
		busy = false
		for _, l := range n.open() {
			busy = l.awaitIdle() || busy
		}
	}
	n.mu.Lock()
	for l := range n.lines {
		l.mu.Lock()
		if !l.ending {
			n.end(l)
		}
		l.mu.Unlock()
	}
	n.mu.Unlock()
	n.running.Wait()
}

// Abandon gives up all that is left, and returns how much it is.
func (n *Node) Abandon() int {
	left := 0
	for _, l := range n.open() {
		l.mu.Lock()
		left += l.abandon()
		l.mu.Unlock()
	}
	return left
}

// awaitIdle waits until the line has no message, or is over, and reports whether it
// had to.
func (l *Line) awaitIdle() bool {
	idle := make(chan struct{})
	l.mu.Lock()
	if l.over || l.q.Stats().Used == 0 {
		l.mu.Unlock()
		return false
	}
	l.idlers = append(l.idlers, idle)
	l.mu.Unlock()
	<-idle
	return true
}

// Stats implements transport.Subscription.
func (m *Member) Stats() transport.Stats {
	l := m.l
	l.mu.Lock()
	defer l.mu.Unlock()
	s := transport.Stats{Handled: m.handled, Failed: m.failed, Retried: m.retried, Dead: m.dead, InFlight: m.busy()}
	s.Accepted = s.Handled + s.Dead + uint64(s.InFlight)
	if len(l.all) == 0 || l.all[0] == m {
		l.share(m, &s)
	}
	return s
}

// busy is how many messages a member has.
func (m *Member) busy() int { return m.unsettled.n + m.settling }

// share adds what no member has touched; l.mu is held.
func (l *Line) share(m *Member, s *transport.Stats) {
	q := l.q.Stats()
	others, theirs := 0, l.gone
	for _, x := range l.all {
		if x != m {
			others += x.busy()
			theirs += x.handled + x.dead + uint64(x.busy())
		}
	}
	s.Accepted = q.Accepted + l.broken - l.passed - theirs
	s.Dead += l.broken
	lost := l.lost.Load()
	s.Accepted += lost
	s.Filtered, s.Dropped, s.Expired, s.Duplicate, s.Gaps = l.filtered.Load(), q.Dropped+lost, l.expired, l.duplicate, l.gaps.Load()
	if l.abandoned {
		s.InFlight, s.Left = 0, l.unfinished()
		return
	}
	s.Waiting, s.InFlight, s.Bytes = q.Waiting, q.Used-q.Waiting-others, q.Bytes
	l.q.Front(func(i *item) { s.Oldest = time.Since(i.p.at) })
}
