package memory

import (
	"context"
	"fmt"
	"slices"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Subscribe implements transport.Transport. What is published after it has returned is
// delivered. No message is lost on the way, so that OnGap is never called.
func (t *Transport) Subscribe(ctx context.Context, r transport.SubscribeRequest) (transport.Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, transport.TimeoutError(err)
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	if err := t.Check(r.Profile); err != nil {
		return nil, err
	}
	r.Patterns = slices.Clone(r.Patterns)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing.Load() {
		return nil, transport.ErrClosed
	}
	if _, taken := t.names[r.Name]; taken {
		return nil, fmt.Errorf("%w: %q", transport.ErrNameTaken, r.Name)
	}
	l, err := t.lineOf(r)
	if err != nil {
		return nil, err
	}
	if r.Name != "" {
		t.names[r.Name] = struct{}{}
	}
	m := newMember(l, r)
	l.join(m)
	t.running.Go(m.run)
	return m, nil
}

// lineOf is the line of a subscription, a new one unless it joins a group; t.mu is held.
func (t *Transport) lineOf(r transport.SubscribeRequest) (*line, error) {
	if l := t.groups[r.Group]; l != nil {
		if !l.fits(&r) {
			return nil, fmt.Errorf("%w: group %q", transport.ErrGroupMismatch, r.Group)
		}
		return l, nil
	}
	l := newLine(t, r)
	t.lines[l] = struct{}{}
	if r.Group != "" {
		t.groups[r.Group] = l
	}
	t.routes.add(l)
	return l, nil
}

// forget forgets a member that has ended.
func (t *Transport) forget(m *member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.names, m.request.Name)
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	if m.l.over {
		delete(t.lines, m.l)
	}
}

// Close implements transport.Subscription.
func (m *member) Close(ctx context.Context) error {
	m.l.t.leave(m)
	if transport.InReceiver(ctx) {
		return nil
	}
	select {
	case <-m.done:
		return m.result()
	default:
	}
	select {
	case <-m.done:
		return m.result()
	case <-ctx.Done():
		return &transport.DrainError{Left: m.giveUp()}
	}
}

// result is what Close returns when everything has ended.
func (m *member) result() error {
	m.l.mu.Lock()
	defer m.l.mu.Unlock()
	if m.gaveUp > 0 {
		return &transport.DrainError{Left: m.gaveUp}
	}
	return nil
}

// leave begins the end of a member; if it is the last one, of its line.
func (t *Transport) leave(m *member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := m.l
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.leaving || m.ended || l.ending || l.over:
	case len(l.members) > 1:
		l.dismiss(m)
	default:
		t.end(l)
	}
}

// end has a line get nothing more; it is over when it has nothing more. t.mu and l.mu
// are held.
func (t *Transport) end(l *line) {
	t.routes.remove(l)
	if t.groups[l.request.Group] == l {
		delete(t.groups, l.request.Group)
	}
	l.ending = true
	l.q.End()
	l.pump()
}

// giveUp does not wait any longer for what a member has, and returns how much it is.
func (m *member) giveUp() int {
	l := m.l
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case m.ended:
	case !m.leaving:
		m.gaveUp = l.abandon()
	default:
		m.gaveUp = l.takeBack(m, func(*delivery) bool { return true }) + m.settling
		m.inbox = nil
		m.cancel()
		l.pump()
	}
	return m.gaveUp
}

// check sees whether members may end, the line is idle, or it is over; l.mu is held.
func (l *line) check() {
	l.all = slices.DeleteFunc(l.all, func(m *member) bool {
		if !m.leaving || len(m.unsettled) > 0 || m.settling > 0 {
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
func (m *member) end() {
	m.ended = true
	m.wake.Signal()
}

// quiet tells those who wait for the line to be idle; l.mu is held.
func (l *line) quiet() {
	for _, idle := range l.idlers {
		close(idle)
	}
	l.idlers = nil
}

// conclude has all members end; l.mu is held.
func (l *line) conclude() {
	l.over = true
	if l.timer != nil {
		l.timer.Stop()
	}
	for _, m := range l.all {
		m.end()
	}
}

// abandon gives up all that the line has, and returns how much it is; l.mu is held.
func (l *line) abandon() int {
	if l.over {
		return 0
	}
	l.q.End()
	for _, m := range l.all {
		l.takeBack(m, func(*delivery) bool { return true })
		m.inbox = nil
		m.cancel()
	}
	items := append(l.q.Clear(), l.ready.drain()...)
	for _, behind := range l.held {
		items = append(items, behind.drain()...)
	}
	items = append(append(items, l.later.Clear()...), l.choosy...)
	for _, i := range items {
		l.lose(&i)
	}
	l.held, l.choosy = nil, nil
	l.ending, l.abandoned = true, true
	l.quiet()
	l.conclude()
	return int(l.unfinished())
}

// unfinished are the messages that nothing has become of.
func (l *line) unfinished() uint64 {
	q := l.q.Stats()
	return q.Accepted - q.Dropped - q.Settled
}

// Close implements transport.Transport.
func (t *Transport) Close(ctx context.Context) error {
	t.mu.Lock()
	first := t.closing.CompareAndSwap(false, true)
	t.mu.Unlock()
	if first {
		t.status.Set(transport.Draining, nil)
		go t.drain()
	}
	if transport.InReceiver(ctx) {
		return nil
	}
	select {
	case <-t.done:
		return nil
	default:
	}
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
	}
	t.requests.Close() // before they are told that there is no reply
	left := 0
	for _, l := range t.open() {
		l.mu.Lock()
		left += l.abandon()
		l.mu.Unlock()
	}
	return &transport.DrainError{Left: left}
}

// open are the lines that are not over.
func (t *Transport) open() []*line {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := make([]*line, 0, len(t.lines))
	for l := range t.lines {
		lines = append(lines, l)
	}
	return lines
}

// drain waits until all lines are idle together, for one's dead letters are another's
// messages, and ends them. It is the goroutine of Close.
func (t *Transport) drain() {
	for busy := true; busy; {
		busy = false
		for _, l := range t.open() {
			busy = l.awaitIdle() || busy
		}
	}
	t.mu.Lock()
	for l := range t.lines {
		l.mu.Lock()
		if !l.ending {
			t.end(l)
		}
		l.mu.Unlock()
	}
	t.mu.Unlock()
	t.running.Wait()
	t.requests.Close()
	t.status.Set(transport.Closed, nil)
	close(t.done)
}

// awaitIdle waits until the line has no message, or is over, and reports whether it
// had to.
func (l *line) awaitIdle() bool {
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
func (m *member) Stats() transport.Stats {
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
func (m *member) busy() int { return len(m.unsettled) + m.settling }

// share adds what no member has touched; l.mu is held.
func (l *line) share(m *member, s *transport.Stats) {
	q := l.q.Stats()
	others, theirs := 0, l.gone
	for _, x := range l.all {
		if x != m {
			others += x.busy()
			theirs += x.handled + x.dead + uint64(x.busy())
		}
	}
	s.Accepted = q.Accepted + l.broken - theirs
	s.Dead += l.broken
	s.Filtered, s.Dropped, s.Expired, s.Duplicate = l.filtered.Load(), q.Dropped, l.expired, l.duplicate
	if l.abandoned {
		s.InFlight, s.Left = 0, l.unfinished()
		return
	}
	s.Waiting, s.InFlight, s.Bytes = q.Waiting, q.Used-q.Waiting-others, q.Bytes
}
