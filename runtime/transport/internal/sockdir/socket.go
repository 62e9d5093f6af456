//go:build linux || darwin

package sockdir

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Socket is a socket in a directory, bound under a lock that its process holds for as long
// as it lives.
type Socket struct {
	access *Access
	path   string
	lock   *os.File

	mu   sync.Mutex
	l    *net.UnixListener
	made fs.FileInfo
	over bool
}

// Bind makes the socket dir/name.sock, in a directory that is made or found safe. One that
// another process has left there, and at which nobody answers, is taken over.
func Bind(dir, name string, access *Access) (*Socket, error) {
	s := &Socket{access: access, path: filepath.Join(dir, name+".sock")}
	if err := CheckPath(s.path); err != nil {
		return nil, err
	}
	if err := access.Prepare(dir); err != nil {
		return nil, err
	}
	_, mode := access.Modes()
	lock, err := Lock(filepath.Join(dir, name+".lock"), mode)
	if err != nil {
		return nil, err
	}
	s.lock = lock
	if err := s.bind(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return s, nil
}

// Path is where the socket is.
func (s *Socket) Path() string { return s.path }

// bind makes the socket in place of one that nobody answers at.
func (s *Socket) bind() error {
	l, made, err := s.access.Listen(s.path)
	if err != nil {
		return err
	}
	s.l, s.made = l, made
	return nil
}

// Listen makes a socket in place of one that nobody answers at, and says which file it is.
func (a *Access) Listen(path string) (*net.UnixListener, fs.FileInfo, error) {
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = c.Close()
		return nil, nil, fmt.Errorf("%w: somebody answers at %s", ErrInUse, path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, nil, err
	}
	l.SetUnlinkOnClose(false) // another process's may be there by then
	_, mode := a.Modes()
	err = os.Chmod(path, mode)
	if err == nil && a.gid >= 0 {
		err = os.Chown(path, -1, a.gid)
	}
	info, statErr := os.Lstat(path)
	if err = errors.Join(err, statErr); err != nil {
		_ = l.Close()
		return nil, nil, err
	}
	return l, info, nil
}

// mine reports whether the socket is still where it was made.
func (s *Socket) mine() bool {
	info, err := os.Lstat(s.path)
	return err == nil && os.SameFile(info, s.made)
}

// Mend makes the socket again if somebody has removed it. Accept goes on with the new one.
func (s *Socket) Mend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.mine() {
		return nil
	}
	old := s.l
	err := s.bind()
	if err == nil {
		_ = old.Close()
	}
	return err
}

// Accept waits for a connection of somebody who is allowed to connect; others are closed.
// Its error wraps net.ErrClosed after Close.
func (s *Socket) Accept() (net.Conn, error) {
	for {
		s.mu.Lock()
		l := s.l
		s.mu.Unlock()
		c, err := l.AcceptUnix()
		if err != nil {
			if errors.Is(err, net.ErrClosed) && s.mended(l) {
				continue
			}
			return nil, err
		}
		if err := s.access.Vet(c); err != nil {
			_ = c.Close()
			return nil, err
		}
		return c, nil
	}
}

// mended reports whether there is another listener by now.
func (s *Socket) mended(l *net.UnixListener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.l != l && !s.over
}

// Close ends listening, removes the socket, and gives the lock back.
func (s *Socket) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	if s.mine() {
		_ = os.Remove(s.path)
	}
	_ = s.l.Close()
	_ = s.lock.Close()
}
