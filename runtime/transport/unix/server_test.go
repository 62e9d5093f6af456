//go:build linux || darwin

package unix_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// TestSecondServer has two processes want one socket.
func TestSecondServer(t *testing.T) {
	dir := tempDir(t)
	first := open(t, unix.Config{Dir: dir, Node: "a"})
	if _, err := unix.New(t.Context(), unix.Config{Dir: dir, Node: "a"}); !errors.Is(err, unix.ErrInUse) {
		t.Errorf("a second one: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "a-0.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.New(t.Context(), unix.Config{Dir: dir, Node: "a"}); !errors.Is(err, unix.ErrInUse) {
		t.Errorf("a second one, and somebody has removed the lock: %v", err)
	}
	open(t, unix.Config{Dir: dir, Node: "a", Replica: 1})
	shut(t, first)
	open(t, unix.Config{Dir: dir, Node: "a"})
}

// TestStaleSocket takes over what is left of a process that was killed.
func TestStaleSocket(t *testing.T) {
	dir := tempDir(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "a-0.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	b := open(t, unix.Config{Dir: dir, Node: "b"}) // nobody answers at a's
	open(t, unix.Config{Dir: dir, Node: "a"})
	until(t, "they are connected", func() bool { return b.Peers() == 1 })
}

// TestSocketRemoved has somebody remove a socket: who is connected stays so, and the socket
// is made again for newcomers.
func TestSocketRemoved(t *testing.T) {
	dir := tempDir(t)
	a, b := open(t, unix.Config{Dir: dir, Node: "a"}), open(t, unix.Config{Dir: dir, Node: "b"})
	var got box
	subscribe(t, a, transport.SubscribeRequest{Receive: got.receive})
	path := filepath.Join(dir, "a-0.sock")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	publish(t, b, message(0))
	got.wait(t, 1)
	until(t, "the socket is there again", func() bool { _, err := os.Stat(path); return err == nil })
	c := open(t, unix.Config{Dir: dir, Node: "c"})
	until(t, "a newcomer is connected to both", func() bool { return c.Peers() == 2 })
	publish(t, c, message(1))
	inOrder(t, got.wait(t, 2), 2)
}

// dial connects to a node without saying anything.
func dial(tb testing.TB, dir, name string) net.Conn {
	tb.Helper()
	c, err := net.Dial("unix", filepath.Join(dir, name+".sock"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// TestSilentConnections has many who say nothing hold up nobody.
func TestSilentConnections(t *testing.T) {
	dir := tempDir(t)
	a := open(t, unix.Config{Dir: dir, Node: "a"})
	for range 200 {
		dial(t, dir, "a-0")
	}
	var got box
	subscribe(t, a, transport.SubscribeRequest{Receive: got.receive})
	b := open(t, unix.Config{Dir: dir, Node: "b"})
	publish(t, b, message(0))
	inOrder(t, got.wait(t, 1), 1)
}

// ended waits until the other side has closed a connection.
func ended(tb testing.TB, c net.Conn) {
	tb.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for b := make([]byte, 4096); ; {
		if _, err := c.Read(b); err != nil {
			if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
				tb.Error("the connection was not closed")
			}
			return
		}
	}
}

// TestMalformedPeers closes connections of those who talk nonsense, and counts them.
func TestMalformedPeers(t *testing.T) {
	dir := tempDir(t)
	a := open(t, unix.Config{Dir: dir, Node: "a"})
	greeting := string(unix.Greeting("hostile", "e"))
	list := []string{
		"GET / HTTP/1.1\r\n\r\n",                                           // a length that is too large
		"\x00\x00\x00\x00",                                                 // an empty frame
		"\x02\x00\x00\x00\x09\x00",                                         // no greeting
		strings.Replace(greeting, "xsgen", "xsgem", 1),                     // another protocol
		strings.Replace(greeting, "\x01\x07hostile", "\x02\x07hostile", 1), // another version
		greeting + "\xff\xff\xff\x7f",
		greeting + "\x01\x00\x00\x00\xee",                 // no such kind
		greeting + "\x03\x00\x00\x00\x09\xff\xff",         // a number that does not end
		greeting + "\x05\x00\x00\x00\x09\x01\x01\x07\x00", // a head that is not known
		greeting + "\x02\x00\x00\x00\x03\x01",             // an offer that is cut off
		greeting + "\x02\x00\x00\x00\x07\x01",             // something where nothing should be
	}
	for i, text := range list {
		c := dial(t, dir, "a-0")
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		ended(t, c)
		until(t, "it is counted", func() bool { return a.Figures().Malformed == uint64(i+1) })
	}
	var got box
	subscribe(t, a, transport.SubscribeRequest{Receive: got.receive})
	publish(t, open(t, unix.Config{Dir: dir, Node: "b"}), message(0))
	inOrder(t, got.wait(t, 1), 1)
}

// TestRefusedDirectories are not safe, or too long.
func TestRefusedDirectories(t *testing.T) {
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(tempDir(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(tempDir(t), "link")
	if err := os.Symlink(tempDir(t), link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		dir  string
		want error
	}{
		{dir, unix.ErrUnsafe}, {file, unix.ErrUnsafe}, {link, unix.ErrUnsafe}, {filepath.Join(tempDir(t), strings.Repeat("x", 100)), unix.ErrPathTooLong},
	} {
		if _, err := unix.New(t.Context(), unix.Config{Dir: tt.dir, Node: "a"}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.dir, err)
		}
	}
	if _, err := unix.New(t.Context(), unix.Config{Dir: tempDir(t), Node: "a/b"}); err == nil {
		t.Error("a node's name with a slash was taken")
	}
}

// TestOpen reads a topology's settings.
func TestOpen(t *testing.T) {
	base := tempDir(t)
	t.Setenv("XDG_RUNTIME_DIR", base)
	told := make(chan error, 10)
	tr, err := unix.Open(t.Context(), transport.Config{
		Topology: "shop", Node: "web", Replica: 2, Settings: map[string]string{"spin": "10us"}, OnError: func(err error) { told <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(base, "shop", "web-2.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	_, _ = dial(t, filepath.Join(base, "shop"), "web-2").Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	select {
	case <-told:
	case <-time.After(patience):
		t.Error("nobody is told of a peer that makes no sense")
	}
	if err := tr.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(base, "shop", "web-2.sock")); err == nil {
		t.Error("the socket is left")
	}
	for _, s := range []map[string]string{{"spin": "fast"}, {"allow.users": "nobody-of-this-name"}, {"allow.group": "no-group-of-this-name"}} {
		if _, err := unix.Open(t.Context(), transport.Config{Topology: "shop", Node: "web", Settings: s}); err == nil {
			t.Errorf("%v was taken", s)
		}
	}
}

// TestSmallerPeer takes less than the publisher.
func TestSmallerPeer(t *testing.T) {
	dir := tempDir(t)
	a, b := open(t, unix.Config{Dir: dir, Node: "a"}), open(t, unix.Config{Dir: dir, Node: "b", MaxBody: 10})
	var got box
	subscribe(t, b, transport.SubscribeRequest{Receive: got.receive})
	m := message(0)
	m.Body = make([]byte, 11)
	if err := transport.Publish(t.Context(), a, m); !errors.Is(err, transport.ErrTooLarge) {
		t.Errorf("a body that only the publisher would take: %v", err)
	}
	publish(t, a, message(1))
	got.wait(t, 1)
}

// TestCutOff has peers end after each byte of what they have to say, as those do that are killed:
// what was not whole never was, and nobody is the worse for it.
func TestCutOff(t *testing.T) {
	dir := tempDir(t)
	a := open(t, unix.Config{Dir: dir, Node: "a"})
	var got box
	subscribe(t, a, transport.SubscribeRequest{Receive: got.receive})
	size := 1
	for n := 0; n <= size; n++ {
		said := slices.Concat(unix.Greeting(fmt.Sprintf("peer%04d", n), fmt.Sprintf("%04d", n)), unix.Offer(1), unix.Event(1))
		size = len(said)
		c := dial(t, dir, "a-0")
		if _, err := c.Write(said[:n]); err != nil {
			t.Fatal(err)
		}
		if n < size {
			_ = c.Close()
		}
	}
	got.wait(t, 1)
	publish(t, open(t, unix.Config{Dir: dir, Node: "b"}), message(0))
	if ids := got.wait(t, 2); !slices.Equal(ids, []string{"whole", id(0)}) {
		t.Errorf("%q came", ids)
	}
	if f := a.Figures(); f.Malformed != 0 {
		t.Errorf("%d count as hostile", f.Malformed)
	}
}

// TestGreedyPeers ask without end: of those who do not read the answers, and of those who have
// more and more queues, none is listened to for ever.
func TestGreedyPeers(t *testing.T) {
	dir := tempDir(t)
	a := open(t, unix.Config{Dir: dir, Node: "a"})
	for i, greedy := range []struct {
		reads bool
		ask   func(n int) []byte
	}{
		{false, func(int) []byte { return unix.Ping() }},
		{false, func(int) []byte { return unix.Offer(1) }},
		{true, func(n int) []byte { return unix.Offer(uint64(n)) }},
	} {
		c := dial(t, dir, "a-0")
		if _, err := c.Write(unix.Greeting("greedy", fmt.Sprint("e", i))); err != nil {
			t.Fatal(err)
		}
		if greedy.reads {
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
		var b []byte
		err, n := error(nil), 0
		for ; n < 4_000_000 && err == nil; n++ {
			if b = append(b, greedy.ask(n)...); len(b) > 64<<10 {
				_, err = c.Write(b)
				b = b[:0]
			}
		}
		if err == nil {
			t.Errorf("%d: it was listened to %d times", i, n)
		}
		until(t, "it is counted", func() bool { return a.Figures().Malformed == uint64(i+1) })
	}
}
