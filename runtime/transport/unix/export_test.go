//go:build linux || darwin

package unix

import (
	"bytes"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Cut breaks all connections of a transport.
func (t *Transport) Cut() { t.Scissors()() }

// Scissors is a function that breaks the connections that there are now, and none that have
// taken their place.
func (t *Transport) Scissors() func() {
	conns := t.conns()
	return func() {
		for _, c := range conns {
			_ = c.sock.Close()
		}
	}
}

// Kept is how many messages are kept for others.
func (t *Transport) Kept() (n int) {
	rest := t.moves.rest()
	for _, p := range append(t.known(), t.standIns()...) {
		p.mu.Lock()
		for _, r := range p.remotes {
			n += r.kept.waiting
		}
		p.mu.Unlock()
	}
	if !rest() {
		n++ // at least
	}
	return n
}

// Peers is how many processes are connected.
func (t *Transport) Peers() int { return len(t.conns()) }

// Calls is how often readers have called receivers, and how often somebody else has taken
// over.
func (t *Transport) Calls() uint64 { return t.readers.Calls() }

// Greeting is what a process of a name says first.
func Greeting(node, epoch string) []byte {
	h := hello{node: node, epoch: epoch, maxBody: 1 << 20}
	return h.append(nil)
}

// Ping is a frame that asks for an answer, and Offer one that tells of a queue.
func Ping() []byte {
	b, at := begin(nil, framePing)
	return end(b, at)
}

func Offer(id uint64) []byte {
	o := offer{id: id, members: 1, capacity: 1, patterns: []topic.Pattern{"a"}}
	return o.append(nil)
}

// Event is what a peer sends for a queue: a head, and a message.
func Event(queue byte) []byte {
	var h heads
	m := transport.Message{Envelope: transport.Envelope{ID: "whole", Topic: "event.a"}, Body: []byte("body")}
	b, n := h.of(nil, &m.Envelope)
	b, at := begin(b, frameMessage)
	return end(appendMessage(append(b, 1, queue), n, &m, extra{}), at)
}

// Holds reports whether the buffers of connections have a text in them.
func (t *Transport) Holds(text string) bool {
	for _, c := range t.conns() {
		c.p.mu.Lock()
		for _, b := range [][]byte{c.buf, c.spare, c.rest} {
			if bytes.Contains(b[:cap(b)], []byte(text)) {
				c.p.mu.Unlock()
				return true
			}
		}
		c.p.mu.Unlock()
	}
	return false
}
