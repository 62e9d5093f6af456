package zeromq

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// pullers are the PULL sockets of programs that are members of a group, without
// acknowledgements: together they are one target, which is there as long as one of them is.
type pullers struct {
	t      *Transport
	target *target

	mu   sync.Mutex
	list []*line
	turn int
	room chan struct{} // closed when something has changed
}

// pulls has programs be able to join a group.
func (t *Transport) pulls(q *transport.Queue) {
	t.plain.mu.Lock()
	defer t.plain.mu.Unlock()
	if t.plain.groups == nil {
		t.plain.groups = map[string]*pullers{}
	}
	if t.plain.groups[q.Group] != nil {
		return
	}
	ps := &pullers{t: t}
	ps.target = &target{pull: ps, patterns: slices.Clone(q.Patterns), group: q.Group, policy: q.Policy, node: plainPrefix + t.id}
	t.plain.groups[q.Group] = ps
}

// servePlainPull serves a PULL socket.
func (t *Transport) servePlainPull(l *link, group string) error {
	t.plain.mu.Lock()
	ps := t.plain.groups[group]
	t.plain.mu.Unlock()
	if ps == nil {
		return fmt.Errorf("%w: a PULL socket joins a group at the group's own address", transport.ErrNoRoute)
	}
	x := &line{link: l, room: ps.changed}
	l.start(x)
	ps.join(x)
	t.fillVacant(group)
	defer func() {
		ps.leave(x)
		rest := x.finish()
		for _, p := range rest {
			t.pass([]*entry{{p: p, of: &rqueue{announcement: announcement{group: group}}}})
		}
	}()
	for {
		if _, err := l.read(); err != nil {
			return err
		}
	}
}

func (ps *pullers) join(l *line) {
	ps.mu.Lock()
	ps.list = append(ps.list, l)
	n := len(ps.list)
	ps.mu.Unlock()
	ps.target.members.Store(int64(n))
	if n == 1 {
		ps.t.routes.add(ps.target)
	}
}

func (ps *pullers) leave(l *line) {
	ps.mu.Lock()
	ps.list = slices.DeleteFunc(ps.list, func(x *line) bool { return x == l })
	n := len(ps.list)
	ps.mu.Unlock()
	ps.target.members.Store(int64(max(n, 1)))
	if n == 0 {
		ps.t.routes.remove(ps.target)
	}
	ps.changed()
}

func (ps *pullers) changed() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.room != nil {
		close(ps.room)
		ps.room = nil
	}
}

// put gives the message to the next one that has room, and waits for that.
func (ps *pullers) put(ctx context.Context, p *packet, patience time.Duration) (there bool, err error) {
	var over <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		over = timer.C
	}
	for {
		put, room := ps.try(p)
		if put || room == nil {
			return put, nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return true, transport.TimeoutError(ctx.Err())
		case <-over:
			return true, transport.ErrTimeout
		case <-ps.t.shut:
			return true, transport.ErrClosed
		}
	}
}

// try gives the message to the next one that has room. Otherwise room is closed when it is
// to be tried again, and nil if nobody is there.
func (ps *pullers) try(p *packet) (put bool, room <-chan struct{}) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for i := range ps.list {
		at := (ps.turn + i) % len(ps.list)
		if ps.list[at].put(p) {
			ps.turn = at + 1
			return true, nil
		}
	}
	if len(ps.list) == 0 {
		return false, nil
	}
	if ps.room == nil {
		ps.room = make(chan struct{})
	}
	return false, ps.room
}

func (ps *pullers) force(p *packet) bool {
	put, _ := ps.try(p)
	return put
}

func (ps *pullers) none() bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.list) == 0
}

func (ps *pullers) load() (n int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, l := range ps.list {
		l.mu.Lock()
		n += len(l.packets)
		l.mu.Unlock()
	}
	return n
}

func (ps *pullers) full() bool {
	ps.mu.Lock()
	n := len(ps.list)
	ps.mu.Unlock()
	return ps.load() >= n*highWater
}
