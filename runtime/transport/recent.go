package transport

import (
	"github.com/xsgen/xsgen/runtime/codec"
)

// Recent is what the envelope had that was read last. Those which follow each other on a
// connection have most of their texts in common, which need not be copied then; often only id,
// time and number are others, and the rest need not be read. Its zero value is ready. It is for
// one goroutine at a time.
type Recent struct {
	r     codec.Reader
	texts codec.Texts

	wire          []byte // of the last one; empty if the next one cannot be like it
	last          Envelope
	id, time, seq span // where wire has them; empty if it does not

	kind, source, key, topic, epoch, group, schema string
}

// span is a part of a message.
type span struct{ from, to int }

// Read reads e from b, which it does not keep, as ReadMsgpack does. Its errors are codec's.
func (x *Recent) Read(b []byte, e *Envelope) error {
	if x.alike(b) && x.readOthers(b, e) {
		return nil
	}
	x.r.Reset(b)
	x.r.Collect(&x.texts)
	x.id, x.time, x.seq, x.wire = span{}, span{}, span{}, x.wire[:0]
	e.read(&x.r, x)
	if err := x.r.Finish(); err != nil {
		return err
	}
	x.learn(b, e)
	return nil
}

// learn remembers an envelope that was read, if its parts are in the order in which they are
// looked for.
func (x *Recent) learn(b []byte, e *Envelope) {
	if x.id.to == 0 || e.Headers != nil || len(b) > maxRecent {
		return // headers are each message's own
	}
	if x.time.to == 0 {
		x.time = span{x.id.to, x.id.to}
	}
	if x.seq.to == 0 {
		x.seq = span{x.time.to, x.time.to}
	}
	if x.id.to <= x.time.from && x.time.to <= x.seq.from {
		x.wire, x.last = append(x.wire, b...), *e
	}
}

// maxRecent is the most bytes of an envelope that is remembered.
const maxRecent = 1024

// alike reports whether b is as long as the last envelope, and has the same bytes but for the
// values of id, time and number.
func (x *Recent) alike(b []byte) bool {
	w := x.wire
	return len(w) > 0 && len(b) == len(w) &&
		string(b[:x.id.from]) == string(w[:x.id.from]) &&
		string(b[x.id.to:x.time.from]) == string(w[x.id.to:x.time.from]) &&
		string(b[x.time.to:x.seq.from]) == string(w[x.time.to:x.seq.from]) &&
		string(b[x.seq.to:]) == string(w[x.seq.to:])
}

// readOthers reads what b, which is like the last envelope, has of its own; false if that has
// not the size it had, or is wrong.
func (x *Recent) readOthers(b []byte, e *Envelope) bool {
	*e = x.last
	r := &x.r
	for _, s := range [...]span{x.id, x.time, x.seq} {
		r.Reset(b[s.from:s.to])
		switch {
		case s.from == s.to:
			continue
		case s == x.id:
			r.Collect(&x.texts)
			e.ID = r.String()
		case s == x.time:
			e.Time = r.Time()
		default:
			e.Seq = r.Uint(64)
		}
		if r.Finish() != nil {
			return false
		}
	}
	return true
}

// again reads a text that is likely to be the last one of its field.
func again(r *codec.Reader, last *string) string {
	s := r.StringLike(*last)
	*last = s
	return s
}
