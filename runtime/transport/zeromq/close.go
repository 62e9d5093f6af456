package zeromq

import (
	"context"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// Subscribe implements transport.Transport. When it returns, all processes that are
// connected know of it; others are told when they connect.
func (t *Transport) Subscribe(ctx context.Context, r transport.SubscribeRequest) (transport.Subscription, error) {
	if err := transport.CheckSubscribe(ctx, t, &r); err != nil {
		return nil, err
	}
	m, err := t.node.Subscribe(r)
	if err != nil {
		return nil, err
	}
	if err := t.announce(ctx, m.Line()); err != nil {
		_ = m.Close(ctx) // what it has got meanwhile is left
		return nil, err
	}
	return m, nil
}

// announce tells all who are connected of a line, and waits until they know.
func (t *Transport) announce(ctx context.Context, l *local.Line) error {
	t.ownMu.Lock()
	id := t.ids[l]
	tg := t.own[id]
	t.ownMu.Unlock()
	if tg == nil {
		return nil // it has been closed again
	}
	tg.members.Store(int64(max(l.Members(), 1)))
	a := tg.announcement(id)
	for _, in := range t.allInlets() {
		known := in.ask(&a)
		if known == nil {
			continue
		}
		t.readers.Relieve() // the answer may have to be read
		select {
		case <-known:
		case <-ctx.Done():
			return transport.TimeoutError(ctx.Err())
		}
	}
	return nil
}

// Close implements transport.Transport. What this process keeps for others that are not
// there is given up.
func (t *Transport) Close(ctx context.Context) error {
	if t.node.Shut() {
		close(t.shut)
		t.status.Set(transport.Draining, nil)
		t.closing.Go(func() { t.drain() })
	}
	if transport.InReceiver(ctx) || transport.Drained(ctx, t.done) {
		return nil
	}
	t.requests.Close() // before they are told that there is no reply
	left := t.node.Abandon() + t.unsent()
	t.hurry()
	return &transport.DrainError{Left: left}
}

// hurry has drain not wait for others any more.
func (t *Transport) hurry() { t.hurried.Do(func() { close(t.rushed) }) }

// drain is the goroutine of Close: it finishes what this process has, and then what others
// have not taken yet, and says goodbye.
func (t *Transport) drain() {
	t.withdraw()
	t.node.Drain()
	t.requests.Close()
	t.flush()
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	t.goodbye()
	t.cancel()
	t.unbind()
	t.running.Wait()
	t.status.Set(transport.Closed, nil)
	close(t.done)
}

// withdraw has others send nothing more.
func (t *Transport) withdraw() {
	t.ownMu.Lock()
	ids := make([]uint64, 0, len(t.own))
	for id := range t.own {
		ids = append(ids, id)
	}
	t.ownMu.Unlock()
	for _, in := range t.allInlets() {
		for _, id := range ids {
			in.drop(id)
		}
	}
}

// flush waits until everybody who is connected has taken what is for him.
func (t *Transport) flush() {
	for t.unsent() > 0 {
		wait := make(chan struct{})
		t.mu.Lock()
		t.taken = wait
		t.mu.Unlock()
		if t.unsent() == 0 {
			return
		}
		select {
		case <-wait:
		case <-t.rushed:
			return
		}
	}
}

// took tells flush that something has been taken.
func (t *Transport) took() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken != nil {
		close(t.taken)
		t.taken = nil
	}
}

// unsent is how many messages others who are connected have not taken.
func (t *Transport) unsent() (n int) {
	for _, r := range t.allRemotes() {
		r.mu.Lock()
		if r.out != nil {
			n += r.ring.len()
		}
		r.mu.Unlock()
	}
	return n
}

// goodbye tells all who are connected that this process closes, so that they do not wait
// for it.
func (t *Transport) goodbye() {
	bye := zmtp.AppendMessage(nil, []byte(wordBye))
	var links []*link
	for _, in := range t.allInlets() {
		in.mu.Lock()
		if in.link != nil {
			links = append(links, in.link)
		}
		in.mu.Unlock()
	}
	for _, r := range t.allRemotes() {
		r.mu.Lock()
		if r.out != nil {
			links = append(links, r.out.link)
		}
		r.mu.Unlock()
	}
	for _, l := range links {
		l.farewell(bye)
	}
	for _, l := range links {
		l.await()
	}
}
