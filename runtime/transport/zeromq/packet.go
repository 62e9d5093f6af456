package zeromq

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/internal/poison"
	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// packet is a message in its form on the wire: the frames of topic, envelope and payload.
// It is made once, however many hear it, and shared by all that are to send it: its buffer
// is used again once each of them has let go of it.
type packet struct {
	wire []byte // the frames, each of which says that another one follows
	last int    // where the header of the payload's frame is
	size int    // of the body
	key  string // of the message
	refs atomic.Int32
	wipe bool
}

var packets = sync.Pool{New: func() any { return new(packet) }}

// maxPooled is the largest buffer that is used again.
const maxPooled = 64 << 10

// pack encodes m. The caller has one reference.
func pack(m *transport.Message, wipe bool) (*packet, error) {
	p := packets.Get().(*packet)
	p.refs.Store(1)
	p.wipe, p.size, p.key = wipe, len(m.Body), m.Key
	b, at := zmtp.OpenFrame(append(zmtp.AppendHeader(p.wire[:0], len(m.Topic), true), m.Topic...))
	b, err := m.AppendMsgpack(b)
	if err != nil {
		p.release()
		return nil, fmt.Errorf("%w: %w", transport.ErrInvalidMessage, err)
	}
	b = zmtp.CloseFrame(b, at)
	p.last = len(b)
	p.wire = append(zmtp.AppendHeader(b, len(m.Body), true), m.Body...)
	return p, nil
}

func (p *packet) retain() { p.refs.Add(1) }

// release gives a reference back.
func (p *packet) release() {
	if p.refs.Add(-1) > 0 {
		return
	}
	if poison.On {
		poison.Bytes(p.wire)
		return // a buffer that was used again would look sound
	}
	if p.wipe {
		clear(p.wire)
	}
	if cap(p.wire) <= maxPooled {
		packets.Put(p)
	}
}

// appendTo appends all frames, after which the message goes on.
func (p *packet) appendTo(b []byte) []byte { return append(b, p.wire...) }

// appendPlain appends all frames, with which the message ends.
func (p *packet) appendPlain(b []byte) []byte {
	at := len(b) + p.last
	b = append(b, p.wire...)
	b[at] &^= 1
	return b
}

// marks are what follows a message between nodes: an array of numbers.
type marks struct {
	number uint64
	ttl    uint64 // nanoseconds after which it has expired; 0 is never
	wipe   bool
	queues []uint64
}

func appendMarks(b []byte, number, ttl uint64, wipe bool, queues int) []byte {
	b = codec.AppendArray(b, 3+queues)
	b = codec.AppendUint(b, number)
	b = codec.AppendUint(b, ttl)
	flags := uint64(0)
	if wipe {
		flags = 1
	}
	return codec.AppendUint(b, flags)
}

// readMarks reads into m, whose list is used again.
func readMarks(b []byte, m *marks) error {
	r := codec.NewReader(b)
	es := r.Array()
	m.queues = m.queues[:0]
	for i := 0; es.Next(&r); i++ {
		switch v := r.Uint(64); i {
		case 0:
			m.number = v
		case 1:
			m.ttl = v
		case 2:
			m.wipe = v&1 != 0
		default:
			m.queues = append(m.queues, v)
		}
	}
	return decodeError(r.Finish(), "marks")
}

// names remembers topics, so that each is checked and allocated once per connection, and what
// envelopes have in common.
type names struct {
	known  map[string]topic.Name
	last   topic.Name
	recent transport.Recent
}

// maxNames is how many topics are remembered.
const maxNames = 10_000

func (n *names) parse(b []byte) (topic.Name, error) {
	if n.last != "" && string(b) == string(n.last) {
		return n.last, nil
	}
	name, ok := n.known[string(b)]
	if !ok {
		var err error
		if name, err = topic.Parse(string(b)); err != nil {
			return "", fmt.Errorf("%w: %w", transport.ErrDecode, err)
		}
		if n.known == nil || len(n.known) >= maxNames {
			n.known = map[string]topic.Name{}
		}
		n.known[string(name)] = name
	}
	n.last = name
	return name, nil
}

// message reads the three frames of a message. The body is the frame's. Only a reply may have
// no topic.
func (n *names) message(topicFrame, envelope, body []byte) (m transport.Message, err error) {
	err = n.read(topicFrame, envelope, &m)
	m.Body = body
	return m, err
}

// read reads all but the body into m.
func (n *names) read(topicFrame, envelope []byte, m *transport.Message) (err error) {
	if len(envelope) == 0 { // programs in other languages may leave it empty
		m.Envelope = transport.Envelope{}
	} else {
		if err := n.recent.Read(envelope, &m.Envelope); err != nil {
			return decodeError(err, "envelope")
		}
	}
	m.Topic = ""
	if len(topicFrame) == 0 && m.Correlation != "" {
		return nil
	}
	m.Topic, err = n.parse(topicFrame)
	return err
}
