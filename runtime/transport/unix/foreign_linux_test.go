package unix_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir/sockdirtest"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// dialAs connects as another user, of another group.
func dialAs(t *testing.T, uid, gid int, path string) (c net.Conn, err error) {
	t.Helper()
	err = sockdirtest.As(t, uid, gid, func() (err error) {
		c, err = net.Dial("unix", path)
		return err
	})
	return c, err
}

// TestForeignUser has processes of three users connect.
func TestForeignUser(t *testing.T) {
	sockdirtest.NeedRoot(t)
	const friend, stranger = 12345, 23456
	dir := filepath.Join(tempDir(t), "shared")
	a := open(t, unix.Config{Dir: dir, Node: "a", AllowUsers: "12345"})
	if err := syscall.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a-0.sock")
	c, err := dialAs(t, stranger, stranger, path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write(unix.Greeting("b", "e"))
	ended(t, c)
	until(t, "it is counted", func() bool { return a.Figures().Foreign == 1 })
	if a.Peers() != 0 {
		t.Error("a stranger is connected")
	}
	c, err = dialAs(t, friend, friend, path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(unix.Greeting("b", "e")); err != nil {
		t.Fatal(err)
	}
	until(t, "a friend is connected", func() bool { return a.Peers() == 1 })
}

// TestForeignGroup has processes of two groups connect. The system keeps out who is not of the
// group; where somebody has opened the directory and the socket to all, the transport does.
func TestForeignGroup(t *testing.T) {
	sockdirtest.NeedRoot(t)
	const group, friend, stranger = 34567, 12345, 23456
	dir := filepath.Join(tempDir(t), "shared")
	a := open(t, unix.Config{Dir: dir, Node: "a", AllowGroup: strconv.Itoa(group)})
	path := filepath.Join(dir, "a-0.sock")
	for file, mode := range map[string]os.FileMode{dir: 0o770, path: 0o660} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != mode || st.Gid != group {
			t.Errorf("%s is of group %d, and has the mode %o", file, st.Gid, info.Mode().Perm())
		}
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := dialAs(t, stranger, stranger, path); !errors.Is(err, syscall.EACCES) {
		t.Errorf("a stranger connects: %v", err)
	}
	c, err := dialAs(t, friend, group, path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(unix.Greeting("b", "e")); err != nil {
		t.Fatal(err)
	}
	until(t, "who is of the group is connected", func() bool { return a.Peers() == 1 })
	if err := errors.Join(os.Chmod(dir, 0o777), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	if c, err = dialAs(t, stranger, stranger, path); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write(unix.Greeting("c", "e"))
	ended(t, c)
	until(t, "it is counted", func() bool { return a.Figures().Foreign == 1 })
	if a.Peers() != 1 {
		t.Errorf("%d are connected", a.Peers())
	}
}

// TestForeignListener has others be quicker to make a node's socket, in a directory that
// several users share: nobody tells a stranger anything.
func TestForeignListener(t *testing.T) {
	sockdirtest.NeedRoot(t)
	const friend, stranger = 12345, 23456
	dir := filepath.Join(tempDir(t), "shared")
	a := open(t, unix.Config{Dir: dir, Node: "a", AllowUsers: "12345"})
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for uid, heard := range map[int]bool{stranger: false, friend: true} {
		var l net.Listener
		err := sockdirtest.As(t, uid, uid, func() (err error) {
			l, err = net.Listen("unix", filepath.Join(dir, fmt.Sprintf("b-%d.sock", uid)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		n, err := c.Read(make([]byte, 1))
		if n > 0 != heard {
			t.Errorf("user %d, who listens, hears %d bytes, %v", uid, n, err)
		}
	}
	if n := a.Figures().Foreign; n == 0 {
		t.Error("no stranger is counted")
	}
}

// TestNoDescriptors has a process run out of descriptors, and go on when there are some.
func TestNoDescriptors(t *testing.T) {
	dir := tempDir(t)
	a := open(t, unix.Config{Dir: dir, Node: "a"})
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	var got box
	subscribe(t, a, transport.SubscribeRequest{Receive: got.receive})
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 60, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	var all []net.Conn
	for {
		c, err := net.Dial("unix", filepath.Join(dir, "a-0.sock"))
		if err != nil {
			break
		}
		all = append(all, c)
	}
	_, err := unix.New(t.Context(), unix.Config{Dir: dir, Node: "b"})
	if err == nil {
		t.Error("there was a descriptor for a socket")
	}
	for _, c := range all {
		_ = c.Close()
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	publish(t, open(t, unix.Config{Dir: dir, Node: "b"}), message(0))
	inOrder(t, got.wait(t, 1), 1)
}
