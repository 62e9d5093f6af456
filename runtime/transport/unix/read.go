//go:build linux || darwin

package unix

import (
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// readSize is how much is read at once.
const readSize = 64 << 10

// inbound is the reading half of a connection. All but the turn belongs to the goroutine
// whose turn it is.
type inbound struct {
	c     *conn
	p     *peer
	buf   []byte
	from  int // where in buf something begins that was not handled
	to    int // and ends
	heads []head
	batch local.Batch // what has come, and receivers have not heard of
	m     transport.Message
	x     extra
	flows []*flow // of the message at hand
	numbs []uint64
	now   time.Time // of the last read
	wipe  bool      // something that was read is to be wiped
	ended error     // of the last read
	texts codec.Texts
}

func newInbound(c *conn) *inbound {
	return &inbound{c: c, p: c.p, buf: make([]byte, readSize)}
}

// read handles frames until the connection ends, or it is somebody else's turn.
func (in *inbound) read(r *local.Reader) (err error, mine bool) {
	for {
		for more := true; more; {
			if more, err = in.handle(); err != nil {
				in.batch.Waive()
				in.batch.Flush()
				return err, true
			}
			if m := in.batch.Claim(); m != nil && !r.Call(m) {
				return nil, false
			}
		}
		if m := in.batch.Rest(); m != nil && !r.Call(m) {
			return nil, false
		}
		in.c.release()
		if in.ended != nil {
			return in.ended, true
		}
		in.receive()
	}
}

// receive waits for what comes, and has what is due wait while it is handled.
func (in *inbound) receive() {
	if in.to == len(in.buf) {
		in.widen()
	}
	n := 0
	if n, in.ended = in.c.receive(in.buf[in.to:]); n > 0 {
		in.c.heard.Add(1)
		in.to += n
		in.now = time.Now()
		in.c.hold()
	}
}

// handle handles frames of which all is there, and leaves their messages in the batch; there
// may be more where that is full.
func (in *inbound) handle() (more bool, err error) {
	used, err := in.frames(in.buf[in.from:in.to], in.p.t.maxBody+slack)
	if in.wipe {
		clear(in.buf[in.from : in.from+used])
		in.wipe = false
	}
	if in.from += used; in.from == in.to {
		in.from, in.to = 0, 0
		if len(in.buf) > 4*readSize {
			in.buf = make([]byte, readSize)
		}
	}
	return in.batch.Len() >= together, err
}

// widen makes room behind what is in the buffer.
func (in *inbound) widen() {
	if in.from > 0 {
		in.to = copy(in.buf, in.buf[in.from:in.to])
		in.from = 0
		return
	}
	in.buf = append(in.buf, make([]byte, len(in.buf))...) // it is full of one frame
}

// receive reads what is there; with a transport that spins it looks for a while before it
// sleeps.
func (c *conn) receive(b []byte) (int, error) {
	if spin := c.p.t.spin; spin > 0 {
		runtime.Gosched() // whoever was woken by what has come need not wait for a processor
		for begun := time.Now(); time.Since(begun) < spin; {
			for range c.looks {
				if n, err, there := c.look(b); there {
					return n, err
				}
				giveWay()
			}
			runtime.Gosched()
		}
	}
	return c.sock.Read(b)
}

// looksFor is how often is looked before others may run, with a number of processors. Letting
// them run wakes one that has nothing to do, which the other process may have needed; where
// there is more than one they run there anyway.
func looksFor(processors int) int {
	if processors == 1 {
		return 1
	}
	return 512
}

// look reads without waiting. It belongs to who reads.
func (c *conn) look(b []byte) (n int, err error, there bool) {
	c.seen = b
	err = c.raw.Read(c.looked)
	c.seen = nil
	switch {
	case err != nil:
		return 0, err, true
	case c.failed == syscall.EAGAIN || c.failed == syscall.EINTR:
		return 0, nil, false
	case c.failed != nil:
		return 0, c.failed, true
	case c.read == 0:
		return 0, io.EOF, true
	}
	return c.read, nil, true
}

// together is how many messages are taken before receivers hear of them.
const together = 64

// frames handles frames that b has all of, until the batch is full, and returns how much of b
// they are.
func (in *inbound) frames(b []byte, limit int) (used int, err error) {
	for in.batch.Len() < together {
		kind, payload, size, _, err := split(b[used:], limit)
		if err != nil || size == 0 {
			return used, err
		}
		if err := in.frame(kind, payload); err != nil {
			return used, err
		}
		used += size
	}
	return used, nil
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
	}
	in.batch.Flush() // what has come before counts
	switch kind {
	case frameReply:
		return in.reply(payload)
	case frameSub:
		return in.sub(payload)
	case framePing, framePong, frameSync, frameBye, frameFarewell:
		return in.plain(kind, payload)
	case frameSettled, frameAcks, frameAsk, frameGap, frameDropped, frameSubscribed, frameUnsub, frameUnsubscribed, frameRetired:
		return in.numbers(kind, payload)
	}
	return fmt.Errorf("%w: there is no kind %d", errMalformed, kind)
}

// message handles a message for some lines.
func (in *inbound) message(payload []byte) error {
	r := reader{b: payload, texts: &in.texts}
	in.flows = in.flows[:0]
	wipe := false
	for range r.count() {
		if f := in.p.flow(r.number()); f != nil && !f.keeps { // otherwise it has ended
			in.flows = append(in.flows, f)
			wipe = wipe || f.wipes
		}
	}
	p := in.parcel(&r, wipe)
	if r.err != nil || len(in.flows) == 0 {
		p.Release()
		return r.err
	}
	in.wipe = in.wipe || wipe
	p.RetainMore(len(in.flows) - 1)
	for _, f := range in.flows {
		f.accept(&in.batch, f.received.Add(1), p, in.x.ttl)
	}
	return nil
}

// parcel reads a message. The caller has one reference.
func (in *inbound) parcel(r *reader, wipe bool) *local.Parcel {
	p := in.batch.Blank(in.now, wipe)
	r.message(&p.Message, &in.x, in.heads, in.p.t.maxBody)
	in.batch.Fill(p, p.Body)
	return p
}

// kept handles a message that the publisher keeps.
func (in *inbound) kept(payload []byte) error {
	r := reader{b: payload, texts: &in.texts}
	id, n := r.number(), r.number()
	f := in.p.flow(id)
	wipe := f != nil && f.wipes
	in.wipe = in.wipe || wipe
	p := in.parcel(&r, wipe)
	if r.err != nil || f == nil || !f.keeps || !f.fresh(n) {
		p.Release()
		return r.err
	}
	f.accept(&in.batch, n, p, in.x.ttl)
	f.due() // that it has come
	return nil
}

// reply handles the reply to a request of this process.
func (in *inbound) reply(payload []byte) error {
	r := reader{b: payload, texts: &in.texts}
	r.message(&in.m, &in.x, in.heads, in.p.t.maxBody)
	if r.err != nil {
		return r.err
	}
	in.p.mu.Lock()
	delete(in.p.asked, in.m.Correlation)
	in.p.mu.Unlock()
	in.p.t.requests.Deliver(in.m.Clone())
	return nil
}

func (in *inbound) sub(payload []byte) error {
	o, err := readOffer(payload)
	if err != nil {
		return err
	}
	return in.p.t.offered(in.p, in.c, &o)
}
