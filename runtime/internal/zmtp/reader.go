package zmtp

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Limits are what a peer may send at once.
type Limits struct {
	Bytes  int // of all frames of a message
	Frames int // of a message
}

// maxCommand is the most bytes of a command: a prefix that is subscribed to, or what is
// said of a socket.
const maxCommand = 4 << 10

// The sizes of buffers: a connection on which nothing has come has a small one, and what
// is larger than the usual one is given back after the message that needed it.
const (
	smallBuffer = 512
	usualBuffer = 64 << 10
)

// Reader reads messages and commands. It is for one goroutine at a time.
type Reader struct {
	from   io.Reader
	limits Limits
	buf    []byte
	start  int // of what is not read yet
	end    int
	spans  []span
	frames [][]byte
}

// span is where the body of a frame is in the buffer, from the start of what is read.
type span struct{ from, to int }

// NewReader returns a Reader.
func NewReader(from io.Reader, limits Limits) *Reader { return &Reader{from: from, limits: limits} }

// Message is what a peer has sent. It is valid until the next one is read.
type Message struct {
	Command string   // its name; empty for a message
	Data    []byte   // of a command
	Frames  [][]byte // of a message, at least one
}

// Buffered is how many bytes are there that have not been read: with none the next
// Read waits.
func (r *Reader) Buffered() int { return r.end - r.start }

// Read reads a message or a command. Its errors are those of the connection, io.EOF only
// between two messages, or wrap ErrProtocol or ErrTooLarge.
func (r *Reader) Read() (Message, error) {
	if r.whole() {
		return Message{Frames: r.frames}, nil
	}
	r.spans = r.spans[:0]
	at, total := 0, 0
	for {
		flags, s, err := r.frame(at, total)
		if err != nil {
			return Message{}, err
		}
		at, total = s.to, total+s.to-s.from
		if flags&flagCommand != 0 {
			return r.command(s)
		}
		r.spans = append(r.spans, s)
		if flags&flagMore == 0 {
			return r.message(at), nil
		}
	}
}

// whole takes a message of short frames, if all of it is in the buffer.
func (r *Reader) whole() bool {
	r.frames = r.frames[:0]
	total := 0
	for b := r.buf[r.start:r.end]; len(b) >= 2 && b[0]&^flagMore == 0; {
		end := 2 + int(b[1])
		total += end - 2
		if end > len(b) || total > r.limits.Bytes || len(r.frames) == r.limits.Frames {
			return false
		}
		more := b[0] != 0
		r.frames = append(r.frames, b[2:end:end])
		if b = b[end:]; !more {
			r.start = r.end - len(b)
			return true
		}
	}
	return false
}

// message takes a message that is in the buffer up to an offset.
func (r *Reader) message(to int) Message {
	r.frames = r.frames[:0]
	for _, s := range r.spans {
		r.frames = append(r.frames, r.buf[r.start+s.from:r.start+s.to:r.start+s.to])
	}
	r.start += to
	return Message{Frames: r.frames}
}

// command takes a command that is all that is read.
func (r *Reader) command(s span) (Message, error) {
	body := r.buf[r.start+s.from : r.start+s.to]
	if len(r.spans) > 0 || len(body) == 0 || body[0] == 0 || int(body[0]) > len(body)-1 {
		return Message{}, fmt.Errorf("%w: a command without a name, or within a message", ErrProtocol)
	}
	r.start += s.to
	n := 1 + int(body[0])
	return Message{Command: commandName(body[1:n]), Data: body[n:]}, nil
}

// commandName is a name as a string, without allocating the usual ones.
func commandName(b []byte) string {
	for _, name := range [...]string{Ping, Pong, Subscribe, Cancel, ready, failure} {
		if string(b) == name {
			return name
		}
	}
	return string(b)
}

// frame reads the frame at an offset into the buffer; before it are total bytes of the
// same message.
func (r *Reader) frame(at, total int) (flags byte, s span, err error) {
	if err := r.need(at, at+2); err != nil {
		return 0, s, err
	}
	flags = r.buf[r.start+at]
	size, header := uint64(r.buf[r.start+at+1]), 2
	if flags&flagLong != 0 {
		header = 9
		if err := r.need(at, at+header); err != nil {
			return 0, s, err
		}
		size = binary.BigEndian.Uint64(r.buf[r.start+at+1:])
	}
	if err := r.check(flags, size, total); err != nil {
		return 0, s, err
	}
	s = span{at + header, at + header + int(size)}
	return flags, s, r.need(at, s.to)
}

// check looks at the header of a frame, before there is room for it.
func (r *Reader) check(flags byte, size uint64, total int) error {
	switch {
	case flags&^flagsKnown != 0 || flags&flagCommand != 0 && flags&flagMore != 0:
		return fmt.Errorf("%w: a frame with the flags %#x", ErrProtocol, flags)
	case flags&flagCommand != 0 && size > maxCommand:
		return fmt.Errorf("%w: a command of %d bytes, the most is %d", ErrTooLarge, size, maxCommand)
	case flags&flagCommand == 0 && size > uint64(r.limits.Bytes-total):
		return fmt.Errorf("%w: a frame of %d bytes after %d, the most of all is %d", ErrTooLarge, size, total, r.limits.Bytes)
	case len(r.spans) == r.limits.Frames:
		return fmt.Errorf("%w: more than %d frames", ErrTooLarge, r.limits.Frames)
	}
	return nil
}

// need reads until there are n bytes. Unless it is the first byte of all, the end of the
// connection is unexpected.
func (r *Reader) need(at, n int) error {
	for r.end-r.start < n {
		r.makeRoom()
		m, err := r.from.Read(r.buf[r.end:])
		r.end += m
		if m > 0 {
			continue
		}
		if err == io.EOF && (at > 0 || r.end > r.start) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeRoom makes room for more data: twice as much as there is, if the buffer is full, so
// that a large message is paid for by those who send it.
func (r *Reader) makeRoom() {
	used := r.end - r.start
	switch {
	case len(r.buf) == 0:
		r.buf = make([]byte, smallBuffer)
	case used == 0 && len(r.buf) > usualBuffer:
		r.buf, r.start, r.end = make([]byte, usualBuffer), 0, 0
	case r.end == len(r.buf) && len(r.buf) < usualBuffer: // there was more than it holds
		r.grow()
	case used == 0:
		r.start, r.end = 0, 0
	case r.end < len(r.buf):
	case r.start >= len(r.buf)/2:
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	default:
		r.grow()
	}
}

func (r *Reader) grow() {
	bigger := make([]byte, max(2*len(r.buf), usualBuffer))
	r.end = copy(bigger, r.buf[r.start:r.end])
	r.buf, r.start = bigger, 0
}
