package transport_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/transport"
)

// full is an envelope with every field.
func full() transport.Envelope {
	return transport.Envelope{
		ID: "i", Type: "t", Source: "s", Key: "k", Topic: "event.order.x", Time: time.Unix(1, 2).UTC(), Correlation: "co",
		Causation: "ca", ReplyTo: "r", Headers: map[string]string{"b": "2", "a": "1"}, Epoch: "e", Seq: 300, Attempt: 2, Group: "g", Schema: "sc",
	}
}

// TestEnvelopeBytes compares with msgpack/v5, as the wire format says.
func TestEnvelopeBytes(t *testing.T) {
	type wire struct {
		ID          string            `msgpack:"id,omitempty"`
		Type        string            `msgpack:"type,omitempty"`
		Source      string            `msgpack:"source,omitempty"`
		Key         string            `msgpack:"key,omitempty"`
		Topic       string            `msgpack:"topic,omitempty"`
		Time        *time.Time        `msgpack:"time,omitempty"`
		Correlation string            `msgpack:"correlation,omitempty"`
		Causation   string            `msgpack:"causation,omitempty"`
		ReplyTo     string            `msgpack:"reply_to,omitempty"`
		Headers     map[string]string `msgpack:"headers,omitempty"`
		Epoch       string            `msgpack:"epoch,omitempty"`
		Seq         uint64            `msgpack:"seq,omitempty"`
		Attempt     uint64            `msgpack:"attempt,omitempty"`
		Group       string            `msgpack:"group,omitempty"`
		Schema      string            `msgpack:"schema,omitempty"`
	}
	at := time.Unix(1, 2).UTC()
	for _, tt := range []struct {
		e transport.Envelope
		w wire
	}{
		{transport.Envelope{}, wire{}},
		{transport.Envelope{ID: "i", Seq: 1}, wire{ID: "i", Seq: 1}},
		{full(), wire{"i", "t", "s", "k", "event.order.x", &at, "co", "ca", "r", map[string]string{"a": "1", "b": "2"}, "e", 300, 2, "g", "sc"}},
	} {
		var want bytes.Buffer
		enc := msgpack.NewEncoder(&want)
		enc.UseCompactInts(true)
		enc.SetSortMapKeys(true)
		enc.SetOmitEmpty(true)
		if err := enc.Encode(&tt.w); err != nil {
			t.Fatal(err)
		}
		got, err := tt.e.AppendMsgpack(nil)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("got  %x\nwant %x (%v)", got, want.Bytes(), err)
		}
		var back transport.Envelope
		if err := back.UnmarshalMsgpack(got); err != nil || !cmp.Equal(back, tt.e) {
			t.Errorf("%v: %s", err, cmp.Diff(back, tt.e))
		}
		var viaLibrary transport.Envelope
		if err := msgpack.Unmarshal(got, &viaLibrary); err != nil || !cmp.Equal(viaLibrary, tt.e) {
			t.Errorf("%v: %s", err, cmp.Diff(viaLibrary, tt.e))
		}
	}
}

// TestEnvelopeHasNoOtherFields has full name every field, so that none is forgotten.
func TestEnvelopeHasNoOtherFields(t *testing.T) {
	v := reflect.ValueOf(full())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the field %s is not tested", v.Type().Field(i).Name)
		}
	}
}

func TestEnvelopeRefuses(t *testing.T) {
	for _, tt := range []struct {
		why, data string
		want      error
	}{
		{"nothing", "", codec.ErrTruncated},
		{"an array", "\x90", codec.ErrType},
		{"bytes after it", "\x80\xc0", codec.ErrTrailing},
		{"a field twice", "\x82\xa2id\xa1a\xa2id\xa1b", codec.ErrDuplicateKey},
		{"an unknown field twice", "\x82\xa1x\x01\xa1x\x01", codec.ErrDuplicateKey},
		{"a header twice", "\x81\xa7headers\x82\xa1a\xa1b\xa1a\xa1c", codec.ErrDuplicateKey},
		{"more fields than bytes", "\xdf\xff\xff\xff\xff", codec.ErrCount},
		{"more headers than bytes", "\x81\xa7headers\xdf\x7f\xff\xff\xff", codec.ErrCount},
		{"an id that is a number", "\x81\xa2id\x01", codec.ErrType},
		{"a negative seq", "\x81\xa3seq\xff", codec.ErrRange},
		{"a string that is not UTF-8", "\x81\xa2id\xa1\xff", codec.ErrInvalidUTF8},
		{"a topic that is none", "\x81\xa5topic\xa3a.*", transport.ErrDecode},
		{"a deep unknown field", "\x81\xa1x" + strings.Repeat("\x91", 40) + "\xc0", codec.ErrTooDeep},
		{"a large one", strings.Repeat("x", codec.MaxSize+1), codec.ErrTooLarge},
	} {
		var e transport.Envelope
		err := e.UnmarshalMsgpack([]byte(tt.data))
		if !errors.Is(err, tt.want) || !errors.Is(err, transport.ErrDecode) {
			t.Errorf("%s: %v, want %v", tt.why, err, tt.want)
		}
		if !cmp.Equal(e, transport.Envelope{}) {
			t.Errorf("%s: it has left %+v", tt.why, e)
		}
	}
	for _, e := range []transport.Envelope{{ID: "\xff"}, {Headers: map[string]string{"a": "\xff"}}} {
		if b, err := e.AppendMsgpack(nil); !errors.Is(err, codec.ErrInvalidUTF8) || b != nil {
			t.Errorf("%+v was written: %v", e, err)
		}
	}
}

// FuzzEnvelope: what is read is written and read as the same, and never panics.
func FuzzEnvelope(f *testing.F) {
	e := full()
	b, err := e.AppendMsgpack(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\x82\xa7headers\x81\xa1a\xa1b\xa4more\x93\x01\x02\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again transport.Envelope
		if err := e.UnmarshalMsgpack(b); err != nil {
			if !errors.Is(err, transport.ErrDecode) {
				t.Errorf("%v is no ErrDecode", err)
			}
			return
		}
		out, err := e.AppendMsgpack(nil)
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", e, err)
		}
		if err := again.UnmarshalMsgpack(out); err != nil {
			t.Fatal(err)
		}
		if len(e.Headers) == 0 {
			e.Headers = nil // an empty map is left out
		}
		if !cmp.Equal(e, again) {
			t.Error(cmp.Diff(e, again))
		}
	})
}

// FuzzRecent: what is read after another envelope is what is read by itself.
func FuzzRecent(f *testing.F) {
	e := full()
	e.Headers = nil
	b, err := e.AppendMsgpack(nil)
	if err != nil {
		f.Fatal(err)
	}
	seen := bytes.Clone(b)
	f.Add(b)
	for _, part := range []string{"\xa2id", "time", "\xa3seq", "\xa5epoch"} {
		for _, other := range []byte{0xa1, 0xa0, 0xff, 0xd6, 0xcc, 'x'} {
			c := bytes.Clone(b)
			c[bytes.Index(b, []byte(part))+len(part)] = other
			f.Add(c)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var x transport.Recent
		var alone, after transport.Envelope
		r := codec.NewReader(b)
		alone.ReadMsgpack(&r)
		want := r.Finish()
		for _, first := range [][]byte{seen, b} {
			_ = x.Read(first, &after)
			err := x.Read(b, &after)
			if fmt.Sprint(err) != fmt.Sprint(want) || err == nil && !cmp.Equal(alone, after) {
				t.Errorf("%v and %v; %s", err, want, cmp.Diff(alone, after))
			}
		}
	})
}

// TestRecent reads envelopes that have something in common: each is what it was written from,
// also when others have been read.
func TestRecent(t *testing.T) {
	var x transport.Recent
	var wrote, read []transport.Envelope
	for i := range 200 {
		e := full()
		e.ID = strings.Repeat("i", i%170) + fmt.Sprint(i)
		e.Key, e.Type, e.Schema = fmt.Sprint("k", i/3), fmt.Sprint("Type", i%2), strings.Repeat("s", 30+i%4)
		switch {
		case i%5 == 0:
			e.Type, e.Group = "", ""
		case i > 100:
			e.ID, e.Headers, e.Key = fmt.Sprintf("id-%05d", i), nil, fmt.Sprint("key", i/40)
			e.Time, e.Seq = time.Unix(int64(i), int64(i)).UTC(), uint64(i*100)
		}
		if i > 150 {
			e.Time, e.Seq = time.Time{}, 7
		}
		b, err := e.AppendMsgpack(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got transport.Envelope
		if err := x.Read(b, &got); err != nil {
			t.Fatal(err)
		}
		clear(b)
		wrote, read = append(wrote, e), append(read, got)
	}
	if !cmp.Equal(wrote, read) {
		t.Error(cmp.Diff(wrote, read))
	}
}

func TestMessageCheck(t *testing.T) {
	good := transport.Message{Envelope: full(), Body: make([]byte, 10)}
	if err := good.Check(10); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		edit func(*transport.Message)
		want error
	}{
		{func(m *transport.Message) { m.Body = make([]byte, 11) }, transport.ErrTooLarge},
		{func(m *transport.Message) {
			m.Headers = map[string]string{"h": strings.Repeat("x", transport.MaxHeaders)}
		}, transport.ErrTooLarge},
		{func(m *transport.Message) { m.Headers = map[string]string{strings.Repeat("x", 256): ""} }, transport.ErrTooLarge},
		{func(m *transport.Message) { m.ID = strings.Repeat("x", 256) }, transport.ErrTooLarge},
		{func(m *transport.Message) {
			m.ID = strings.Repeat("x", 255)
			m.Headers = map[string]string{m.ID: strings.Repeat("x", transport.MaxHeaders-255)}
		}, nil},
		{func(m *transport.Message) { m.Key = "\xff" }, transport.ErrInvalidMessage},
		{func(m *transport.Message) { m.Headers = map[string]string{"\xff": ""} }, transport.ErrInvalidMessage},
	} {
		m := good
		tt.edit(&m)
		if err := m.Check(10); !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v, want %v", m, err, tt.want)
		}
	}
}

func TestMessageClone(t *testing.T) {
	m := transport.Message{Envelope: full(), Body: []byte("body")}
	c := m.Clone()
	if diff := cmp.Diff(&m, c); diff != "" {
		t.Error(diff)
	}
	m.Body[0], m.Headers["a"] = 'X', "changed"
	if string(c.Body) != "body" || c.Headers["a"] != "1" {
		t.Errorf("the clone has changed: %+v", c)
	}
}

func BenchmarkEnvelope(b *testing.B) {
	e := transport.Envelope{
		ID: "0123456789abcdef-1a2b", Type: "StateChanged", Source: "order", Key: "k42", Topic: "state.order.k42.placed",
		Time: time.Now(), Epoch: "0123456789abcdef", Seq: 70_000,
	}
	wire, err := e.AppendMsgpack(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = e.AppendMsgpack(buf[:0])
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		var got transport.Envelope
		for b.Loop() {
			r := codec.NewReader(wire)
			got.ReadMsgpack(&r)
		}
	})
	b.Run("read-recent", func(b *testing.B) {
		b.ReportAllocs()
		var got transport.Envelope
		var x transport.Recent
		for b.Loop() {
			if err := x.Read(wire, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}
