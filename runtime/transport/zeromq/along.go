package zeromq

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// elsewhere are the members of a group that other nodes have, and that are there.
func (t *Transport) elsewhere(group string) []*target {
	return slices.DeleteFunc(slices.Clone(t.routes.members(group)), func(tg *target) bool {
		return tg.q == nil || tg.observer || tg.absent()
	})
}

// membersElsewhere is how many members a line's group has in other processes.
func (t *Transport) membersElsewhere(l *local.Line) (n int) {
	for _, tg := range t.elsewhere(l.Request().Group) {
		n += int(tg.members.Load())
	}
	return n
}

// passing is how long another process may take to take a message over.
const passing = 5 * time.Second

// errNobody is returned where no other process takes a message over.
var errNobody = errors.New("zeromq: no other process of the group takes it")

// passAlong hands a message of a group that has failed here to another process, and waits
// until that has it.
func (t *Transport) passAlong(l *local.Line, m *transport.Message) error {
	ctx, cancel := context.WithTimeout(t.ctx, passing)
	defer cancel()
	r := l.Request()
	m.Profile = &transport.Profile{Name: "passed on", Confirm: transport.On, Sensitive: r.Profile.Sensitive}
	x := &post{t: t, ctx: ctx, m: m}
	members := t.elsewhere(r.Group)
	if err := x.prepare(members); err != nil {
		return err
	}
	defer x.packet.release()
	for len(members) > 0 {
		tg := t.choose(r.Group, m.Key, members)
		there, err := x.to(tg)
		if err != nil {
			return err
		}
		if there {
			x.pend.settle(nil)
			return x.pend.Wait(ctx)
		}
		members = slices.DeleteFunc(members, func(other *target) bool { return other == tg })
	}
	return errNobody
}
