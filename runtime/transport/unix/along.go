//go:build linux || darwin

package unix

import (
	"context"
	"errors"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// others is how many members a line's group has in other processes.
func (t *Transport) others(l *local.Line) int {
	g := t.routes.group(l.Request().Group)
	if g == nil {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, to := range g.members {
		if r := to.remote; r != nil && r.peer.epoch != "" {
			n += r.count()
		}
	}
	return n
}

// count is how many members take from a queue that can be reached.
func (r *remote) count() int {
	r.peer.mu.Lock()
	defer r.peer.mu.Unlock()
	if r.conn() == nil || r.ended {
		return 0
	}
	return int(r.members)
}

// passing is how long another process may take to take a message over.
const passing = 5 * time.Second

// errNobody is returned where no other process takes a message over.
var errNobody = errors.New("unix: no other process of the group takes it")

// confirmed is how messages are published that are to be known to have come.
var confirmed = transport.Profile{Name: "passed on", Confirm: transport.On}

// passAlong hands a message of a group to another process, and waits until that has it.
func (t *Transport) passAlong(l *local.Line, m *transport.Message) error {
	r := l.Request()
	g := t.routes.group(r.Group)
	if g == nil {
		return errNobody
	}
	ctx, cancel := context.WithTimeout(t.ctx, passing)
	defer cancel()
	p := confirmed
	p.Sensitive = r.Profile.Sensitive
	m.Profile = &p
	s := post{t: t, ctx: ctx, m: m, size: uint64(len(m.Body)), without: t.routes.target(l)}
	s.toGroup(g)
	if s.parcel != nil {
		s.parcel.Release()
	}
	switch {
	case len(s.errs) > 0:
		return errors.Join(s.errs...)
	case !s.put:
		return errNobody
	}
	return (&pending{t: t, id: m.ID, topic: m.Topic, receipts: s.receipts}).Wait(ctx)
}
