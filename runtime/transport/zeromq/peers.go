package zeromq

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// expect looks for the peers of the configuration, and keeps what is for their queues.
func (t *Transport) expect() {
	replicas := map[string]int{}
	for _, p := range t.cfg.Peers {
		replicas[p.Node] = max(p.Replicas, 1)
		if p.Address != "" {
			t.join(p.Address, true)
			continue
		}
		for i := range replicas[p.Node] {
			if id := identity(p.Node, i); id != t.id && t.cfg.Dir != "" {
				t.join("ipc://"+filepath.Join(t.cfg.Dir, id+".sock"), true)
			}
		}
	}
	for i := range t.cfg.Queues {
		t.keep(&t.cfg.Queues[i], replicas)
	}
}

// keep has a queue be there before its process is.
func (t *Transport) keep(q *transport.Queue, replicas map[string]int) {
	if q.Group != "" {
		t.await("", q)
		if t.cfg.Dir != "" {
			t.pulls(q)
		}
		return
	}
	for i := range max(replicas[q.Node], 1) {
		if id := identity(q.Node, i); id != t.id {
			t.await(id, q)
		}
	}
}

// await makes a queue of a process that is not there. That of a group is of no process, and
// what comes to it goes to the first member that there is.
func (t *Transport) await(id string, c *transport.Queue) {
	if c.Profile.ManualAck != transport.On {
		return // nothing is kept: it is as if nobody listened
	}
	r := t.remote(id)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	q := &rqueue{r: r, known: true, announcement: announcement{
		name: c.Name, group: c.Group, patterns: slices.Clone(c.Patterns), policy: c.Policy, overflow: c.Profile.Overflow, members: 1,
		keep: true, capacity: uint64(c.Profile.Room()), bytes: uint64(c.Profile.CapacityBytes), timeout: c.Profile.PublishTimeout, wipe: c.Profile.Sensitive,
	}}
	r.queues[q] = struct{}{}
	t.route(q)
}

// remote is the process of an identity as a receiver; nil when everything is over.
func (t *Transport) remote(id string) *remote {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	r := t.remotes[id]
	if r == nil {
		r = newRemote(t, id)
		t.remotes[id] = r
	}
	return r
}

// join has an inlet connect to an address, unless there is one. It is returned if it is new.
func (t *Transport) join(addr string, known bool) *inlet {
	t.mu.Lock()
	defer t.mu.Unlock()
	if in := t.inlets[addr]; in != nil || t.ended || t.node.Closing() {
		return in
	}
	in := newInlet(t, addr, known)
	t.inlets[addr] = in
	t.running.Go(in.run)
	return in
}

// discover looks for sockets in the directory.
func (t *Transport) discover() {
	for _, addr := range t.others() {
		t.join(addr, false)
	}
}

// addressOf is where the configuration says that a process is reached by an address, empty if
// it does not. To reach it another way as well would be to have two connections, of which
// one ends with what is on its way.
func (t *Transport) addressOf(id string) string {
	for _, p := range t.cfg.Peers {
		if p.Address != "" && identity(p.Node, 0) == id {
			return p.Address
		}
	}
	return ""
}

// met connects to a peer that has said hello, so that it hears this process and is heard.
func (t *Transport) met(h *hello) {
	t.fillVacant("")
	addr := h.address
	if known := t.addressOf(h.node); known != "" {
		addr = known
	}
	if addr == "" {
		t.refresh(nil)
		return
	}
	if in := t.join(addr, false); in != nil {
		select {
		case in.kick <- struct{}{}:
		default:
		}
	}
	t.refresh(nil)
}

// claim reports whether an inlet is the only one for a node.
func (t *Transport) claim(in *inlet, node string) bool {
	for _, other := range t.allInlets() {
		if other != in && other.serves(node) {
			return false
		}
	}
	return true
}

func (t *Transport) forgetInlet(in *inlet) {
	t.mu.Lock()
	if t.inlets[in.addr] == in {
		delete(t.inlets, in.addr)
	}
	t.mu.Unlock()
	t.refresh(nil)
}

func (t *Transport) allInlets() []*inlet {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.AppendSeq(make([]*inlet, 0, len(t.inlets)), maps.Values(t.inlets))
}

func (t *Transport) allRemotes() []*remote {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.AppendSeq(make([]*remote, 0, len(t.remotes)), maps.Values(t.remotes))
}

// lostRemote is told that a subscriber's connection is over. One that has closed is not
// waited for.
func (t *Transport) lostRemote(r *remote, err error) {
	r.mu.Lock()
	away := r.out == nil
	r.mu.Unlock()
	if away && (err == errBye || t.node.Closing()) {
		t.gone(r)
	}
	t.refresh(err)
}

// gone forgets a process that is not connected, except for what is kept for its successor.
func (t *Transport) gone(r *remote) {
	t.mu.Lock()
	r.mu.Lock()
	var again []*entry
	if r.out == nil {
		again = r.expire()
		if r.over = len(r.queues) == 0; r.over && t.remotes[r.id] == r {
			delete(t.remotes, r.id)
		}
	}
	r.mu.Unlock()
	t.mu.Unlock()
	t.pass(again)
}

// died is told that the process at an inlet's address is there no more.
func (t *Transport) died(in *inlet) {
	in.mu.Lock()
	peer := in.peer
	in.mu.Unlock()
	t.mu.Lock()
	r := t.remotes[peer]
	t.mu.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	away := r.out == nil && r.epoch != ""
	r.mu.Unlock()
	if away {
		t.gone(r)
	}
}

// fillVacant has the members of a group, or of all, get what has waited for one.
func (t *Transport) fillVacant(group string) {
	t.mu.Lock()
	r := t.remotes[""]
	t.mu.Unlock()
	if r == nil {
		return
	}
	t.pass(r.vacate(group))
}

// vacate takes what waits for groups that have members now.
func (r *remote) vacate(group string) (list []*entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q := range r.queues {
		if group != "" && q.group != group || len(q.held) == 0 || !r.t.attended(q) {
			continue
		}
		for _, e := range q.held {
			e.of = q
			list = append(list, e)
		}
		q.held, q.unsent, q.out, q.outBytes = nil, 0, 0, 0
		q.changed()
	}
	return list
}

// attended reports whether a group has another member that is there, than the place of
// those that are not; that one's remote's mu is held.
func (t *Transport) attended(q *rqueue) bool {
	return slices.ContainsFunc(t.routes.members(q.group), func(tg *target) bool {
		return tg.q != q && !tg.absent()
	})
}

// maintain looks after sockets, the directory and connections until the transport closes.
func (t *Transport) maintain() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range t.sockets {
			if err := s.mend(); err != nil {
				t.onError(fmt.Errorf("zeromq: making the socket again: %w", err))
			}
		}
		t.discover()
		t.sweep()
	}
}

// sweep forgets peers that have been away for too long.
func (t *Transport) sweep() {
	for _, r := range t.allRemotes() {
		r.mu.Lock()
		patience := lostPatience
		if r.addr == "" {
			patience = firstBackoff * 20 // nobody can look whether it is there
		}
		lost := r.out == nil && r.epoch != "" && time.Since(r.since) > patience
		stale := r.out == nil && r.epoch == "" && !r.since.IsZero() && time.Since(r.since) > forgetAfter
		r.mu.Unlock()
		if stale {
			r.forget()
		}
		if lost || stale {
			t.gone(r)
		}
	}
	t.refresh(nil)
}

// forget gives up what is kept for queues that are not configured.
func (r *remote) forget() {
	var told []error
	r.mu.Lock()
	for q := range r.queues {
		if q.known {
			continue
		}
		for _, e := range q.held {
			e.p.release()
		}
		if len(q.held) > 0 {
			told = append(told, fmt.Errorf("zeromq: %d messages that were kept for %s of %s are given up: it has not come back", len(q.held), q.name, r.id))
		}
		q.held = nil
		r.remove(q)
	}
	r.mu.Unlock()
	for _, err := range told {
		r.t.onError(err)
	}
}

// keepAlive pings a peer on TCP, where the end of a machine is not told, and gives it up
// when nothing has come for long.
func (t *Transport) keepAlive(l *link) {
	if l.conn.LocalAddr().Network() != "tcp" || l.peer.Minor == 0 {
		return
	}
	tick := time.NewTicker(pingAfter / 2)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		}
		switch idle := time.Since(time.Unix(0, l.heard.Load())); {
		case idle > silentFor:
			l.close()
			return
		case idle > pingAfter:
			l.send(zmtp.AppendPing(nil, uint16(silentFor/(100*time.Millisecond))))
		}
	}
}

// missed tells all subscriptions that messages may have been lost.
func (t *Transport) missed(g transport.Gap) {
	t.ownMu.Lock()
	lines := make([]*local.Line, 0, len(t.own))
	for _, tg := range t.own {
		lines = append(lines, tg.line)
	}
	t.ownMu.Unlock()
	for _, l := range lines {
		l.Missed(g, 0) // of whom and how many each has missed nobody knows
	}
}
