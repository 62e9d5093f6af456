package zeromq

import (
	"bytes"
	"net"
	"testing"

	"github.com/xsgen/xsgen/runtime/internal/poison"
	"github.com/xsgen/xsgen/runtime/internal/zmtp"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestWiped has the buffers of a message be overwritten: the one that it was encoded into,
// and the one that was written.
func TestWiped(t *testing.T) {
	if poison.On {
		t.Skip("with this build tag buffers are overwritten anyway")
	}
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: []byte("secret")}
	for _, wipe := range []bool{true, false} {
		p, err := pack(m, wipe)
		if err != nil {
			t.Fatal(err)
		}
		wire := p.wire
		p.release()
		if bytes.Contains(wire, m.Body) == wipe {
			t.Errorf("wipe %v: the buffer has %q", wipe, wire)
		}
	}
	a, b := net.Pipe()
	defer b.Close()
	kept := &keeps{Conn: a}
	l := newLink(kept, zmtp.Peer{}, nil)
	l.wipe.Store(true)
	l.send(m.Body)
	l.start(nothing{})
	if _, err := b.Read(make([]byte, len(m.Body))); err != nil {
		t.Fatal(err)
	}
	l.close()
	<-l.ended
	if bytes.Contains(kept.last, m.Body) {
		t.Errorf("what was written has %q", kept.last)
	}
}

// keeps is a connection that keeps what was written, and does not copy it.
type keeps struct {
	net.Conn
	last []byte
}

func (k *keeps) Write(b []byte) (int, error) {
	if len(b) > 0 {
		k.last = b
	}
	return k.Conn.Write(b)
}

// nothing is a source that has nothing.
type nothing struct{}

func (nothing) fill(b []byte, _ int) []byte { return b }
