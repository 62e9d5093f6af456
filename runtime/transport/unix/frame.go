package unix

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/transport"
)

// The kinds of frames. docs/wire.md says what is in each.
const (
	frameHello byte = iota + 1
	frameRefuse
	frameSub
	frameSubscribed
	frameUnsub
	frameUnsubscribed
	frameSync
	frameHead
	frameMessage
	frameKept
	frameSettled
	frameAcks
	frameAsk
	frameGap
	frameDropped
	frameReply
	framePing
	framePong
	frameBye
	frameFarewell
	frameRetired
)

const (
	// headerSize is the size of a frame's header: the length of what follows it in four
	// bytes, the lowest first, of which the kind is the first one.
	headerSize = 4
	// slack is what a frame may have beside a body: an envelope at its limits.
	slack = transport.MaxHeaders + 64<<10
	// maxGreeting is the most that a frame may have before both sides know each other.
	maxGreeting = 4 << 10
)

// errMalformed is wrapped by what is wrong with a peer's frames.
var errMalformed = errors.New("unix: malformed frame")

// begin appends the header of a frame, and returns where it is, for end.
func begin(b []byte, kind byte) ([]byte, int) {
	return append(b, 0, 0, 0, 0, kind), len(b)
}

// end fills in the length of the frame that begins at start.
func end(b []byte, start int) []byte {
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-headerSize))
	return b
}

func appendText[S ~string](b []byte, s S) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// split is the first frame of b: its kind, what it has, and how long it is. size is 0 as
// long as b does not have all of it; want is then how long it is, if that is known.
func split(b []byte, limit int) (kind byte, payload []byte, size, want int, err error) {
	if len(b) < headerSize {
		return 0, nil, 0, 0, nil
	}
	n := binary.LittleEndian.Uint32(b)
	switch {
	case n == 0:
		return 0, nil, 0, 0, fmt.Errorf("%w: it is empty", errMalformed)
	case uint64(n) > uint64(limit):
		return 0, nil, 0, 0, fmt.Errorf("%w: it has %d bytes, the most is %d", errMalformed, n, limit)
	}
	want = headerSize + int(n)
	if len(b) < want {
		return 0, nil, 0, want, nil
	}
	return b[headerSize], b[headerSize+1 : want], want, want, nil
}

// reader reads what a frame has. What cannot be read is zero, and err says why.
type reader struct {
	b     []byte
	err   error
	texts *codec.Texts // where ids and keys are copied to
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", errMalformed, what)
	}
	r.b = nil
}

func (r *reader) number() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		n := r.b[0]
		r.b = r.b[1:]
		return uint64(n)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("a number is cut off or too large")
		return 0
	}
	r.b = r.b[n:]
	return v
}

// below is a number that is at most a limit.
func (r *reader) below(limit uint64) uint64 {
	v := r.number()
	if v > limit {
		r.fail("a number is out of range")
		return 0
	}
	return v
}

// count is a number of elements, each of which has at least one byte.
func (r *reader) count() int { return int(r.below(uint64(len(r.b)))) }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail("it is cut off")
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// bytes are a text's, which are not kept.
func (r *reader) bytes(limit int) []byte {
	n := r.number()
	if n > uint64(len(r.b)) || n > uint64(limit) {
		r.fail("a text is too long")
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// text is a field of an envelope.
func (r *reader) text() string { return r.long(transport.MaxText) }

func (r *reader) long(limit int) string {
	b := r.bytes(limit)
	if !utf8.Valid(b) {
		r.fail("a text is not UTF-8")
		return ""
	}
	return string(b)
}

// finish is the error, also of what is left over.
func (r *reader) finish() error {
	if r.err == nil && len(r.b) > 0 {
		r.fail("something follows its end")
	}
	return r.err
}
