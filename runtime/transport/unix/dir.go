//go:build linux || darwin

package unix

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Errors of New and Open.
var (
	// ErrInUse is returned where another process of the same name has the socket.
	ErrInUse = errors.New("unix: another process has the socket")
	// ErrUnsafe is returned for a directory in which others could put sockets of theirs.
	ErrUnsafe = errors.New("unix: the directory of the sockets is not safe")
	// ErrPathTooLong is returned for a directory whose sockets' paths the system cannot have.
	ErrPathTooLong = errors.New("unix: the path of the socket is too long")
)

// access says who else may connect, beside the user of the process.
type access struct {
	users map[uint32]bool
	gid   int // -1: no group
}

// parseAccess reads the settings allow-users and allow-group: names or numbers.
func parseAccess(users, group string) (access, error) {
	a := access{users: map[uint32]bool{uint32(os.Getuid()): true}, gid: -1}
	for name := range strings.SplitSeq(users, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		uid, err := number(name, func() (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
		if err != nil {
			return a, fmt.Errorf("unix: allow-users: %w", err)
		}
		a.users[uint32(uid)] = true
	}
	if group == "" {
		return a, nil
	}
	var err error
	a.gid, err = number(group, func() (string, error) {
		g, err := user.LookupGroup(group)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	if err != nil {
		return a, fmt.Errorf("unix: allow-group: %w", err)
	}
	return a, nil
}

// number is the number that a name is, or that is looked up for it.
func number(name string, lookUp func() (string, error)) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	id, err := lookUp()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(id, 10, 31)
	return int(n), err
}

// alone reports whether nobody else may connect.
func (a *access) alone() bool { return a.gid < 0 && len(a.users) == 1 }

// modes are those of the directory and of the sockets. Whose process it is that connects
// is looked at besides.
func (a *access) modes() (dir, socket fs.FileMode) {
	switch {
	case a.alone():
		return 0o700, 0o600
	case len(a.users) == 1:
		return 0o770 | fs.ModeSticky, 0o660
	}
	return 0o777 | fs.ModeSticky, 0o666
}

// allows reports whether a process of a user and group may be a peer.
func (a *access) allows(c credentials) bool {
	return a.users[c.uid] || a.gid >= 0 && (c.gid == uint32(a.gid) || inGroup(c.uid, a.gid))
}

// inGroup reports whether a user is a member of a group by the system's lists.
func inGroup(uid uint32, gid int) bool {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return false
	}
	ids, err := u.GroupIds()
	if err != nil {
		return false
	}
	for _, id := range ids {
		if id == strconv.Itoa(gid) {
			return true
		}
	}
	return false
}

// directory is where the sockets of a topology are if nobody says.
func directory(topology string) string {
	if base := os.Getenv("XDG_RUNTIME_DIR"); base != "" {
		return filepath.Join(base, topology)
	}
	return filepath.Join(os.TempDir(), topology+"-"+strconv.Itoa(os.Getuid()))
}

// prepare makes the directory if it is not there, and refuses one in which somebody who
// is not allowed could do something.
func (a *access) prepare(dir string) error {
	mode, _ := a.modes()
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("unix: %w", err)
	}
	err := os.Mkdir(dir, 0o700)
	if err == nil && !a.alone() {
		if a.gid >= 0 {
			err = os.Chown(dir, -1, a.gid)
		}
		err = errors.Join(err, os.Chmod(dir, mode))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("unix: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("unix: %w", err)
	}
	return a.check(dir, info)
}

func (a *access) check(dir string, info fs.FileInfo) error {
	mode, _ := a.modes()
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir() || !ok:
		return fmt.Errorf("%w: %s is no directory", ErrUnsafe, dir)
	case !a.users[st.Uid] && (a.alone() || st.Uid != 0):
		return fmt.Errorf("%w: %s belongs to user %d", ErrUnsafe, dir, st.Uid)
	case info.Mode().Perm()&^mode.Perm() != 0:
		return fmt.Errorf("%w: %s has the mode %o; no more than %o is right for it", ErrUnsafe, dir, info.Mode().Perm(), mode.Perm())
	case info.Mode().Perm()&0o070 != 0 && len(a.users) == 1 && int(st.Gid) != a.gid:
		return fmt.Errorf("%w: %s is of group %d, not of %d", ErrUnsafe, dir, st.Gid, a.gid)
	case info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("%w: in %s everybody may remove the sockets of others (chmod +t)", ErrUnsafe, dir)
	}
	return nil
}

// maxPath is how long the path of a socket may be.
var maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

func checkPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("%w: %s has %d bytes, the most is %d: choose a shorter `dir`", ErrPathTooLong, path, len(path), maxPath)
	}
	return nil
}
