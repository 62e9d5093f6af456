//go:build linux || darwin

package unix

import (
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// readSize is how much is read at once.
const readSize = 64 << 10

// inbound is the reading half of a connection. It belongs to one goroutine.
type inbound struct {
	c     *conn
	p     *peer
	heads []head
	lines []*local.Line // that got something and were not pumped
	count int           // messages since then
	numbs []uint64
	now   time.Time // of the last read
	wipe  bool      // something that was read is to be wiped
}

// read handles frames until the connection ends.
func (c *conn) read() error {
	in := &inbound{c: c, p: c.p}
	limit := c.p.t.maxBody + slack
	buf, from, to := make([]byte, readSize), 0, 0
	for {
		if to == len(buf) {
			buf, to = widen(buf, from, to), to-from
			from = 0
		}
		n, err := c.receive(buf[to:])
		if n > 0 {
			c.heard.Add(1)
			to += n
			used, bad := in.frames(buf[from:to], limit)
			if in.wipe {
				clear(buf[from : from+used])
				in.wipe = false
			}
			if bad != nil {
				return bad
			}
			if from += used; from == to {
				from, to = 0, 0
				if len(buf) > 4*readSize {
					buf = make([]byte, readSize)
				}
			}
		}
		if err != nil {
			return err
		}
	}
}

// widen is a buffer with the same content at its beginning, and room behind it: the same
// one, or a larger one if it was full of one frame.
func widen(buf []byte, from, to int) []byte {
	if from > 0 {
		copy(buf, buf[from:to])
		return buf
	}
	return append(buf, make([]byte, len(buf))...)
}

// receive reads what is there; with a transport that spins it looks for a while before it
// sleeps.
func (c *conn) receive(b []byte) (int, error) {
	if spin := c.p.t.spin; spin > 0 {
		for begun := time.Now(); time.Since(begun) < spin; runtime.Gosched() {
			n, err, there := c.look(b)
			if there {
				return n, err
			}
		}
	}
	return c.sock.Read(b)
}

// look reads without waiting.
func (c *conn) look(b []byte) (n int, err error, there bool) {
	var failed error
	err = c.raw.Read(func(fd uintptr) bool {
		n, failed = syscall.Read(int(fd), b)
		return true
	})
	switch {
	case err != nil:
		return 0, err, true
	case failed == syscall.EAGAIN || failed == syscall.EINTR:
		return 0, nil, false
	case failed != nil:
		return 0, failed, true
	case n == 0:
		return 0, io.EOF, true
	}
	return n, nil, true
}

// frames handles the frames that b has all of, and returns how much of it they are.
func (in *inbound) frames(b []byte, limit int) (used int, err error) {
	defer in.pump()
	in.now = time.Now()
	for {
		kind, payload, size, _, err := split(b[used:], limit)
		if err != nil || size == 0 {
			return used, err
		}
		if err := in.frame(kind, payload); err != nil {
			return used, err
		}
		used += size
	}
}

// pumpEvery is how many messages are taken before receivers hear of them.
const pumpEvery = 64

func (in *inbound) pump() {
	for i, l := range in.lines {
		l.Pump()
		in.lines[i] = nil
	}
	in.lines, in.count = in.lines[:0], 0
}

// touched notes that a line got something.
func (in *inbound) touched(l *local.Line) {
	if n := len(in.lines); n == 0 || in.lines[n-1] != l {
		in.lines = append(in.lines, l)
	}
	if in.count++; in.count >= pumpEvery {
		in.pump()
	}
}

func (in *inbound) frame(kind byte, payload []byte) (err error) {
	switch kind {
	case frameMessage:
		return in.message(payload)
	case frameKept:
		return in.kept(payload)
	case frameHead:
		in.heads, err = learn(payload, in.heads)
		return err
	case frameReply:
		return in.reply(payload)
	case frameSub:
		return in.sub(payload)
	case framePing, framePong, frameSync, frameBye, frameFarewell:
		return in.plain(kind, payload)
	case frameSettled, frameAcks, frameAsk, frameGap, frameDropped, frameSubscribed, frameUnsub, frameUnsubscribed, frameRetired, frameAnew:
		return in.numbers(kind, payload)
	}
	return fmt.Errorf("%w: there is no kind %d", errMalformed, kind)
}

// message handles a message for some lines.
func (in *inbound) message(payload []byte) error {
	r := reader{b: payload}
	in.numbs = in.numbs[:0]
	for range r.count() {
		in.numbs = append(in.numbs, r.number())
	}
	m, x := r.message(in.heads, in.p.t.maxBody)
	if r.err != nil {
		return r.err
	}
	p := in.pack(&m, in.numbs)
	defer p.Release()
	for _, id := range in.numbs {
		f := in.p.flow(id)
		if f == nil || f.keeps {
			continue // it has ended
		}
		f.accept(f.received.Add(1), p, x.ttl)
		in.touched(f.line)
	}
	return nil
}

// pack copies a message whose body is in a buffer.
func (in *inbound) pack(m *transport.Message, ids []uint64) *local.Parcel {
	wipe := false
	for _, id := range ids {
		f := in.p.flow(id)
		wipe = wipe || f != nil && f.wipes
	}
	in.wipe = in.wipe || wipe
	return local.PackAt(in.now, m, wipe)
}

// kept handles a message that the publisher keeps.
func (in *inbound) kept(payload []byte) error {
	r := reader{b: payload}
	id, n := r.number(), r.number()
	m, x := r.message(in.heads, in.p.t.maxBody)
	if r.err != nil {
		return r.err
	}
	f := in.p.flow(id)
	if f == nil || !f.keeps || !f.fresh(n) {
		return nil
	}
	p := local.PackAt(in.now, &m, f.wipes)
	in.wipe = in.wipe || f.wipes
	defer p.Release()
	f.accept(n, p, x.ttl)
	f.due() // that it has come
	in.touched(f.line)
	return nil
}

// reply handles the reply to a request of this process.
func (in *inbound) reply(payload []byte) error {
	r := reader{b: payload}
	m, _ := r.message(in.heads, in.p.t.maxBody)
	if r.err != nil {
		return r.err
	}
	in.p.mu.Lock()
	delete(in.p.asked, m.Correlation)
	in.p.mu.Unlock()
	in.p.t.requests.Deliver(m.Clone())
	return nil
}

func (in *inbound) sub(payload []byte) error {
	o, err := readOffer(payload)
	if err != nil {
		return err
	}
	in.p.t.offered(in.p, in.c, &o)
	return nil
}
