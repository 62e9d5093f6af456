package amqp

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// The kinds of bodies.
const (
	contentEvent = "application/msgpack"
	contentPack  = "application/x-xsgen-pack" // several events; see pack.go
)

// Our own headers; docs/wire.md says what they mean.
const (
	own           = "x-xsgen-"
	headerTopic   = own + "topic"
	headerKey     = own + "key"
	headerCause   = own + "causation"
	headerTime    = own + "time"
	headerEpoch   = own + "epoch"
	headerSeq     = own + "seq"
	headerSchema  = own + "schema"
	headerGroup   = own + "group"
	headerCount   = own + "count"   // events in a pack
	headerAttempt = own + "attempt" // deliveries that have failed
	headerFailed  = own + "failed"  // the members of a group where they have
	headerAgain   = own + "again"   // which failure it comes back from
	headerOthers  = own + "headers" // a table of those that AMQP would take for its own
)

// answers are headers of a reply that begin like ours and are the message's.
var answers = map[string]bool{own + "error": true, own + "permanent": true, own + "no-reply": true}

// reserved reports whether a header of a message cannot travel under its own name: RabbitMQ
// routes by CC and BCC, and what begins with x- is its own or ours.
func reserved(name string) bool {
	return name == "CC" || name == "BCC" || strings.HasPrefix(name, "x-") && !answers[name]
}

// properties are a message's without its body.
func properties(m *transport.Message) amqp.Publishing {
	h := make(amqp.Table, 4+len(m.Headers))
	h[headerTopic] = string(m.Topic)
	for _, f := range [...]struct{ name, value string }{
		{headerKey, m.Key}, {headerCause, m.Causation}, {headerEpoch, m.Epoch}, {headerSchema, m.Schema}, {headerGroup, m.Group},
	} {
		if f.value != "" {
			h[f.name] = f.value
		}
	}
	if m.Seq != 0 {
		h[headerSeq] = int64(m.Seq)
	}
	putHeaders(h, m.Headers)
	c := amqp.Publishing{
		Headers: h, ContentType: contentEvent, DeliveryMode: deliveryMode(m.Profile), CorrelationId: m.Correlation,
		ReplyTo: m.ReplyTo, MessageId: m.ID, Type: m.Type, AppId: m.Source,
	}
	if !m.Time.IsZero() {
		c.Timestamp, h[headerTime] = m.Time, m.Time.UnixNano()
	}
	if m.Profile != nil && m.Profile.TTL > 0 {
		c.Expiration = strconv.FormatInt(millis(m.Profile.TTL), 10)
	}
	return c
}

// deliveryMode is persistent for all that is confirmed: what a broker has confirmed it has
// after a restart, too.
func deliveryMode(p *transport.Profile) uint8 {
	if p != nil && p.Confirm == transport.Off && p.Durable == transport.Volatile {
		return amqp.Transient
	}
	return amqp.Persistent
}

func putHeaders(h amqp.Table, headers map[string]string) {
	var others amqp.Table
	for k, v := range headers {
		if !reserved(k) {
			h[k] = v
			continue
		}
		if others == nil {
			others = amqp.Table{}
			h[headerOthers] = others
		}
		others[k] = v
	}
}

// arrival is a message as it came, with what the transport knows of it.
type arrival struct {
	transport.Message
	attempts int      // deliveries that have failed
	failed   []string // members of the group where they have
	again    string   // which failure it comes back from
	count    int      // events in it, if it is a pack
}

// read reads a delivery's envelope. Its errors wrap ErrDecode. A foreign client need only
// send a body: the topic is the routing key then.
func read(d *amqp.Delivery) (a arrival, err error) {
	h := d.Headers
	a.Body = d.Body
	a.Envelope = transport.Envelope{
		ID: d.MessageId, Type: d.Type, Source: d.AppId, Correlation: d.CorrelationId, ReplyTo: d.ReplyTo,
		Topic: topic.Name(text(h, headerTopic)), Key: text(h, headerKey), Causation: text(h, headerCause),
		Epoch: text(h, headerEpoch), Schema: text(h, headerSchema), Group: text(h, headerGroup), Seq: uint64(number(h, headerSeq)),
		Time: d.Timestamp, Headers: headersOf(h),
	}
	if ns, ok := h[headerTime].(int64); ok {
		a.Time = time.Unix(0, ns)
	}
	a.attempts, a.again = int(max(number(h, headerAttempt), 0)), text(h, headerAgain)
	if f := text(h, headerFailed); f != "" {
		a.failed = strings.Split(f, ",")
	}
	if a.Topic == "" {
		a.Topic = topic.Name(d.RoutingKey)
	}
	if _, err := topic.Parse(string(a.Topic)); err != nil {
		return a, fmt.Errorf("%w: the topic: %w", transport.ErrDecode, err)
	}
	if d.ContentType == contentPack {
		if a.count = int(number(h, headerCount)); a.count < 1 || a.count > len(d.Body)/minItem {
			return a, fmt.Errorf("%w: a pack of %d events in %d bytes", transport.ErrDecode, a.count, len(d.Body))
		}
	}
	return a, nil
}

// within holds a message that has come to what publishers are held to, where a body has at most
// limit bytes. A dead letter is as long as its original, and some more.
func (a *arrival) within(limit int) error {
	switch {
	case a.count > 0:
		limit = packLimit(limit)
	case strings.HasPrefix(string(a.Topic), "error."):
		limit = max(limit, codec.MaxSize)
	}
	if err := a.Check(limit); err != nil {
		return fmt.Errorf("%w: %w", transport.ErrDecode, err)
	}
	return nil
}

// legible is what a dead letter can say of a message that cannot be read and has come by a
// routing key: without what is no text, or longer than one may be.
func (a *arrival) legible(key string) transport.Message {
	m := a.Message
	for _, s := range []*string{&m.ID, &m.Source, &m.Key} {
		if len(*s) > transport.MaxText || !utf8.ValidString(*s) {
			*s = ""
		}
	}
	for _, name := range []topic.Name{m.Topic, topic.Name(key), "unreadable"} {
		if _, err := topic.Parse(string(name)); err == nil {
			m.Topic = name
			break
		}
	}
	return m
}

// headersOf are the headers of the message itself, which are texts.
func headersOf(h amqp.Table) map[string]string {
	var out map[string]string
	put := func(k string, v any) {
		s, ok := plain(v)
		if !ok {
			return
		}
		if out == nil {
			out = map[string]string{}
		}
		out[k] = s
	}
	for k, v := range h {
		if !reserved(k) {
			put(k, v)
		}
	}
	others, _ := h[headerOthers].(amqp.Table)
	for k, v := range others {
		put(k, v)
	}
	return out
}

// plain is a header's value as a text; foreign clients send numbers as such.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	case bool, int8, int16, int32, int64, uint8, uint16, uint32, float32, float64:
		return fmt.Sprint(v), true
	}
	return "", false
}

func text(h amqp.Table, name string) string {
	s, _ := h[name].(string)
	return s
}

// number is a header that is an integer of any size; 0 for others.
func number(h amqp.Table, name string) int64 {
	switch v := h[name].(type) {
	case int64:
		return v
	case int32:
		return int64(v)
	case int16:
		return int64(v)
	case int8:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	}
	return 0
}

// bodies are buffers for what is on its way. Large ones are not kept.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

const maxPooled = 128 << 10

func copyBody(body []byte) *[]byte {
	buf := bodies.Get().(*[]byte)
	*buf = append((*buf)[:0], body...)
	return buf
}

func releaseBody(buf *[]byte, wipe bool) {
	if wipe {
		clear(*buf)
	}
	if cap(*buf) <= maxPooled {
		bodies.Put(buf)
	}
}
