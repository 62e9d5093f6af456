package benchmarks

import (
	"bytes"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/benchmarks/meter"
	"github.com/xsgen/xsgen/benchmarks/msgporder"
)

func sample() *meter.Order {
	note := "leave it at the door"
	return &meter.Order{ID: "order-4711", Customer: "Ann Example", Cents: 123456, Paid: true, Rate: 0.19, Tags: []string{"new", "express"}, Note: &note}
}

func msgpSample() *msgporder.Order {
	s := sample()
	return &msgporder.Order{ID: s.ID, Customer: s.Customer, Cents: s.Cents, Paid: s.Paid, Rate: s.Rate, Tags: s.Tags, Note: s.Note}
}

// reflected is Order without its methods: msgpack/v5 uses reflection on it.
type reflected struct {
	ID       string   `msgpack:"id"`
	Customer string   `msgpack:"customer"`
	Cents    int64    `msgpack:"cents"`
	Paid     bool     `msgpack:"paid"`
	Rate     float64  `msgpack:"rate"`
	Tags     []string `msgpack:"tags"`
	Note     *string  `msgpack:"note,omitempty"`
}

func TestSameBytes(t *testing.T) {
	ours, err := sample().AppendMsgpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	var theirs msgporder.Order
	if _, err := theirs.UnmarshalMsg(ours); err != nil || theirs.Customer != sample().Customer || len(theirs.Tags) != 2 {
		t.Errorf("msgp reads %+v, %v", theirs, err)
	}
	var back meter.Order
	b, err := msgpSample().MarshalMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := back.UnmarshalMsgpack(b); err != nil || back.Customer != sample().Customer {
		t.Errorf("what msgp writes reads as %+v, %v", back, err)
	}
}

func BenchmarkEncode(b *testing.B) {
	buf := make([]byte, 0, 1024)
	b.Run("msgp", func(b *testing.B) {
		s := msgpSample()
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = s.MarshalMsg(buf[:0])
		}
	})
	b.Run("xsgen", func(b *testing.B) {
		s := sample()
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = s.AppendMsgpack(buf[:0])
		}
	})
	b.Run("msgpack-v5", func(b *testing.B) {
		s := sample()
		r := &reflected{s.ID, s.Customer, s.Cents, s.Paid, s.Rate, s.Tags, s.Note}
		var out bytes.Buffer
		enc := msgpack.NewEncoder(&out)
		b.ReportAllocs()
		for b.Loop() {
			out.Reset()
			_ = enc.Encode(r)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data, err := sample().AppendMsgpack(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("msgp", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var s msgporder.Order
			_, _ = s.UnmarshalMsg(data)
		}
	})
	b.Run("xsgen", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var s meter.Order
			_ = s.UnmarshalMsgpack(data)
		}
	})
	b.Run("msgpack-v5", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var s reflected
			_ = msgpack.Unmarshal(data, &s)
		}
	})
}
