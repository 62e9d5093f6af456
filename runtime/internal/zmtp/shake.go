package zmtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// The names of the handshake's commands.
const (
	ready   = "READY"
	failure = "ERROR"
)

// Config says how a side takes part in a handshake.
type Config struct {
	// Type is the type of the own socket. A side that accepts connections may choose it
	// once it knows the peer's: Choose returns "" for a type that does not fit.
	Type     string
	Choose   func(peer string) string
	Identity []byte // at most 255 bytes
	Limits   Limits
	Timeout  time.Duration // of the handshake
}

// Peer is what a peer says of itself.
type Peer struct {
	Type     string // of its socket
	Identity []byte // empty, or chosen by its program
	Minor    byte   // of its version: 0 for ZMTP 3.0, which has no PING
	Own      string // the type of the own socket
}

// Shake does the handshake on a new connection, and returns a Reader for what comes
// after it. It does not close the connection; deadlines are cleared.
func Shake(c net.Conn, cfg Config) (Peer, *Reader, error) {
	if err := c.SetDeadline(time.Now().Add(cfg.Timeout)); err != nil {
		return Peer{}, nil, err
	}
	s := shaking{cfg, c, NewReader(c, cfg.Limits)}
	p, err := s.shake()
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return p, s.r, err
}

type shaking struct {
	cfg Config
	c   net.Conn
	r   *Reader
}

func (s shaking) shake() (p Peer, err error) {
	if _, err = s.c.Write(greeting()); err != nil {
		return p, err
	}
	p.Own = s.cfg.Type
	if s.cfg.Choose == nil {
		if err = s.ready(p.Own); err != nil {
			return p, err
		}
	}
	if p.Minor, err = s.greeted(); err != nil {
		return p, err
	}
	if err = s.introduced(&p); err != nil {
		return p, err
	}
	if s.cfg.Choose == nil {
		return p, nil
	}
	if p.Own = s.cfg.Choose(p.Type); p.Own == "" {
		return p, s.refuse(p.Type)
	}
	return p, s.ready(p.Own)
}

// sizeGreeting is how many bytes a greeting has.
const sizeGreeting = 64

// greeting is version 3.1 and the mechanism NULL.
func greeting() []byte {
	b := make([]byte, sizeGreeting)
	b[0], b[9] = 0xff, 0x7f
	b[10], b[11] = 3, 1
	copy(b[12:32], "NULL")
	return b
}

// greeted reads the peer's greeting, and looks at its beginning as soon as it is there.
func (s shaking) greeted() (minor byte, err error) {
	if err := s.r.need(0, 11); err != nil {
		return 0, err
	}
	b := s.r.buf[s.r.start:]
	if b[0] != 0xff || b[9]&1 == 0 || b[10] < 3 {
		return 0, fmt.Errorf("%w: its greeting is % x", ErrProtocol, b[:11])
	}
	if err := s.r.need(0, sizeGreeting); err != nil {
		return 0, err
	}
	b = s.r.buf[s.r.start : s.r.start+sizeGreeting]
	s.r.start += sizeGreeting
	if m := text(b[12:32]); m != "NULL" {
		return 0, fmt.Errorf("%w: it wants the mechanism %q, and only NULL is known", ErrRefused, m)
	}
	return b[11], nil
}

// text is what comes before the padding.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// ready tells the peer of the own socket.
func (s shaking) ready(own string) error {
	b := appendProperty(nil, "Socket-Type", []byte(own))
	if len(s.cfg.Identity) > 0 {
		b = appendProperty(b, "Identity", s.cfg.Identity)
	}
	_, err := s.c.Write(AppendCommand(nil, ready, b))
	return err
}

func appendProperty(b []byte, name string, value []byte) []byte {
	b = append(append(b, byte(len(name))), name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}

// refuse tells the peer that its type does not fit.
func (s shaking) refuse(peer string) error {
	reason := "the socket types do not fit"
	_, err := s.c.Write(AppendCommand(nil, failure, append([]byte{byte(len(reason))}, reason...)))
	return errors.Join(fmt.Errorf("%w: its socket type is %.20q", ErrRefused, peer), err)
}

// introduced reads the peer's READY.
func (s shaking) introduced(p *Peer) error {
	m, err := s.r.Read()
	switch {
	case err != nil:
		return err
	case m.Command == failure:
		return fmt.Errorf("%w: it says %.80q", ErrRefused, reasonOf(m.Data))
	case m.Command != ready:
		return fmt.Errorf("%w: it does not begin with READY", ErrProtocol)
	}
	if err := properties(m.Data, p); err != nil {
		return err
	}
	if p.Type == "" {
		return fmt.Errorf("%w: it does not say what type its socket has", ErrProtocol)
	}
	return nil
}

func reasonOf(data []byte) []byte {
	if len(data) == 0 || int(data[0]) > len(data)-1 {
		return nil
	}
	return data[1 : 1+int(data[0])]
}

// properties reads what READY says.
func properties(b []byte, p *Peer) error {
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+n+4 {
			return fmt.Errorf("%w: READY is cut off", ErrProtocol)
		}
		name := string(b[1 : 1+n])
		size := binary.BigEndian.Uint32(b[1+n:])
		b = b[1+n+4:]
		if uint64(size) > uint64(len(b)) {
			return fmt.Errorf("%w: READY is cut off", ErrProtocol)
		}
		p.set(name, b[:size])
		b = b[size:]
	}
	if len(p.Identity) > 255 {
		return fmt.Errorf("%w: its identity has %d bytes", ErrProtocol, len(p.Identity))
	}
	return nil
}

// set takes a property; names are the same in upper and lower case.
func (p *Peer) set(name string, value []byte) {
	switch {
	case strings.EqualFold(name, "Socket-Type"):
		p.Type = string(value)
	case strings.EqualFold(name, "Identity"):
		p.Identity = append([]byte(nil), value...)
	}
}
