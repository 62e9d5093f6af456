package local

import (
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// others is how many members the line's group has elsewhere.
func (l *Line) others() int {
	if l.n.cfg.Others == nil || l.request.Group == "" || l.held != nil || l.request.Policy == transport.Sticky {
		return 0 // keys stay where they are
	}
	return l.n.cfg.Others(l)
}

// exhausted reports whether every member here has failed for a message, and there are
// others.
func (l *Line) exhausted(i *item) bool {
	if l.n.cfg.Others == nil || len(i.failed) == 0 {
		return false
	}
	for _, m := range l.members {
		if !slices.Contains(i.failed, m) {
			return false
		}
	}
	return l.others() > 0
}

// passOn hands a message to a member elsewhere; l.mu is held. Until that has it the message
// takes its room here.
func (l *Line) passOn(i item) {
	l.passing.Push(i)
	if !l.passes {
		l.passes = true
		l.n.running.Go(l.passAll)
	}
}

// passAll hands on what is to be, one message after the other, in a goroutine of its own.
func (l *Line) passAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.passing.Len() > 0 {
		i := l.passing.Pop()
		m := i.p.Message
		m.Attempt = uint64(i.attempts)
		l.mu.Unlock()
		err := l.n.cfg.PassOn(l, &m)
		l.mu.Lock()
		l.passedOn(i, err)
	}
	l.passes = false
}

// passedOn sees to what has become of a message that was to be handed on; l.mu is held.
func (l *Line) passedOn(i item, err error) {
	switch {
	case l.over: // it was given up meanwhile
		i.done(true)
		i.p.Release()
		return
	case err == nil:
		l.passed++
		l.finish(&i)
	default: // it is tried here again
		l.stay()
		i.failed = nil
		l.later.Add(time.Now().Add(l.request.Profile.Retry.Wait(max(i.attempts, 1))), i)
	}
	l.pump()
}

// Evacuate hands what no receiver has seen, and what comes, to members elsewhere, if there
// are any, since the line ends here.
func (l *Line) Evacuate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over || l.evacuated || l.others() == 0 {
		return
	}
	l.evacuated = true
	for _, m := range l.members {
		l.free -= m.free
		m.free = 0
		l.takeBack(m, func(d *delivery) bool { return !d.handed })
		m.inbox.Drain()
	}
	l.pump()
}

// evacuate hands on all that waits; l.mu is held.
func (l *Line) evacuate() {
	items := append(l.ready.Drain(), l.choosy...)
	items = append(items, l.later.Clear()...)
	l.choosy = nil
	for batch := l.poll(polled); len(batch) > 0; batch = l.poll(polled) {
		items = append(items, batch...)
		clear(batch)
	}
	for _, i := range items {
		l.passOn(i)
	}
}

// stay ends an evacuation, since nobody elsewhere takes anything; l.mu is held.
func (l *Line) stay() {
	if !l.evacuated {
		return
	}
	l.evacuated = false
	for _, m := range l.members {
		m.free = m.request.Profile.Unsettled() - m.unsettled.n
		l.free += m.free
	}
	l.ready.Unshift(l.passing.Drain())
}
