package zmtp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
)

var limits = zmtp.Limits{Bytes: 1 << 20, Frames: 4}

func config(own string) zmtp.Config {
	return zmtp.Config{Type: own, Limits: limits, Timeout: 10 * time.Second}
}

// TestShake has two sides introduce themselves, one of which chooses its type.
func TestShake(t *testing.T) {
	a, b := pair(t)
	type result struct {
		p   zmtp.Peer
		err error
	}
	done := make(chan result)
	go func() {
		cfg := config("")
		cfg.Choose = func(peer string) string { return map[string]string{zmtp.Dealer: zmtp.Router}[peer] }
		p, _, err := zmtp.Shake(b, cfg)
		done <- result{p, err}
	}()
	cfg := config(zmtp.Dealer)
	cfg.Identity = []byte("web-0")
	p, _, err := zmtp.Shake(a, cfg)
	if err != nil || p.Type != zmtp.Router || p.Minor != 1 || len(p.Identity) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
	r := <-done
	if r.err != nil || r.p.Type != zmtp.Dealer || string(r.p.Identity) != "web-0" || r.p.Own != zmtp.Router {
		t.Errorf("%+v", r)
	}
}

// TestRefused has a side of a type that does not fit be told.
func TestRefused(t *testing.T) {
	a, b := pair(t)
	done := make(chan error)
	go func() {
		cfg := config("")
		cfg.Choose = func(string) string { return "" }
		_, _, err := zmtp.Shake(b, cfg)
		done <- err
	}()
	_, _, err := zmtp.Shake(a, config(zmtp.Pub))
	if !errors.Is(err, zmtp.ErrRefused) || !strings.Contains(err.Error(), "do not fit") {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, zmtp.ErrRefused) {
		t.Error(err)
	}
}

// TestSilent has a peer that says nothing, and one that says half of a greeting.
func TestSilent(t *testing.T) {
	for _, begin := range []string{"", "\xff\x00\x00"} {
		a, b := pair(t)
		if _, err := a.Write([]byte(begin)); err != nil {
			t.Fatal(err)
		}
		cfg := config(zmtp.Router)
		cfg.Timeout = 20 * time.Millisecond
		_, _, err := zmtp.Shake(b, cfg)
		if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() {
			t.Errorf("%q: %v", begin, err)
		}
	}
}

// TestFrames has messages of several sizes come whole and in pieces.
func TestFrames(t *testing.T) {
	list := [][][]byte{
		{nil}, {[]byte("a")}, {nil, []byte("b"), nil},
		{make([]byte, 255), make([]byte, 256), make([]byte, 70_000)}, {make([]byte, 1<<20)}, {[]byte("end")},
	}
	var wire []byte
	for _, m := range list {
		wire = zmtp.AppendMessage(wire, m...)
	}
	wire = zmtp.AppendPing(wire, 25)
	wire = zmtp.AppendCommand(wire, zmtp.Subscribe, []byte("state."))
	for name, from := range map[string]io.Reader{
		"whole": bytes.NewReader(wire), "halves": iotest.HalfReader(bytes.NewReader(wire)), "with its end": iotest.DataErrReader(bytes.NewReader(wire)),
	} {
		r := zmtp.NewReader(from, limits)
		for i, want := range list {
			m, err := r.Read()
			if err != nil || !slices.EqualFunc(m.Frames, want, bytes.Equal) {
				t.Fatalf("%s: message %d: %d frames, %v", name, i, len(m.Frames), err)
			}
		}
		if m, err := r.Read(); err != nil || m.Command != zmtp.Ping || binary.BigEndian.Uint16(m.Data) != 25 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		if m, err := r.Read(); err != nil || m.Command != zmtp.Subscribe || string(m.Data) != "state." {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		if _, err := r.Read(); err != io.EOF || r.Buffered() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOpenFrame has frames of several sizes be the same, whether their size is known before or
// not.
func TestOpenFrame(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 70_000} {
		body := bytes.Repeat([]byte("x"), n)
		b, at := zmtp.OpenFrame([]byte("before"))
		got := zmtp.CloseFrame(append(b, body...), at)
		if want := zmtp.AppendFrame([]byte("before"), body, true); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: % x… and not % x…", n, got[:min(len(got), 20)], want[:min(len(want), 20)])
		}
	}
}

func TestPong(t *testing.T) {
	r := zmtp.NewReader(bytes.NewReader(zmtp.AppendPong(nil, []byte("\x00\x01context"))), limits)
	if m, err := r.Read(); err != nil || m.Command != zmtp.Pong || string(m.Data) != "context" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestBadFrames has everything that is wrong with frames.
func TestBadFrames(t *testing.T) {
	long := func(n uint64) string { return string(binary.BigEndian.AppendUint64([]byte{2}, n)) }
	for name, tt := range map[string]struct {
		wire string
		want error
	}{
		"an unknown flag":          {"\x08\x00", zmtp.ErrProtocol},
		"a command with more":      {"\x05\x01\x00", zmtp.ErrProtocol},
		"an empty command":         {"\x04\x00", zmtp.ErrProtocol},
		"a command with no name":   {"\x04\x02\x00a", zmtp.ErrProtocol},
		"a command's name cut off": {"\x04\x02\x05a", zmtp.ErrProtocol},
		"a command in a message":   {"\x01\x01a\x04\x02\x01a", zmtp.ErrProtocol},
		"a long command":           {"\x06\x00\x00\x00\x00\x00\x01\x00\x00", zmtp.ErrTooLarge},
		"2^62 bytes":               {long(1 << 62), zmtp.ErrTooLarge},
		"2^64-1 bytes":             {long(1<<64 - 1), zmtp.ErrTooLarge},
		"one byte more":            {long(1<<20 + 1), zmtp.ErrTooLarge},
		"one byte more of two":     {"\x01\x01a" + long(1<<20), zmtp.ErrTooLarge},
		"too many frames":          {"\x01\x00\x01\x00\x01\x00\x01\x00\x00\x00", zmtp.ErrTooLarge},
		"the end within a frame":   {"\x00\x05ab", io.ErrUnexpectedEOF},
		"the end within a message": {"\x01\x01a", io.ErrUnexpectedEOF},
		"the end within a header":  {"\x02\x00", io.ErrUnexpectedEOF},
	} {
		_, err := zmtp.NewReader(strings.NewReader(tt.wire), limits).Read()
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestClaims has a peer that announces a large message, and sends little: the memory is
// for what has come.
func TestClaims(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wire := string(binary.BigEndian.AppendUint64([]byte{2}, 1<<30)) + "abc"
	r := zmtp.NewReader(strings.NewReader(wire), zmtp.Limits{Bytes: 1 << 30, Frames: 1})
	if _, err := r.Read(); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// greetingOf is a sound greeting and a READY with some properties.
func greetingOf(properties string) string {
	g := make([]byte, 64)
	g[0], g[9], g[10] = 0xff, 0x7f, 3
	copy(g[12:], "NULL")
	return string(zmtp.AppendCommand(g, "READY", []byte(properties)))
}

// TestBadHandshakes has everything that is wrong before the first message.
func TestBadHandshakes(t *testing.T) {
	sound := greetingOf("\x0bSocket-Type\x00\x00\x00\x04PUSH")
	for name, tt := range map[string]struct {
		wire string
		want error
	}{
		"HTTP":                    {"GET / HTTP/1.1\r\n", zmtp.ErrProtocol},
		"version 1":               {"\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x01", zmtp.ErrProtocol},
		"another mechanism":       {strings.Replace(sound, "NULL", "PLAIN"+"", 1)[:64], zmtp.ErrRefused},
		"a message instead":       {sound[:64] + "\x00\x01a", zmtp.ErrProtocol},
		"an error":                {sound[:64] + "\x04\x08\x05ERROR\x01x", zmtp.ErrRefused},
		"no type":                 {greetingOf(""), zmtp.ErrProtocol},
		"a property cut off":      {greetingOf("\x0bSocket-Type\x00\x00"), zmtp.ErrProtocol},
		"a value cut off":         {greetingOf("\x0bSocket-Type\x00\x00\x00\x05PUSH"), zmtp.ErrProtocol},
		"a value of 4 GiB":        {greetingOf("\x0bSocket-Type\xff\xff\xff\xffPUSH"), zmtp.ErrProtocol},
		"an identity of 256":      {greetingOf("\x0bSocket-Type\x00\x00\x00\x04PUSH\x08Identity\x00\x00\x01\x00" + strings.Repeat("x", 256)), zmtp.ErrProtocol},
		"the end":                 {sound[:70], io.ErrUnexpectedEOF},
		"nothing":                 {"", io.ErrUnexpectedEOF},
		"an unknown type is fine": {greetingOf("\x0bSocket-Type\x00\x00\x00\x04WHAT"), nil},
	} {
		a, b := pair(t)
		go func() {
			_, _ = a.Write([]byte(tt.wire))
			_ = a.(*net.UnixConn).CloseWrite()
		}()
		_, _, err := zmtp.Shake(b, config(zmtp.Pull))
		if !errors.Is(err, tt.want) || err != nil && tt.want == nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestZmq4 has go-zeromq's connections at the other end, on both sides.
func TestZmq4(t *testing.T) {
	for _, server := range []bool{true, false} {
		a, b := pair(t)
		done := make(chan error)
		go func() {
			c, err := zmq4.Open(b, null.Security(), zmq4.Dealer, zmq4.SocketIdentity("them"), server, nil)
			if err == nil {
				err = echo(c)
			}
			done <- err
		}()
		p, r, err := zmtp.Shake(a, config(zmtp.Router))
		if err != nil || p.Type != zmtp.Dealer || string(p.Identity) != "them" || p.Minor != 0 {
			t.Fatalf("%+v, %v", p, err)
		}
		want := [][]byte{[]byte("topic"), nil, make([]byte, 70_000)}
		if _, err := a.Write(zmtp.AppendMessage(nil, want...)); err != nil {
			t.Fatal(err)
		}
		if m, err := r.Read(); err != nil || !slices.EqualFunc(m.Frames, want, bytes.Equal) {
			t.Errorf("%d frames, %v", len(m.Frames), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func echo(c *zmq4.Conn) error {
	m, err := c.RecvMsg()
	if err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	return c.SendMsg(zmq4.NewMsgFrom(m.Frames...))
}

// FuzzReader has any bytes be read: nothing panics, limits hold, and what is read is
// written again as it was, if its lengths are in their shortest form.
func FuzzReader(f *testing.F) {
	f.Add(zmtp.AppendMessage(nil, []byte("a"), nil, make([]byte, 300)))
	f.Add(zmtp.AppendPing(zmtp.AppendCommand(nil, "READY", []byte("\x01a\x00\x00\x00\x00")), 1))
	f.Add([]byte("\x02\x7f\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		limits := zmtp.Limits{Bytes: 1000, Frames: 3}
		whole := zmtp.NewReader(bytes.NewReader(wire), limits)
		pieces := zmtp.NewReader(iotest.OneByteReader(bytes.NewReader(wire)), limits)
		for {
			m, err := whole.Read()
			n, err2 := pieces.Read()
			if (err == nil) != (err2 == nil) || err == nil && !slices.EqualFunc(m.Frames, n.Frames, bytes.Equal) {
				t.Fatalf("whole: %v, %v; in pieces: %v, %v", m, err, n, err2)
			}
			if err != nil {
				return
			}
			size := 0
			for _, f := range m.Frames {
				size += len(f)
			}
			if size > limits.Bytes || len(m.Frames) > limits.Frames || m.Command == "" && len(m.Frames) == 0 {
				t.Fatalf("%+v", m)
			}
		}
	})
}

// FuzzShake has any bytes begin a connection.
func FuzzShake(f *testing.F) {
	f.Add([]byte(greetingOf("\x0bSocket-Type\x00\x00\x00\x04PUSH")))
	f.Add([]byte(greetingOf("\x0bSocket-Type\x00\x00\x00\x04PUSH\x08Identity\x00\x00\x00\x02id")))
	f.Fuzz(func(t *testing.T, wire []byte) {
		c := &canned{Reader: bytes.NewReader(wire)}
		p, _, err := zmtp.Shake(c, config(zmtp.Pull))
		if err == nil && (p.Type == "" || len(p.Identity) > 255) {
			t.Errorf("%+v", p)
		}
	})
}

// canned is a connection from which some bytes come.
type canned struct {
	net.Conn
	*bytes.Reader
}

func (c *canned) Read(p []byte) (int, error)  { return c.Reader.Read(p) }
func (c *canned) Write(p []byte) (int, error) { return len(p), nil }
func (c *canned) SetDeadline(time.Time) error { return nil }
