//go:build linux || darwin

package unix

import (
	"fmt"
	"maps"
	"slices"

	"github.com/xsgen/xsgen/runtime/transport"
)

// maxQueues is how many queues a peer may have.
const maxQueues = 1 << 16

// offered takes note of a queue that a peer tells of, and confirms it.
func (t *Transport) offered(p *peer, c *conn, o *offer) error {
	agrees := t.routes.agrees(o)
	p.mu.Lock()
	if p.conn != c || p.gone || c.leaving {
		p.mu.Unlock()
		return nil
	}
	if !agrees {
		defer p.mu.Unlock()
		return c.answer(frameSubscribed, o.id, 1)
	}
	r := p.remotes[o.id]
	if r == nil && len(p.remotes) >= maxQueues {
		p.mu.Unlock()
		return fmt.Errorf("%w: it has more than %d queues", errMalformed, maxQueues)
	}
	if r == nil || r.ended {
		r = &remote{peer: p, offer: *o, sent: o.received} // of before, if the peer was taken for gone, and has not
		p.remotes[o.id] = r
		t.succeed(r)
	}
	r.resume(o, c)
	p.tell()
	p.mu.Unlock()
	t.routes.add(r, &target{remote: r}, o)
	t.replace(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.answer(frameSubscribed, o.id, 0)
}

// synced is told that a peer has told of all its queues: those that it has not told of have
// ended while there was no connection.
func (t *Transport) synced(c *conn) {
	p := c.p
	var ended []*remote
	t.moves.begin()
	defer t.moves.end()
	p.mu.Lock()
	c.synced = true
	for id, r := range p.remotes {
		if r.seen != c {
			r.ended = true
			ended = append(ended, r)
			delete(p.remotes, id)
		}
	}
	p.tell()
	p.mu.Unlock()
	for _, r := range ended {
		t.unroute(r)
		t.passOn(r)
	}
	t.assess(nil)
	t.changed.tell()
}

// leaves is told that a peer ends: it takes nothing more, and this side tells it that
// nothing more will come.
func (t *Transport) leaves(p *peer, c *conn) error {
	p.mu.Lock()
	c.leaving = true
	all := slices.Collect(maps.Values(p.remotes))
	p.mu.Unlock()
	for _, r := range all {
		t.suspend(r)
	}
	p.mu.Lock()
	clear(p.unacked)
	err := c.answer(frameFarewell)
	p.tell()
	p.mu.Unlock()
	t.changed.tell()
	return err
}

// suspend has nothing more go to a queue of a process that ends. What was sent there may yet
// be settled.
func (t *Transport) suspend(r *remote) {
	var heir *remote
	if r.lasting() {
		heir = t.keepFor(r.peer.name, &r.offer)
	}
	r.peer.mu.Lock()
	r.ended, r.heir = true, heir
	r.peer.mu.Unlock()
	t.unroute(r)
}

// drop ends a connection's part of its peer, and reports whether it was the peer's. The state
// says so before there can be another connection, so that whoever watches sees that one was
// lost.
func (t *Transport) drop(c *conn, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !c.p.drop(c) {
		return false
	}
	if !c.leaving {
		t.judge(err)
	}
	return true
}

// lost is told that a connection has ended.
func (t *Transport) lost(c *conn, err error) {
	p := c.p
	if c.leaving {
		p.end()
		t.forget(p)
	}
	t.assess(err)
	t.changed.tell()
	select {
	case t.look <- struct{}{}:
	default: // it looks anyway
	}
}

// forget forgets a process that has ended.
func (t *Transport) forget(p *peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.peers[p.name] == p {
		delete(t.peers, p.name)
	}
}

// assess sets the state by what connections there are.
func (t *Transport) assess(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.judge(err)
}

// judge is assess with t.mu held.
func (t *Transport) judge(err error) {
	select {
	case <-t.joined:
	default:
		return
	}
	state := transport.Ready
	for _, p := range t.peers {
		if !p.settled() {
			state = transport.Reconnecting
		}
	}
	if !t.subs.Closing() {
		t.status.Set(state, err)
	}
}

// settled reports whether the peer is connected, and has told of all its queues, or is no
// more.
func (p *peer) settled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone || p.conn != nil && p.conn.synced
}

// passOn sees to what was kept for a queue that has ended: for a group's, another member
// gets it; for others there is nobody.
func (t *Transport) passOn(r *remote) {
	r.peer.mu.Lock()
	entries := r.take()
	r.peer.mu.Unlock()
	if g := t.routes.group(r.group); r.group != "" && g != nil {
		t.handOn(g, r, entries)
		return
	}
	release(entries, nil) // nobody misses them
}
