package codec

import (
	"encoding/binary"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// Encoder and Decoder are msgpack/v5's, so that generated code need not import it.
type (
	Encoder = msgpack.Encoder
	Decoder = msgpack.Decoder
)

// Appender is what generated types that can be written have.
type Appender interface {
	AppendMsgpack(b []byte) ([]byte, error)
}

// Unmarshaler is what generated types that can be read have.
type Unmarshaler interface {
	UnmarshalMsgpack(b []byte) error
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Encode writes v to enc.
func Encode(enc *Encoder, v Appender) error {
	buf := Borrow()
	b, err := v.AppendMsgpack(*buf)
	return Send(enc, buf, b, err)
}

// Borrow returns an empty buffer for one message, which Send takes back. With the
// two, generated code encodes a value without it being moved to the heap, as
// Encode's interface would have it.
func Borrow() *[]byte { return buffers.Get().(*[]byte) }

// Send writes a message, b, to enc, unless err says that it could not be encoded,
// and takes the buffer back in which b began.
func Send(enc *Encoder, buf *[]byte, b []byte, err error) error {
	if err == nil {
		*buf = b[:0]
		_, err = enc.Writer().Write(b)
	}
	buffers.Put(buf)
	return err
}

// Decode reads the next value of dec into v, within the limits of a Reader.
func Decode(dec *Decoder, v Unmarshaler) error {
	b, err := raw(dec)
	if err != nil {
		return err
	}
	return v.UnmarshalMsgpack(b)
}

// raw reads one value without recursion and without believing any count: the
// library's own Skip does both.
func raw(dec *Decoder) ([]byte, error) {
	var b []byte
	read := func(n int) ([]byte, error) {
		if n > MaxSize-len(b) {
			return nil, &DecodeError{Offset: len(b), Err: ErrTooLarge}
		}
		start := len(b)
		b = append(b, make([]byte, n)...)
		return b[start:], dec.ReadFull(b[start:])
	}
	for left := uint64(1); left > 0; left-- {
		code, err := read(1)
		if err != nil {
			return nil, err
		}
		s := shapeOf(code[0])
		count := uint64(0)
		if s.length > 0 {
			p, err := read(s.length)
			if err != nil {
				return nil, err
			}
			var wide [8]byte
			copy(wide[8-len(p):], p)
			count = binary.BigEndian.Uint64(wide[:])
		}
		count += uint64(s.fixed)
		if count > MaxSize {
			return nil, &DecodeError{Offset: len(b), Err: ErrTooLarge}
		}
		switch s.kind {
		case payload:
			_, err = read(int(count))
		case elements:
			left += count
		case pairs:
			left += 2 * count
		case invalid:
			err = &DecodeError{Offset: len(b) - 1, Err: ErrType}
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}
