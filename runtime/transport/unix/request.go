//go:build linux || darwin

package unix

import (
	"context"
	"fmt"
	"strings"

	"github.com/xsgen/xsgen/runtime/transport"
)

// here is where replies to this process go.
func (t *Transport) here() string { return t.name + "/" + t.epoch }

// Request implements transport.Transport.
func (t *Transport) Request(ctx context.Context, m *transport.Message) (*transport.Message, error) {
	if t.subs.Closing() {
		return nil, transport.NotSent(m, transport.ErrClosed)
	}
	return t.requests.Do(ctx, transport.Ask(m, t.here(), t.newID), func(ask *transport.Message) (int, error) {
		s := post{t: t, ctx: ctx, m: ask, stop: t.shut, asks: true}
		err := s.run()
		t.readers.Relieve() // one of them may have to read the reply
		return s.takers, err
	})
}

// reply sends a reply to where the request came from. It does not wait.
func (t *Transport) reply(to string, m *transport.Message) error {
	if err := transport.CheckReply(m, t.maxBody); err != nil {
		return err
	}
	if to == t.here() {
		t.requests.Deliver(m.Clone())
		return nil
	}
	name, epoch, _ := strings.Cut(to, "/")
	t.mu.Lock()
	p := t.peers[name]
	t.mu.Unlock()
	if p == nil || p.epoch != epoch {
		return fmt.Errorf("%w: the requester has gone", transport.ErrNoRoute)
	}
	return p.reply(m)
}

func (p *peer) reply(m *transport.Message) error {
	if len(m.Body) > p.limit {
		return transport.ErrTooLarge
	}
	p.mu.Lock()
	c := p.conn
	if c == nil {
		p.mu.Unlock()
		return transport.ErrNotConnected
	}
	number := uint64(0)
	c.buf, number = c.heads.of(c.buf, &m.Envelope)
	b, at := begin(c.buf, frameReply)
	c.buf = end(appendMessage(b, number, m, extra{}), at)
	c.secret = c.secret || secret(m)
	c.flush()
	return nil
}
