package zeromq_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir"
	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir/sockdirtest"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

const group, friend, stranger = 34567, 12345, 23456 // ids that nobody has

// shared is a directory that is shared, with a node in it, and who the node has refused.
func shared(t *testing.T, c zeromq.Config) (dir string, refused <-chan error) {
	t.Helper()
	sockdirtest.NeedRoot(t)
	c.Dir = filepath.Join(shortDir(t), "shared")
	list := make(chan error, 100)
	c.Node, c.OnError = "web", func(err error) {
		if errors.Is(err, sockdir.ErrForeign) {
			list <- err
		}
	}
	openNode(t, c)
	if err := os.Chmod(filepath.Dir(c.Dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return c.Dir, list
}

// told waits until the node has told of a stranger.
func told(t *testing.T, refused <-chan error) {
	t.Helper()
	select {
	case <-refused:
	case <-time.After(time.Minute):
		t.Error("nobody is told of a stranger")
	}
}

// greets reports whether the other side of a connection greets, rather than ends it.
func greets(t *testing.T, c net.Conn) bool {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	n, err := c.Read(make([]byte, 64))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("nothing has become of a connection")
	}
	return n > 0
}

// connects has somebody connect, and reports whether the node greets him.
func connects(t *testing.T, uid, gid int, path string) (greeted bool, err error) {
	t.Helper()
	var c net.Conn
	err = sockdirtest.As(t, uid, gid, func() (err error) {
		c, err = net.Dial("unix", path)
		return err
	})
	if err != nil {
		return false, err
	}
	defer c.Close()
	return greets(t, c), nil
}

// TestForeignUser has processes of other users connect, and listen where a node of the
// program would: who is not allowed is told nothing, and the node's program is told of them.
func TestForeignUser(t *testing.T) {
	dir, refused := shared(t, zeromq.Config{AllowUsers: strconv.Itoa(friend)})
	for uid, want := range map[int]bool{friend: true, stranger: false} {
		if got, err := connects(t, uid, uid, filepath.Join(dir, "web-0.sock")); got != want || err != nil {
			t.Errorf("user %d connects, and is greeted: %v, %v", uid, got, err)
		}
	}
	told(t, refused)
	for uid, want := range map[int]bool{friend: true, stranger: false} {
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
		if got := greets(t, c); got != want {
			t.Errorf("user %d listens, and is greeted: %v", uid, got)
		}
	}
	told(t, refused)
}

// TestForeignGroup has a group take part: the system keeps out who is not of it, and where
// somebody has opened everything to all, the node does.
func TestForeignGroup(t *testing.T) {
	dir, refused := shared(t, zeromq.Config{AllowGroup: strconv.Itoa(group)})
	path := filepath.Join(dir, "web-0.sock")
	if _, err := connects(t, stranger, stranger, path); !errors.Is(err, syscall.EACCES) {
		t.Errorf("a stranger connects: %v", err)
	}
	if greeted, err := connects(t, friend, group, path); !greeted || err != nil {
		t.Errorf("who is of the group is greeted: %v, %v", greeted, err)
	}
	if err := errors.Join(os.Chmod(dir, 0o777|os.ModeSticky), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	if greeted, err := connects(t, stranger, stranger, path); greeted || err != nil {
		t.Errorf("a stranger is greeted: %v, %v", greeted, err)
	}
	told(t, refused)
}
