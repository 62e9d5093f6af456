//go:build linux || darwin

package unix

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is one connection to a peer: what it writes. All but the socket is guarded by the
// peer's mutex.
type conn struct {
	sock   *net.UnixConn
	raw    syscall.RawConn
	p      *peer
	in     *inbound
	dialed bool // by this side

	buf      []byte // what is to be written
	spare    []byte // what was written, for the next buf
	rest     []byte // of what was tried to be written, in front of buf
	secret   bool   // there is something in buf that is to be wiped
	hidden   bool   // the same of rest
	owed     int    // answers in buf
	busy     bool   // somebody writes, or the writer is about to
	held     bool   // who reads writes what is due, when it has handled what it has read
	closed   bool
	synced   bool      // the peer has told of all its queues
	parted   bool      // the peer knows that this process ends
	leaving  bool      // the peer takes nothing more
	wrote    time.Time // when a lone message was written
	answered uint64    // what had been heard then
	heads    heads
	marks    []mark // frames in buf that may be dropped for later ones

	wake    chan struct{}
	tried   func(fd uintptr) bool // writes trial, without waiting
	trial   []byte
	written int
	looks   int                   // in a row, see looksFor
	looked  func(fd uintptr) bool // reads into seen, without waiting
	seen    []byte
	read    int
	failed  error
	heard   atomic.Uint64 // reads, for the watch
	ended   sync.WaitGroup
}

// mark is where a frame is in a buffer.
type mark struct {
	start, end int
	r          *remote
}

const (
	// lone is how long after a message another one is written by its publisher, too;
	// sooner, the writer collects what comes, unless something was heard in between: then it
	// may be the answer to that.
	lone = 10 * time.Microsecond
	// yields is how often the writer lets others run before it sleeps.
	yields = 4
	// maxSpare is the largest buffer that is kept while there is nothing to be written.
	maxSpare = 256 << 10
)

func newConn(sock *net.UnixConn, p *peer, dialed bool) (*conn, error) {
	raw, err := sock.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{sock: sock, raw: raw, p: p, dialed: dialed, wake: make(chan struct{}, 1), looks: looksFor(runtime.GOMAXPROCS(0))}
	c.in = newInbound(c)
	c.looked = func(fd uintptr) bool {
		c.read, c.failed = syscall.Read(int(fd), c.seen)
		return true
	}
	c.tried = func(fd uintptr) bool {
		n, err := syscall.Write(int(fd), c.trial)
		c.written = max(n, 0)
		if err != nil {
			c.written = 0 // the writer will see what it is
		}
		return true
	}
	return c, nil
}

// frame appends a short frame without a message; p.mu is held.
func (c *conn) frame(kind byte, numbers ...uint64) {
	b, at := begin(c.buf, kind)
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	c.buf = end(b, at)
}

// maxOwed is how many answers may wait to be written: who asks reads what he is told.
const maxOwed = 100_000

// answer is frame for what the peer has asked for; p.mu is held.
func (c *conn) answer(kind byte, numbers ...uint64) error {
	if c.owed++; c.owed > maxOwed {
		return fmt.Errorf("%w: it asks, and does not read the answers", errMalformed)
	}
	c.frame(kind, numbers...)
	c.stir()
	return nil
}

// stir has the writer write what is there; p.mu is held.
func (c *conn) stir() {
	if !c.busy {
		c.busy = true
		c.wakeUp()
	}
}

func (c *conn) wakeUp() {
	if c.closed {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default: // it has been told
	}
}

// flush writes what is there, if nobody else does and it is a lone message; otherwise the
// writer does. p.mu is held, and released.
func (c *conn) flush() {
	defer c.p.mu.Unlock()
	if c.busy || c.closed {
		return
	}
	heard := c.heard.Load()
	if heard == c.answered && time.Since(c.wrote) < lone {
		c.stir()
		return
	}
	c.busy, c.answered = true, heard
	c.p.report(c)
	secret := c.secret
	c.trial, c.buf, c.secret, c.owed = c.buf, c.spare[:0], false, 0
	c.marks, c.spare = c.marks[:0], nil
	c.p.mu.Unlock()
	c.written = 0 // a socket that is closed is not tried
	err := c.raw.Write(c.tried)
	c.p.mu.Lock()
	if secret {
		clear(c.trial[:c.written])
	}
	if c.rest, c.hidden = c.trial[c.written:], secret; err == nil && len(c.rest) == 0 {
		c.recycle(c.trial)
	}
	c.trial, c.wrote = nil, time.Now()
	due := !c.held && len(c.p.dirty)+len(c.p.losses) > 0 // since it was looked at
	if c.busy = due || c.pending() > 0; c.busy {
		c.wakeUp()
	}
}

// recycle keeps a buffer that was written.
func (c *conn) recycle(b []byte) {
	if c.spare == nil {
		c.spare = b[:0]
	}
}

// shrink lets go of buffers that a burst has made large; p.mu is held, and nothing is to be
// written.
func (c *conn) shrink() {
	if cap(c.buf) > maxSpare {
		c.buf = nil
	}
	if cap(c.spare) > maxSpare {
		c.spare = nil
	}
}

// hold has what is due wait for release: a message that is handled now may bring an answer,
// and settle others.
func (c *conn) hold() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.held = true
}

// release has what is due written.
func (c *conn) release() {
	c.p.mu.Lock()
	c.held = false
	if len(c.p.dirty)+len(c.p.losses)+len(c.buf) == 0 {
		c.p.mu.Unlock()
		return
	}
	c.flush()
}

// write is the writer's goroutine. An error ends the connection.
func (c *conn) write() {
	defer c.ended.Done()
	for range c.wake {
		for b, secret := c.next(); b != nil; b, secret = c.next() {
			_, err := c.sock.Write(b)
			if secret {
				clear(b)
			}
			if err != nil {
				_ = c.sock.Close() // the reader ends, and sees to the rest
				return
			}
		}
	}
}

// next is what the writer is to write; nil if there is nothing any more, not even after
// others have run. secret is whether it is to be wiped.
func (c *conn) next() (b []byte, secret bool) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for try := 0; !c.closed; try++ { // what is due then is the next connection's
		c.p.report(c)
		switch {
		case len(c.rest) > 0:
			b, c.rest = c.rest, nil
			return b, c.hidden
		case len(c.buf) > 0:
			b, secret = c.buf, c.secret
			c.buf, c.spare, c.secret, c.owed = c.spare[:0], nil, false, 0
			c.marks = c.marks[:0]
			c.recycle(b) // it is written before it is asked for again
			c.p.tell()
			return b, secret
		case try == yields:
			c.busy = false
			c.shrink()
			return nil, false
		}
		c.p.mu.Unlock()
		runtime.Gosched()
		c.p.mu.Lock()
	}
	return nil, false
}

// close ends the connection's writing; p.mu is held.
func (c *conn) close() {
	if !c.closed {
		c.closed = true
		close(c.wake)
		_ = c.sock.Close()
	}
}

// pending is how much is to be written.
func (c *conn) pending() int { return len(c.rest) + len(c.buf) }
