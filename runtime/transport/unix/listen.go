//go:build linux || darwin

package unix

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir"
)

// Errors of New and Open.
var (
	// ErrInUse is returned where another process of the same name has the socket.
	ErrInUse = sockdir.ErrInUse
	// ErrUnsafe is returned for a directory in which others could put sockets of theirs.
	ErrUnsafe = sockdir.ErrUnsafe
	// ErrPathTooLong is returned for a directory whose sockets' paths the system cannot have.
	ErrPathTooLong = sockdir.ErrPathTooLong
)

// listen makes the socket: in a safe directory, under a lock that shows that the process
// lives. What another process has left there is taken over.
func (t *Transport) listen() error {
	path := t.socketOf(t.name)
	if err := sockdir.CheckPath(path); err != nil {
		return fmt.Errorf("unix: %w", err)
	}
	if err := t.access.Prepare(t.dir); err != nil {
		return fmt.Errorf("unix: %w", err)
	}
	_, mode := t.access.Modes()
	lock, err := sockdir.Lock(filepath.Join(t.dir, t.name+".lock"), mode)
	if err != nil {
		return fmt.Errorf("unix: %w", err)
	}
	if err := t.bind(path); err != nil {
		_ = lock.Close()
		return err
	}
	t.lock = lock
	return nil
}

// bind makes the socket in place of one that nobody answers at.
func (t *Transport) bind(path string) error {
	l, info, err := t.access.Listen(path)
	if err != nil {
		return fmt.Errorf("unix: %w", err)
	}
	t.listener, t.socket = l, info
	return nil
}

// mine reports whether the socket is still where it was made.
func (t *Transport) mine() bool {
	info, err := os.Lstat(t.socketOf(t.name))
	return err == nil && os.SameFile(info, t.socket)
}

// relisten makes the socket again if somebody has removed it.
func (t *Transport) relisten() {
	if err := t.bindAgain(); err != nil {
		t.onError(err)
	}
}

func (t *Transport) bindAgain() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leaving || t.mine() {
		return nil
	}
	old := t.listener
	if err := t.bind(t.socketOf(t.name)); err != nil {
		return err
	}
	t.running.Go(t.accept)
	_ = old.Close()
	return nil
}

// unlisten ends listening, and removes the socket.
func (t *Transport) unlisten() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mine() {
		_ = os.Remove(t.socketOf(t.name))
	}
	_ = t.listener.Close()
}

// maxSilent is how many connections may be open that have not said who they are.
const maxSilent = 256

// accept takes connections until the listener is closed. One that says nothing holds up
// nobody.
func (t *Transport) accept() {
	t.mu.Lock()
	l := t.listener
	t.mu.Unlock()
	silent := make(chan struct{}, maxSilent)
	wait := time.Duration(0)
	for {
		sock, err := l.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // such as that there are no descriptors left
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			t.pause(wait)
			continue
		}
		wait = 0
		select {
		case silent <- struct{}{}:
		default:
			_ = sock.Close() // it may try again
			continue
		}
		t.running.Go(func() { t.take(sock, silent) })
	}
}

// take greets a connection and serves it until it ends.
func (t *Transport) take(sock *net.UnixConn, silent <-chan struct{}) {
	defer sock.Close()
	p, err := t.answer(sock)
	<-silent
	if err == nil && p != nil {
		err = t.establish(sock, p)
	}
	t.note(err)
}

// pause waits, but not beyond the end.
func (t *Transport) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.ctx.Done():
	}
}
