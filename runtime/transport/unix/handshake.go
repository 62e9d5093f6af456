//go:build linux || darwin

package unix

import (
	"fmt"
	"io"
	"net"
	"time"
)

// greeting is how long both sides have to say who they are.
const greeting = 5 * time.Second

// readGreeting reads the first frame, and not a byte more.
func readGreeting(sock net.Conn) (hello, error) {
	var b [maxGreeting]byte
	if _, err := io.ReadFull(sock, b[:headerSize]); err != nil {
		return hello{}, err
	}
	if _, _, _, _, err := split(b[:headerSize], maxGreeting-headerSize); err != nil {
		return hello{}, err
	}
	_, _, _, want, _ := split(b[:headerSize], maxGreeting-headerSize)
	if _, err := io.ReadFull(sock, b[headerSize:want]); err != nil {
		return hello{}, err
	}
	kind, payload, _, _, err := split(b[:want], maxGreeting-headerSize)
	switch {
	case err != nil:
		return hello{}, err
	case kind == frameRefuse && len(payload) == 1:
		return hello{}, fmt.Errorf("%w: reason %d", errRefused, payload[0])
	case kind != frameHello:
		return hello{}, fmt.Errorf("%w: a frame of kind %d comes before a greeting", errMalformed, kind)
	}
	return readHello(payload)
}

// answer greets a process that has connected to this one; nil if it is not wanted.
func (t *Transport) answer(sock *net.UnixConn) (*peer, error) {
	_ = sock.SetDeadline(time.Now().Add(greeting))
	if err := t.access.Vet(sock); err != nil {
		return nil, err
	}
	h, err := readGreeting(sock)
	if err != nil {
		return nil, err
	}
	p, why := t.admit(&h, false)
	if why != 0 {
		_, _ = sock.Write(appendRefusal(nil, why))
		return nil, nil
	}
	if _, err := sock.Write(t.hello().append(nil)); err != nil {
		t.settleDown(p.name)
		return nil, err
	}
	return p, nil
}

// call connects to a process by its socket's name, which this one has been admitted to try.
func (t *Transport) call(name string) error {
	d := net.Dialer{Timeout: greeting}
	c, err := d.DialContext(t.ctx, "unix", t.socketOf(name))
	if err != nil {
		return err
	}
	sock := c.(*net.UnixConn)
	if err := t.introduce(sock, name); err != nil {
		_ = sock.Close()
		return err
	}
	return nil
}

func (t *Transport) introduce(sock *net.UnixConn, name string) error {
	_ = sock.SetDeadline(time.Now().Add(greeting))
	if err := t.access.Vet(sock); err != nil {
		return err
	}
	if _, err := sock.Write(t.hello().append(nil)); err != nil {
		return err
	}
	h, err := readGreeting(sock)
	if err != nil {
		return err
	}
	if h.name() != name {
		return fmt.Errorf("%w: %s says that it is %s", errMalformed, name, h.name())
	}
	p, why := t.admit(&h, true)
	if why != 0 {
		return fmt.Errorf("%w: there is one from there", errRefused)
	}
	c, err := t.connect(sock, p, true)
	if err == nil {
		t.running.Go(func() { t.note(t.serve(c)) })
	}
	return err
}

// admit decides whether a connection to a process is wanted, and returns the process. Where
// both sides call each other at once, the call of the one with the smaller epoch counts.
func (t *Transport) admit(h *hello, dialed bool) (*peer, byte) {
	t.mu.Lock()
	name := h.name()
	if h.epoch == t.epoch || name == t.name {
		t.mu.Unlock()
		return nil, refuseItself
	}
	if t.leaving {
		t.mu.Unlock()
		return nil, refuseClosing
	}
	p := t.peers[name]
	switch {
	case p == nil || p.epoch != h.epoch:
		before := p
		p = newPeer(t, h)
		p.before, t.peers[name] = before, p
	case !dialed && (p.connected() || t.settling[name]):
		t.mu.Unlock()
		return nil, refuseDuplicate
	case dialed && p.connected():
		t.mu.Unlock()
		return nil, refuseDuplicate
	}
	if !dialed {
		if t.calling[name] && t.epoch < h.epoch {
			t.mu.Unlock()
			return nil, refuseDuplicate
		}
		t.settling[name] = true
	}
	t.mu.Unlock()
	return p, 0
}

// settleDown says that a connection that was admitted is there, or will not be.
func (t *Transport) settleDown(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.settling, name)
}

// establish makes a connection the peer's, and reads it until it ends.
func (t *Transport) establish(sock *net.UnixConn, p *peer) error {
	c, err := t.connect(sock, p, false)
	t.settleDown(p.name)
	if err != nil {
		return err
	}
	return t.serve(c)
}

// connect makes a connection the peer's.
func (t *Transport) connect(sock *net.UnixConn, p *peer, dialed bool) (*conn, error) {
	_ = sock.SetDeadline(time.Time{})
	_ = sock.SetWriteBuffer(socketBuffer)
	_ = sock.SetReadBuffer(socketBuffer)
	p.succeed()
	c, err := newConn(sock, p, dialed)
	if err == nil && !t.join(c) {
		err = net.ErrClosed
	}
	return c, err
}

// socketBuffer is how much the system is asked to keep for a connection on its way.
const socketBuffer = 256 << 10

// join tells the peer of all lines, and makes the connection the one that is used.
func (t *Transport) join(c *conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone || p.conn != nil || t.leaving {
		return false
	}
	p.conn = c
	c.ended.Add(1)
	go c.write()
	clear(p.unacked)
	for _, a := range t.lines {
		if !t.parting && !a.withdrawn {
			p.announce(a)
		}
	}
	c.frame(frameSync)
	if t.parting {
		p.part()
	}
	c.stir()
	return true
}

// serve reads a connection until it ends, sees to what that means, and returns why.
func (t *Transport) serve(c *conn) error {
	err := t.readers.Serve(c.in.read, c.release)
	if t.drop(c, err) {
		t.lost(c, err)
	}
	c.ended.Wait()
	return err
}
