package transport

import (
	"errors"
	"fmt"
	"maps"
	"time"
	"unicode/utf8"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
)

// ErrInvalidMessage is wrapped by the error of a message that no transport carries.
var ErrInvalidMessage = errors.New("xsgen: invalid message")

// Envelope is what is known of a message without its body. In its MessagePack form
// empty fields are left out.
type Envelope struct {
	ID          string // unique, and kept over retries
	Type        string // of the event in the body
	Source      string // the publishing node or machine
	Key         string // of a keyed topic
	Topic       topic.Name
	Time        time.Time // when it left its process
	Correlation string    // of a request and its reply
	Causation   string    // the id of the message that this one follows from
	ReplyTo     string    // where the reply goes; only the transport understands it
	Headers     map[string]string
	Epoch       string // of the publisher: another one after it has started anew
	Seq         uint64 // from 1, per epoch and topic family
	Attempt     uint64 // which delivery it is, from 1; 0 before it is delivered
	Group       string // that it is for
	Schema      string // the fingerprint of the body's type, for information
}

// Message is an envelope and the encoded event. Whoever gets one must not change its
// headers or its body; how long it is valid, whoever gives it says.
type Message struct {
	Envelope
	Body []byte

	// Profile says how the message is published: of its fields, Durable, Confirm,
	// PublishTimeout, TTL, BatchSize, BatchTimeout and Sensitive concern that. Nil is
	// the default. It is not sent and must not be changed.
	Profile *Profile
	// Mandatory makes it an error, ErrUnroutable, if no queue wants the message.
	Mandatory bool
}

// The limits of an envelope, the same on every transport: AMQP carries the fields and
// the names of headers as strings with a length of one byte, and all of the headers in
// one frame.
const (
	MaxText    = 255      // bytes of a field, and of a header's name
	MaxHeaders = 64 << 10 // bytes of all headers, names and values
)

// Check returns an error that wraps ErrInvalidMessage, or ErrTooLarge for a body of
// more than limit bytes, and for more than MaxText and MaxHeaders. It does not look at
// the topic, which is checked once.
func (m *Message) Check(limit int) error {
	if len(m.Body) > limit {
		return fmt.Errorf("%w: a body of %d bytes, the most is %d", ErrTooLarge, len(m.Body), limit)
	}
	e := &m.Envelope
	for _, s := range [...]string{e.ID, e.Type, e.Source, e.Key, e.Correlation, e.Causation, e.ReplyTo, e.Epoch, e.Group, e.Schema} {
		if s == "" {
			continue
		}
		if len(s) > MaxText {
			return fmt.Errorf("%w: the envelope's field %.20q… has %d bytes, the most is %d", ErrTooLarge, s, len(s), MaxText)
		}
		if !utf8.ValidString(s) {
			return fmt.Errorf("%w: %q is not UTF-8", ErrInvalidMessage, s)
		}
	}
	return checkHeaders(e.Headers)
}

func checkHeaders(h map[string]string) error {
	size := 0
	for k, v := range h {
		if len(k) > MaxText {
			return fmt.Errorf("%w: the header's name %.20q… has %d bytes, the most is %d", ErrTooLarge, k, len(k), MaxText)
		}
		if size += len(k) + len(v); !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("%w: the header %q is not UTF-8", ErrInvalidMessage, k)
		}
	}
	if size > MaxHeaders {
		return fmt.Errorf("%w: headers of %d bytes, the most is %d", ErrTooLarge, size, MaxHeaders)
	}
	return nil
}

// Clone returns a message that shares nothing with m that could change.
func (m *Message) Clone() *Message {
	c := *m
	c.Headers = maps.Clone(m.Headers)
	c.Body = append([]byte(nil), m.Body...)
	return &c
}

// AppendMsgpack appends e's MessagePack form to b: a map of what is not empty, in
// the order of the fields. Its errors are codec's.
func (e *Envelope) AppendMsgpack(b []byte) ([]byte, error) {
	w := writer{b: codec.AppendMap(b, 0)}
	w.text("\xa2id", e.ID)
	w.text("\xa4type", e.Type)
	w.text("\xa6source", e.Source)
	w.text("\xa3key", e.Key)
	w.text("\xa5topic", string(e.Topic))
	if !e.Time.IsZero() {
		w.name("\xa4time")
		w.b = codec.AppendTime(w.b, e.Time)
	}
	w.text("\xabcorrelation", e.Correlation)
	w.text("\xa9causation", e.Causation)
	w.text("\xa8reply_to", e.ReplyTo)
	if len(e.Headers) > 0 {
		w.headers(e.Headers)
	}
	w.text("\xa5epoch", e.Epoch)
	w.number("\xa3seq", e.Seq)
	w.number("\xa7attempt", e.Attempt)
	w.text("\xa5group", e.Group)
	w.text("\xa6schema", e.Schema)
	if w.err != nil {
		return nil, w.err
	}
	codec.AppendMap(w.b[:len(b)], w.fields) // there is room for it: it is as long as an empty map
	return w.b, nil
}

// writer appends fields, of which there are at most 15; the first error sticks.
type writer struct {
	b      []byte
	fields int
	err    error
}

// name appends a field's name, which is given as it is written, with its header.
func (w *writer) name(s string) {
	w.fields++
	w.b = append(w.b, s...)
}

func (w *writer) text(name, value string) {
	if value != "" {
		w.name(name)
		w.b, w.err = codec.AppendString(w.b, value, w.err)
	}
}

func (w *writer) number(name string, v uint64) {
	if v != 0 {
		w.name(name)
		w.b = codec.AppendUint(w.b, v)
	}
}

func (w *writer) headers(h map[string]string) {
	w.name("\xa7headers")
	w.b = codec.AppendMap(w.b, len(h))
	for _, k := range codec.SortedKeys(h) {
		w.b, w.err = codec.AppendString(w.b, k, w.err)
		w.b, w.err = codec.AppendString(w.b, h[k], w.err)
	}
}

// UnmarshalMsgpack reads e from b, which it does not keep. Every limit of a codec's
// Reader holds, and the topic, if there is one, is a topic. Its errors wrap ErrDecode.
func (e *Envelope) UnmarshalMsgpack(b []byte) error {
	r := codec.NewReader(b)
	e.ReadMsgpack(&r)
	err := r.Finish()
	if err == nil && e.Topic != "" {
		_, err = topic.Parse(string(e.Topic))
	}
	if err != nil {
		*e = Envelope{}
		return fmt.Errorf("%w: the envelope: %w", ErrDecode, err)
	}
	return nil
}

// EncodeMsgpack implements msgpack/v5's CustomEncoder.
func (e *Envelope) EncodeMsgpack(enc *codec.Encoder) error { return codec.Encode(enc, e) }

// DecodeMsgpack implements msgpack/v5's CustomDecoder.
func (e *Envelope) DecodeMsgpack(dec *codec.Decoder) error { return codec.Decode(dec, e) }

// ReadMsgpack reads e from r; what the message does not have is empty.
func (e *Envelope) ReadMsgpack(r *codec.Reader) { e.read(r, &Recent{}) }

func (e *Envelope) read(r *codec.Reader, x *Recent) {
	*e = Envelope{}
	for f := r.Record(); f.Pass(r); {
		e.readTexts(r, &f, x)
		if f.At(r, "\xa4time") && f.Take(r, 1<<5) {
			x.time.from = r.Offset()
			e.Time = r.Time()
			x.time.to = r.Offset()
		}
		e.readReferences(r, &f)
		if f.At(r, "\xa7headers") && f.Take(r, 1<<9) {
			e.Headers = readHeaders(r)
		}
		if f.At(r, "\xa5epoch") && f.Take(r, 1<<10) {
			e.Epoch = again(r, &x.epoch)
		}
		if f.At(r, "\xa3seq") && f.Take(r, 1<<11) {
			x.seq.from = r.Offset()
			e.Seq = r.Uint(64)
			x.seq.to = r.Offset()
		}
		if f.At(r, "\xa7attempt") && f.Take(r, 1<<12) {
			e.Attempt = r.Uint(64)
		}
		if f.At(r, "\xa5group") && f.Take(r, 1<<13) {
			e.Group = again(r, &x.group)
		}
		if f.At(r, "\xa6schema") && f.Take(r, 1<<14) {
			e.Schema = again(r, &x.schema)
		}
	}
}

// readTexts reads the fields before the time.
func (e *Envelope) readTexts(r *codec.Reader, f *codec.Record, x *Recent) {
	if f.At(r, "\xa2id") && f.Take(r, 1<<0) {
		x.id.from = r.Offset()
		e.ID = r.String()
		x.id.to = r.Offset()
	}
	if f.At(r, "\xa4type") && f.Take(r, 1<<1) {
		e.Type = again(r, &x.kind)
	}
	if f.At(r, "\xa6source") && f.Take(r, 1<<2) {
		e.Source = again(r, &x.source)
	}
	if f.At(r, "\xa3key") && f.Take(r, 1<<3) {
		e.Key = again(r, &x.key)
	}
	if f.At(r, "\xa5topic") && f.Take(r, 1<<4) {
		e.Topic = topic.Name(again(r, &x.topic))
	}
}

// readReferences reads the fields between the time and the headers.
func (e *Envelope) readReferences(r *codec.Reader, f *codec.Record) {
	if f.At(r, "\xabcorrelation") && f.Take(r, 1<<6) {
		e.Correlation = r.String()
	}
	if f.At(r, "\xa9causation") && f.Take(r, 1<<7) {
		e.Causation = r.String()
	}
	if f.At(r, "\xa8reply_to") && f.Take(r, 1<<8) {
		e.ReplyTo = r.String()
	}
}

func readHeaders(r *codec.Reader) map[string]string {
	es := r.Map()
	h := codec.MakeMap[string](r, es)
	for es.Next(r) {
		k := r.String()
		h[k] = r.String()
	}
	es.Unique(r, len(h))
	return h
}
