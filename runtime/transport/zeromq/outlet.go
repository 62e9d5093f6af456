package zeromq

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport"
)

// outlet is a connection by which another node hears what this one publishes.
type outlet struct {
	*link
	t *Transport
	r *remote // once it has said hello
}

// fill implements source. Publishers need not wait until all is copied.
func (o *outlet) fill(b []byte, most int) []byte {
	for more := true; more && len(b) < most; {
		b, more = o.part(b, min(len(b)+most/16, most))
	}
	return b
}

// part is some of fill, and reports whether there is more.
func (o *outlet) part(b []byte, most int) (_ []byte, more bool) {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	if o.r.out != o {
		return b, false
	}
	b = o.r.fill(b, most)
	return b, o.r.told
}

// isControl reports whether a message is one between nodes, and no topic begins it.
func isControl(m zmtp.Message) bool {
	return len(m.Frames) > 0 && len(m.Frames[0]) > 0 && m.Frames[0][0] == 0
}

// choose is the own type for a peer that connects.
func choose(peer string) string {
	switch peer {
	case zmtp.Sub, zmtp.XSub:
		return zmtp.XPub
	case zmtp.Push:
		return zmtp.Pull
	case zmtp.Dealer, zmtp.Req, zmtp.Router:
		return zmtp.Router
	}
	return ""
}

// accepted serves a connection that somebody else has made, until it is over.
func (t *Transport) accepted(c net.Conn, group string, shaken func()) error {
	cfg := zmtp.Config{Choose: choose, Limits: t.limits(), Timeout: handshakeTimeout}
	if group != "" {
		cfg.Choose = func(peer string) string { return map[string]string{zmtp.Pull: zmtp.Push}[peer] }
	}
	peer, r, err := zmtp.Shake(c, cfg)
	shaken()
	if err != nil {
		return err
	}
	l := newLink(c, peer, r)
	switch peer.Type {
	case zmtp.Sub, zmtp.XSub:
		return t.servePlainSub(l)
	case zmtp.Pull:
		return t.servePlainPull(l, group)
	case zmtp.Push:
		return t.servePlainPush(l)
	}
	return t.serveDealer(l)
}

// serveDealer serves a node, which begins with hello, or a program that asks.
func (t *Transport) serveDealer(l *link) error {
	m, err := l.read()
	if err != nil {
		return err
	}
	if !isControl(m) {
		return t.servePlainDealer(l, m)
	}
	if string(m.Frames[0]) != wordHello || len(m.Frames) != 2 {
		return fmt.Errorf("%w: a connection between nodes that does not begin with hello", transport.ErrDecode)
	}
	h, err := readHello(m.Frames[1])
	if err != nil {
		return err
	}
	return t.serveNode(l, &h)
}

// serveNode serves another node.
func (t *Transport) serveNode(l *link, h *hello) error {
	o := &outlet{link: l, t: t}
	var resumed, ok bool
	var again []*entry
	for !ok { // one that is over has just been forgotten
		if o.r = t.remote(h.node); o.r == nil {
			return transport.ErrClosed
		}
		resumed, again, ok = o.r.attach(o, h)
	}
	o.welcome(resumed)
	o.start(o)
	t.pass(again)
	t.met(h)
	err := o.serve()
	o.close()
	<-o.ended
	o.r.detach(o)
	t.lostRemote(o.r, err)
	t.took()
	return err
}

// welcome answers hello, before any message is sent.
func (o *outlet) welcome(resumed bool) {
	o.r.mu.Lock()
	next := o.r.sent
	o.r.mu.Unlock()
	w := welcome{version: version, node: o.t.id, epoch: o.t.epoch, next: next, resumed: resumed}
	b, err := w.append(nil)
	if err != nil {
		o.t.onError(err) // the configuration was checked
	}
	o.control(wordWelcome, b)
}

// errBye is the end of a connection whose peer has closed.
var errBye = errors.New("zeromq: the peer has closed")

// serve reads what the subscriber says.
func (o *outlet) serve() error {
	var a acks
	for {
		m, err := o.read()
		if err != nil {
			return err
		}
		if m.Command != "" || !isControl(m) {
			return fmt.Errorf("%w: a message from a subscriber", transport.ErrDecode)
		}
		if err := o.take(m.Frames, &a); err != nil {
			return err
		}
	}
}

// take takes one control message.
func (o *outlet) take(frames [][]byte, a *acks) error {
	word := string(frames[0])
	switch {
	case word == wordBye:
		return errBye
	case word == wordReply && len(frames) == 4:
		return o.reply(frames)
	case len(frames) != 2:
		return fmt.Errorf("%w: %.20q with %d frames", transport.ErrDecode, word, len(frames))
	}
	switch body := frames[1]; word {
	case wordAck:
		if err := readAcks(body, a); err != nil {
			return err
		}
		o.t.pass(o.r.acked(a))
		if o.t.node.Closing() {
			o.t.took()
		}
	case wordSynced:
		n, err := readNumbers(body, 1)
		if err != nil {
			return err
		}
		o.r.answered(n[0])
	case wordSubscribe:
		return o.subscribe(body)
	case wordUnsubscribe:
		id, err := readNumbers(body, 1)
		if err != nil {
			return err
		}
		o.unsubscribe(id[0])
	default:
		return fmt.Errorf("%w: %.20q", transport.ErrDecode, strings.TrimPrefix(word, "\x00"))
	}
	return nil
}

// subscribe makes a queue known, and says so.
func (o *outlet) subscribe(body []byte) error {
	a, err := readAnnouncement(body)
	if err != nil {
		return err
	}
	o.r.mu.Lock()
	if o.r.out == o {
		err = o.r.announceMore(&a)
	}
	o.r.mu.Unlock()
	if err != nil {
		return err
	}
	o.control(wordSubscribed, appendNumbers(nil, a.id))
	o.t.fillVacant(a.group)
	return nil
}

func (o *outlet) unsubscribe(id uint64) {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	if q := o.r.live[id]; q != nil && o.r.out == o {
		o.r.withdraw(q)
	}
}

// reply takes the answer to a request.
func (o *outlet) reply(frames [][]byte) error {
	var known names
	m, err := known.message(frames[1], frames[2], frames[3])
	if err != nil {
		return err
	}
	o.t.requests.Deliver(m.Clone())
	return nil
}
