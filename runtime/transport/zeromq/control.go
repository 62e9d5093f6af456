package zeromq

import (
	"time"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// What is no message between nodes begins with a frame that no topic can be: a zero byte
// and a word.
const (
	wordHello       = "\x00hello"       // subscriber: who it is, and all that it wants
	wordWelcome     = "\x00welcome"     // publisher: who it is; it knows all of that
	wordSubscribe   = "\x00subscribe"   // subscriber: one more queue, or other figures of one
	wordSubscribed  = "\x00subscribed"  // publisher: it knows
	wordUnsubscribe = "\x00unsubscribe" // subscriber: a queue gets nothing more
	wordAck         = "\x00ack"         // subscriber: what it has taken, and what is done
	wordReply       = "\x00reply"       // subscriber: the answer to a request
	wordLost        = "\x00lost"        // publisher: what a queue's policy has dropped before it was sent
	wordSync        = "\x00sync"        // publisher: asks for acks, with a number
	wordSynced      = "\x00synced"      // subscriber: the number, after the acks
	wordBye         = "\x00bye"         // either: it closes, and is not to be waited for
)

// version is of what nodes say to each other.
const version = 1

// hello is how a subscriber begins a connection.
type hello struct {
	version     uint64
	node        string // and which of its processes, as node-replica
	epoch       string // of its process
	address     string // at which its own socket can be reached; may be empty
	of          string // the publisher's epoch of which it knows
	taken       uint64 // of that, the last message that it has
	outstanding []done // of those, what is not done
	queues      []announcement
}

// announcement is a queue of a subscriber.
type announcement struct {
	id       uint64 // chosen by the subscriber
	name     string
	group    string
	patterns []topic.Pattern
	members  uint64 // that take from it
	observer bool
	policy   transport.GroupPolicy
	overflow transport.Overflow
	keep     bool // it is to be kept until it is done
	capacity uint64
	bytes    uint64        // 0 is no limit
	timeout  time.Duration // that a publisher waits for room; 0 is no limit of the queue's
	wipe     bool          // buffers are to be wiped
}

// done are messages, from one number to another, of which nothing more becomes in a queue.
type done struct {
	queue    uint64
	from, to uint64
	left     bool // they have not been handled, and may be by somebody else
}

// acks are what a subscriber has taken and done.
type acks struct {
	taken uint64
	done  []done
}

// welcome is how a publisher answers hello.
type welcome struct {
	version uint64
	node    string
	epoch   string
	next    uint64 // the number of the message that comes next
	resumed bool   // what the subscriber had not taken comes now
}

// writer appends fields to a control message.
type writer struct {
	b   []byte
	err error
}

func (w *writer) text(name, value string) {
	w.name(name)
	w.b, w.err = codec.AppendString(w.b, value, w.err)
}

func (w *writer) name(name string) { w.b, w.err = codec.AppendString(w.b, name, w.err) }

func (w *writer) number(name string, value uint64) {
	w.name(name)
	w.b = codec.AppendUint(w.b, value)
}

func (w *writer) truth(name string, value bool) {
	w.name(name)
	w.b = codec.AppendBool(w.b, value)
}

// append appends h as a map.
func (h *hello) append(b []byte) ([]byte, error) {
	w := &writer{b: codec.AppendMap(b, 8)}
	w.number("version", h.version)
	w.text("node", h.node)
	w.text("epoch", h.epoch)
	w.text("address", h.address)
	w.text("of", h.of)
	w.number("taken", h.taken)
	w.name("outstanding")
	w.b = appendDone(w.b, h.outstanding, 0)
	w.name("queues")
	w.b = codec.AppendArray(w.b, len(h.queues))
	for i := range h.queues {
		h.queues[i].write(w)
	}
	return w.b, w.err
}

// write appends a as a map.
func (a *announcement) write(w *writer) {
	w.b = codec.AppendMap(w.b, 13)
	w.number("id", a.id)
	w.text("name", a.name)
	w.text("group", a.group)
	w.name("patterns")
	w.b = codec.AppendArray(w.b, len(a.patterns))
	for _, p := range a.patterns {
		w.b, w.err = codec.AppendString(w.b, string(p), w.err)
	}
	w.number("members", a.members)
	w.truth("observer", a.observer)
	w.number("policy", uint64(a.policy))
	w.number("overflow", uint64(a.overflow))
	w.truth("keep", a.keep)
	w.number("capacity", a.capacity)
	w.number("bytes", a.bytes)
	w.number("timeout", uint64(a.timeout))
	w.truth("sensitive", a.wipe)
}

// append appends a as a map.
func (a *announcement) append(b []byte) ([]byte, error) {
	w := &writer{b: b}
	a.write(w)
	return w.b, w.err
}

// append appends wl as a map.
func (wl *welcome) append(b []byte) ([]byte, error) {
	w := &writer{b: codec.AppendMap(b, 5)}
	w.number("version", wl.version)
	w.text("node", wl.node)
	w.text("epoch", wl.epoch)
	w.number("next", wl.next)
	w.truth("resumed", wl.resumed)
	return w.b, w.err
}

// append appends a as a flat array of numbers.
func (a *acks) append(b []byte) []byte {
	b = codec.AppendArray(b, 1+4*len(a.done))
	b = codec.AppendUint(b, a.taken)
	return appendEach(b, a.done)
}

// appendDone appends an array of numbers, after so many that come first.
func appendDone(b []byte, list []done, before int) []byte {
	return appendEach(codec.AppendArray(b, before+4*len(list)), list)
}

func appendEach(b []byte, list []done) []byte {
	for _, d := range list {
		b = codec.AppendUint(b, d.queue)
		b = codec.AppendUint(b, d.from)
		b = codec.AppendUint(b, d.to)
		left := uint64(0)
		if d.left {
			left = 1
		}
		b = codec.AppendUint(b, left)
	}
	return b
}

// appendNumbers appends an array of numbers.
func appendNumbers(b []byte, list ...uint64) []byte {
	b = codec.AppendArray(b, len(list))
	for _, n := range list {
		b = codec.AppendUint(b, n)
	}
	return b
}
