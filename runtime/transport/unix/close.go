//go:build linux || darwin

package unix

import (
	"context"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Close implements transport.Transport. Others are told first, and what they have sent until
// they know is taken; then what is left is handled, what was kept for others is awaited, and
// what is to be written is written.
func (t *Transport) Close(ctx context.Context) error {
	if t.subs.Shut() {
		t.status.Set(transport.Draining, nil)
		close(t.shut)
		go t.drain()
	}
	if transport.InReceiver(ctx) || transport.Drained(ctx, t.done) {
		return nil
	}
	t.requests.Close() // before they are told that there is no reply
	t.hurry.Do(func() { close(t.hurried) })
	left := t.subs.Abandon() + t.abandonKept()
	<-t.done
	if left += int(t.strayed.Load()); left == 0 {
		return nil
	}
	return &transport.DrainError{Left: left}
}

// parting is how long others may take to hear that this process ends.
const parting = 2 * time.Second

// drain is the goroutine of Close.
func (t *Transport) drain() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		select {
		case <-t.hurried:
		case <-t.done:
		}
	}()
	<-t.joinedOrShut()
	t.part(ctx)
	t.subs.Drain()
	t.settleKept(ctx)
	t.flushAll(ctx)
	t.end()
	t.requests.Close()
	t.status.Set(transport.Closed, nil)
	close(t.done)
}

// joinedOrShut is closed when the first look at the directory is over, which shut ends.
func (t *Transport) joinedOrShut() <-chan struct{} { return t.joined }

// part tells all that this process takes nothing more, and waits until they know.
func (t *Transport) part(ctx context.Context) {
	t.mu.Lock()
	t.parting = true
	for _, p := range t.peers {
		p.mu.Lock()
		p.part()
		p.mu.Unlock()
	}
	t.mu.Unlock()
	t.awaitAll(ctx, parting, func(p *peer) bool { return p.conn == nil || p.conn.parted })
}

// part tells the peer that this process takes nothing more; p.mu is held.
func (p *peer) part() {
	if p.conn != nil {
		p.conn.frame(frameBye)
		p.conn.stir()
	}
}

// awaitAll waits, for a time, until something holds of all peers, whose mutex is held.
func (t *Transport) awaitAll(ctx context.Context, limit time.Duration, cond func(*peer) bool) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		all, rest := true, t.moves.rest()
		for _, p := range append(t.known(), t.standIns()...) {
			p.mu.Lock()
			all = all && (p.gone || cond(p))
			p.mu.Unlock()
		}
		if all && rest() {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// settleKept waits until what is kept is settled, also by processes that come only now.
func (t *Transport) settleKept(ctx context.Context) {
	t.awaitAll(ctx, 1<<62, func(p *peer) bool {
		for _, r := range p.remotes {
			if r.kept.waiting > 0 {
				return false
			}
		}
		return true
	})
}

// flushAll waits until everything is written.
func (t *Transport) flushAll(ctx context.Context) {
	t.awaitAll(ctx, stillness, func(p *peer) bool {
		c := p.conn
		if c == nil || !c.busy && c.pending()+len(p.dirty)+len(p.losses) == 0 {
			return true
		}
		c.stir()
		return false
	})
}

// abandonKept lets go of what is kept, and returns how much it is.
func (t *Transport) abandonKept() (left int) {
	for _, p := range append(t.known(), t.standIns()...) {
		p.mu.Lock()
		var all []*entry
		for _, r := range p.remotes {
			all = append(all, r.take()...)
		}
		p.mu.Unlock()
		release(all, transport.ErrClosed)
		left += len(all)
	}
	return left
}

// end closes everything, and waits for all goroutines.
func (t *Transport) end() {
	t.mu.Lock()
	t.leaving = true
	t.mu.Unlock()
	t.unlisten()
	t.cancel()
	for _, p := range t.known() {
		p.mu.Lock()
		if p.conn != nil {
			p.conn.close()
		}
		p.mu.Unlock()
	}
	t.running.Wait()
	t.strayed.Add(int64(t.abandonKept()))
	_ = t.lock.Close()
}
