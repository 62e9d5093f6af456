//go:build linux || darwin

package unix

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// listen makes the socket: in a safe directory, under a lock that shows that the process
// lives. What another process has left there is taken over.
func (t *Transport) listen() error {
	path := t.socketOf(t.name)
	if err := checkPath(path); err != nil {
		return err
	}
	if err := t.access.prepare(t.dir); err != nil {
		return err
	}
	_, mode := t.access.modes()
	lock, err := lockFile(filepath.Join(t.dir, t.name+".lock"), mode)
	if err != nil {
		return err
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
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = c.Close()
		return fmt.Errorf("%w: somebody answers at %s", ErrInUse, path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unix: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return fmt.Errorf("unix: %w", err)
	}
	l.SetUnlinkOnClose(false) // another process's may be there by then
	_, mode := t.access.modes()
	err = os.Chmod(path, mode)
	if err == nil && t.access.gid >= 0 {
		err = os.Chown(path, -1, t.access.gid)
	}
	info, statErr := os.Lstat(path)
	if err = errors.Join(err, statErr); err != nil {
		_ = l.Close()
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
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leaving || t.mine() {
		return
	}
	old := t.listener
	if err := t.bind(t.socketOf(t.name)); err != nil {
		t.onError(err)
		return
	}
	t.running.Go(t.accept)
	_ = old.Close()
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
