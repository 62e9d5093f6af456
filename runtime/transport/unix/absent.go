//go:build linux || darwin

package unix

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/transport"
)

// What is kept for a queue outlives the process that has the queue: it goes to a stand-in,
// of a peer that is absent, which goes on keeping messages until a process has the queue
// again. A group has one stand-in for all its processes.

// moves tells whether messages that are kept are on their way from one queue to another: there
// nobody finds them who looks through the queues.
type moves struct{ begun, ended atomic.Uint64 }

func (m *moves) begin() { m.begun.Add(1) }
func (m *moves) end()   { m.ended.Add(1) }

// rest returns what reports whether no message has been on its way since.
func (m *moves) rest() func() bool {
	ended := m.ended.Load()
	return func() bool { return m.begun.Load() == ended }
}

// standIn is the absent peer of a name.
func (t *Transport) standIn(name string) *peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.absent[name]
	if p == nil {
		p = newPeer(t, &hello{maxBody: t.maxBody})
		p.name, p.named = name, map[string]*remote{}
		t.absent[name] = p
	}
	return p
}

// standIns are all that there are.
func (t *Transport) standIns() []*peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.absent))
}

// absentName is the name of the peer that stands in for who has a queue.
func absentName(process string, o *offer) string {
	if o.group != "" {
		return "group " + o.group
	}
	return process
}

// expect keeps messages for queues that are not there yet.
func (t *Transport) expect(queues []transport.Queue, peers []transport.Peer) {
	replicas := map[string]int{}
	for _, p := range peers {
		replicas[p.Node] = p.Replicas
	}
	for i := range queues {
		q := &queues[i]
		if q.Profile.ManualAck != transport.On {
			continue
		}
		o := offer{
			flags: offerKeeps, overflow: q.Profile.Overflow, policy: q.Policy, members: 1, capacity: uint64(q.Profile.Room()),
			bytes: uint64(q.Profile.CapacityBytes), patience: q.Profile.PublishTimeout, name: q.Name, group: q.Group,
			patterns: slices.Clone(q.Patterns),
		}
		if q.Profile.Order == transport.OrderKey {
			o.flags |= offerKeyed
		}
		if q.Group != "" {
			o.name = ""
			t.keepFor("", &o)
			continue
		}
		for k := range max(replicas[q.Node], 1) {
			t.keepFor(nameOf(q.Node, k), &o)
		}
	}
}

// keepFor makes a stand-in for a queue, unless there is one.
func (t *Transport) keepFor(process string, o *offer) *remote {
	p := t.standIn(absentName(process, o))
	p.mu.Lock()
	if r := p.named[o.name]; r != nil {
		p.mu.Unlock()
		return r
	}
	r := &remote{peer: p, offer: *o}
	p.last++
	r.id, r.progress, r.digest = p.last, progress{}, 0
	p.remotes[r.id], p.named[r.name] = r, r
	p.mu.Unlock()
	t.routes.add(r, &target{remote: r}, &r.offer)
	return r
}

// lasting reports whether messages are kept for a queue while no process has it.
func (o *offer) lasting() bool { return o.is(offerKeeps) && (o.name != "" || o.group != "") }

// remember has nothing more go to a queue whose process ends, and hands what is kept for it,
// and what will come, to a stand-in or to other processes of its group.
func (t *Transport) remember(r *remote) {
	if !r.lasting() {
		r.peer.mu.Lock()
		r.ended = true
		entries := r.take()
		r.peer.tell()
		r.peer.mu.Unlock()
		t.unroute(r)
		release(entries, transport.ErrNotConnected)
		return
	}
	heir := t.keepFor(r.peer.name, &r.offer)
	r.peer.mu.Lock()
	r.ended, r.heir = true, heir
	entries := r.take()
	r.peer.tell()
	r.peer.mu.Unlock()
	t.unroute(r)
	heir.prepend(entries)
	if r.group != "" {
		t.regroup(heir)
	}
}

// release lets go of what nobody will get.
func release(entries []*entry, err error) {
	for _, e := range entries {
		e.stored.settle(err)
		e.p.Release()
	}
}

// prepend puts entries before what is kept.
func (r *remote) prepend(entries []*entry) {
	r.peer.mu.Lock()
	defer r.peer.mu.Unlock()
	k := &r.kept
	for _, e := range entries {
		k.waiting++
		k.bytes += uint64(len(e.p.Body))
	}
	k.entries = append(entries, k.entries...)
	r.sent += uint64(len(entries))
	k.first = r.sent + 1 - uint64(len(k.entries))
	r.peer.tell()
}

// succeed hands a queue what its stand-in has kept for it, before it can get anything else.
func (t *Transport) succeed(r *remote) {
	if !r.lasting() || r.group != "" {
		return
	}
	t.mu.Lock()
	p := t.absent[r.peer.name]
	t.mu.Unlock()
	if p == nil {
		return
	}
	p.mu.Lock()
	before := p.named[r.name]
	if before == nil {
		p.mu.Unlock()
		return
	}
	delete(p.named, r.name)
	delete(p.remotes, before.id)
	before.ended, before.heir = true, r
	t.moves.begin()
	defer t.moves.end()
	entries := before.take()
	p.tell()
	p.mu.Unlock()
	for _, e := range entries {
		r.kept.waiting++
		r.kept.bytes += uint64(len(e.p.Body))
	}
	r.kept.entries, r.kept.first = entries, r.sent+1
	r.sent += uint64(len(entries))
	r.before = before
}

// replace takes the stand-in of a queue that is routed to now out of the routes. Of a group,
// what the stand-in has kept goes to those who are there.
func (t *Transport) replace(r *remote) {
	if before := r.before; before != nil {
		r.before = nil
		t.unroute(before)
	}
	if r.group == "" {
		return
	}
	t.mu.Lock()
	p := t.absent[absentName("", &r.offer)]
	t.mu.Unlock()
	if p == nil {
		return
	}
	p.mu.Lock()
	all := slices.Collect(maps.Values(p.remotes))
	p.mu.Unlock()
	for _, x := range all {
		t.regroup(x)
	}
}

// regroup hands what a group's stand-in has kept to processes of the group, if there are
// any.
func (t *Transport) regroup(standIn *remote) {
	g := t.routes.group(standIn.group)
	if g == nil || !g.attended() {
		return
	}
	t.moves.begin()
	defer t.moves.end()
	standIn.peer.mu.Lock()
	entries := standIn.take()
	standIn.peer.tell()
	standIn.peer.mu.Unlock()
	t.handOn(g, standIn, entries)
}

// handOn hands messages to processes of a group, in a goroutine of its own.
func (t *Transport) handOn(g *group, from *remote, entries []*entry) {
	if len(entries) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leaving {
		release(entries, transport.ErrClosed)
		t.strayed.Add(int64(len(entries)))
		return
	}
	t.moves.begin()
	t.running.Go(func() {
		defer t.moves.end()
		for _, e := range entries {
			t.handOver(g, e)
		}
	})
}

// handOver has one message that was kept be kept for another process of its group.
func (t *Transport) handOver(g *group, e *entry) {
	s := post{t: t, ctx: t.ctx, m: &e.p.Message, size: uint64(len(e.p.Body)), x: e.x, parcel: e.p, entry: e}
	s.toGroup(g)
	if !s.put {
		t.strayed.Add(1)
		e.stored.settle(transport.ErrNotConnected)
	}
	e.p.Release()
}

// attended reports whether a process of the group is there.
func (g *group) attended() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, to := range g.members {
		if to.line != nil || to.remote.peer.epoch != "" {
			return true
		}
	}
	return false
}
