package unix

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Which fields a message has.
const (
	hasKey uint64 = 1 << iota
	hasTime
	hasCorrelation
	hasCausation
	hasReplyTo
	hasHeaders
	hasSeq
	hasTTL
	hasAttempt
	isSole // it is a request, and nobody else gets it
	allFields
)

// head is what many messages have in common. Each is sent once for a connection, and has a
// number from then on.
type head struct {
	topic                              topic.Name
	kind, source, epoch, schema, group string
}

func headOf(e *transport.Envelope) head {
	return head{e.Topic, e.Type, e.Source, e.Epoch, e.Schema, e.Group}
}

// maxHeads is how many numbers there are; the oldest is given away.
const maxHeads = 1024

// heads gives numbers to what messages have in common.
type heads struct {
	numbers map[head]uint64
	ring    []head
	next    int
	last    head // and its number, since it comes again most of the time
	number  uint64
}

// of appends the frame that introduces what m has in common with others, unless that has a
// number already, and returns the number.
func (h *heads) of(b []byte, e *transport.Envelope) ([]byte, uint64) {
	x := headOf(e)
	if x == h.last && len(h.ring) > 0 {
		return b, h.number
	}
	n, known := h.numbers[x]
	if !known {
		n = h.add(x)
		b = appendHead(b, n, &x)
	}
	h.last, h.number = x, n
	return b, n
}

func (h *heads) add(x head) uint64 {
	if h.numbers == nil {
		h.numbers = map[head]uint64{}
	}
	n := h.next
	if len(h.ring) < maxHeads {
		h.ring = append(h.ring, x)
	} else {
		delete(h.numbers, h.ring[n])
		h.ring[n] = x
	}
	h.numbers[x] = uint64(n)
	h.next = (n + 1) % maxHeads
	return uint64(n)
}

func appendHead(b []byte, n uint64, x *head) []byte {
	b, at := begin(b, frameHead)
	b = binary.AppendUvarint(b, n)
	b = appendText(b, x.topic)
	for _, s := range [...]string{x.kind, x.source, x.epoch, x.schema, x.group} {
		b = appendText(b, s)
	}
	return end(b, at)
}

// learn reads a head; known are those that have come.
func learn(payload []byte, known []head) ([]head, error) {
	r := reader{b: payload}
	n := r.below(maxHeads - 1)
	x := head{topic: topic.Name(r.text()), kind: r.text(), source: r.text(), epoch: r.text(), schema: r.text(), group: r.text()}
	if err := r.finish(); err != nil {
		return known, err
	}
	if x.topic != "" {
		if _, err := topic.Parse(string(x.topic)); err != nil {
			return known, fmt.Errorf("%w: %w", errMalformed, err)
		}
	}
	switch {
	case n < uint64(len(known)):
		known[n] = x
	case n == uint64(len(known)):
		known = append(known, x)
	default:
		return known, fmt.Errorf("%w: head %d comes after %d", errMalformed, n, len(known))
	}
	return known, nil
}

// extra is what goes with a message beside its envelope.
type extra struct {
	ttl  time.Duration
	sole bool
}

func extraOf(p *transport.Profile, sole bool) extra {
	x := extra{sole: sole}
	if p != nil {
		x.ttl = p.TTL
	}
	return x
}

// appendMessage appends a message, the last part of a frame, whose head has a number.
func appendMessage(b []byte, number uint64, m *transport.Message, x extra) []byte {
	e := &m.Envelope
	flags := fieldsOf(e, x)
	b = binary.AppendUvarint(b, number)
	b = binary.AppendUvarint(b, flags)
	b = appendText(b, e.ID)
	if flags != 0 {
		b = appendFields(b, flags, e, x)
	}
	return append(b, m.Body...)
}

func fieldsOf(e *transport.Envelope, x extra) uint64 {
	return when(e.Key != "", hasKey) | when(!e.Time.IsZero(), hasTime) | when(e.Correlation != "", hasCorrelation) |
		when(e.Causation != "", hasCausation) | when(e.ReplyTo != "", hasReplyTo) | when(len(e.Headers) > 0, hasHeaders) |
		when(e.Seq != 0, hasSeq) | when(x.ttl > 0, hasTTL) | when(e.Attempt > 0, hasAttempt) | when(x.sole, isSole)
}

// when is the flag of a field that a message has.
func when(has bool, flag uint64) uint64 {
	if has {
		return flag
	}
	return 0
}

func appendFields(b []byte, flags uint64, e *transport.Envelope, x extra) []byte {
	for _, f := range [...]struct {
		bit  uint64
		text string
	}{{hasKey, e.Key}, {hasCorrelation, e.Correlation}, {hasCausation, e.Causation}, {hasReplyTo, e.ReplyTo}} {
		if flags&f.bit != 0 {
			b = appendText(b, f.text)
		}
	}
	if flags&hasTime != 0 {
		b = binary.AppendVarint(b, e.Time.Unix())
		b = binary.AppendUvarint(b, uint64(e.Time.Nanosecond()))
	}
	for _, f := range [...]struct{ bit, number uint64 }{{hasSeq, e.Seq}, {hasTTL, uint64(x.ttl)}, {hasAttempt, e.Attempt}} {
		if flags&f.bit != 0 {
			b = binary.AppendUvarint(b, f.number)
		}
	}
	if flags&hasHeaders != 0 {
		b = binary.AppendUvarint(b, uint64(len(e.Headers)))
		for k, v := range e.Headers {
			b = appendText(appendText(b, k), v)
		}
	}
	return b
}

// message reads a message whose head is among those that are known into m, and what goes
// with it into x. Its body is r's.
func (r *reader) message(m *transport.Message, x *extra, known []head, limit int) {
	*m, *x = transport.Message{}, extra{}
	n := r.number()
	if n >= uint64(len(known)) {
		r.fail("its head is not known")
		return
	}
	h := &known[n]
	m.Topic, m.Type, m.Source, m.Epoch, m.Schema, m.Group = h.topic, h.kind, h.source, h.epoch, h.schema, h.group
	flags := r.below(allFields - 1)
	if flags&^(hasKey|hasSeq) == 0 {
		r.idAndKey(&m.Envelope, flags)
	} else {
		m.ID = r.text()
		r.fields(&m.Envelope, flags, x)
	}
	if len(r.b) > limit {
		r.fail("its body is too large")
	}
	m.Body, r.b = r.b, nil
}

// idAndKey reads what most messages have and no more.
func (r *reader) idAndKey(e *transport.Envelope, flags uint64) {
	id, key := r.bytes(transport.MaxText), []byte(nil)
	if flags&hasKey != 0 {
		key = r.bytes(transport.MaxText)
	}
	if !utf8.Valid(id) || !utf8.Valid(key) {
		r.fail("a text is not UTF-8")
		return
	}
	e.ID = r.texts.Add(id)
	if len(key) > 0 {
		e.Key = r.texts.Add(key)
	}
	if flags&hasSeq != 0 {
		e.Seq = r.number()
	}
}

func (r *reader) fields(e *transport.Envelope, flags uint64, x *extra) {
	for _, f := range [...]struct {
		bit uint64
		at  *string
	}{{hasKey, &e.Key}, {hasCorrelation, &e.Correlation}, {hasCausation, &e.Causation}, {hasReplyTo, &e.ReplyTo}} {
		if flags&f.bit != 0 {
			*f.at = r.text()
		}
	}
	if flags&hasTime != 0 {
		sec := r.signed()
		e.Time = time.Unix(sec, int64(r.below(999_999_999))).UTC()
	}
	if flags&hasSeq != 0 {
		e.Seq = r.number()
	}
	if flags&hasTTL != 0 {
		x.ttl = time.Duration(r.below(1<<63 - 1))
	}
	if flags&hasAttempt != 0 {
		e.Attempt = r.number()
	}
	if flags&hasHeaders != 0 {
		e.Headers = r.headers()
	}
	x.sole = flags&isSole != 0
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("a number is cut off or too large")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) headers() map[string]string {
	n := r.below(uint64(len(r.b) / 2)) // each has two texts
	before := len(r.b)
	h := make(map[string]string, n)
	for range n {
		k := r.text()
		h[k] = r.long(transport.MaxHeaders)
	}
	if before-len(r.b) > transport.MaxHeaders+16*int(n) {
		r.fail("its headers are too large")
	}
	return h
}
