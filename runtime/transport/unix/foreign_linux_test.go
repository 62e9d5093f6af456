package unix_test

import (
	"net"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// dialAs connects as another user: the thread becomes one for as long as that takes.
func dialAs(t *testing.T, uid int, path string) (c net.Conn, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); e != 0 {
			err = e
			return
		}
		var fd int
		if fd, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0); err != nil {
			return
		}
		err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: path})
		if err == nil {
			c, err = connOf(fd)
		}
	}()
	<-done
	return c, err
}

// TestForeignUser has processes of three users connect.
func TestForeignUser(t *testing.T) {
	if syscall.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	const friend, stranger = 12345, 23456
	dir := filepath.Join(tempDir(t), "shared")
	a := open(t, unix.Config{Dir: dir, Node: "a", AllowUsers: "12345"})
	if err := syscall.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a-0.sock")
	c, err := dialAs(t, stranger, path)
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
	c, err = dialAs(t, friend, path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(unix.Greeting("b", "e")); err != nil {
		t.Fatal(err)
	}
	until(t, "a friend is connected", func() bool { return a.Peers() == 1 })
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
