//go:build linux || darwin

package sockdir

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Access says who else may connect, beside the user of the process.
type Access struct {
	users map[uint32]bool
	gid   int // -1: no group
}

// ParseAccess reads the settings allow.users, names or numbers with commas between, and
// allow.group, one of them.
func ParseAccess(users, group string) (Access, error) {
	a := Access{users: map[uint32]bool{uint32(os.Getuid()): true}, gid: -1}
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
			return a, fmt.Errorf("allow.users: %w", err)
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
		return a, fmt.Errorf("allow.group: %w", err)
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
func (a *Access) alone() bool { return a.gid < 0 && len(a.users) == 1 }

// Modes are those of the directory and of the sockets. Whose process it is that connects
// is looked at besides.
func (a *Access) Modes() (dir, socket fs.FileMode) {
	switch {
	case a.alone():
		return 0o700, 0o600
	case len(a.users) == 1:
		return 0o770 | fs.ModeSticky, 0o660
	}
	return 0o777 | fs.ModeSticky, 0o666
}

// Allows reports whether a process of a user and group may be a peer.
func (a *Access) Allows(c Credentials) bool {
	return a.gid >= 0 && c.GID == uint32(a.gid) || a.trusts(c.UID)
}

// trusts reports whether a user takes part, by name or as a member of the group.
func (a *Access) trusts(uid uint32) bool {
	return a.users[uid] || a.gid >= 0 && inGroup(uid, a.gid)
}

// Vet looks at whose process is at the other end of a connection, be it one that has
// connected or one that listens: its error wraps ErrForeign for somebody who is not allowed.
func (a *Access) Vet(c *net.UnixConn) error {
	who, err := CredentialsOf(c)
	if err == nil && !a.Allows(who) {
		err = fmt.Errorf("%w: user %d at %s%s", ErrForeign, who.UID, strings.Trim(c.LocalAddr().String(), "@"), strings.Trim(c.RemoteAddr().String(), "@"))
	}
	return err
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

// Default is where the sockets of a topology are if nobody says.
func Default(topology string) string {
	if base := os.Getenv("XDG_RUNTIME_DIR"); base != "" {
		return filepath.Join(base, topology)
	}
	return filepath.Join(os.TempDir(), topology+"-"+strconv.Itoa(os.Getuid()))
}

// Prepare makes the directory if it is not there, and refuses one in which somebody who
// is not allowed could do something.
func (a *Access) Prepare(dir string) error {
	mode, _ := a.Modes()
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	err := os.Mkdir(dir, 0o700)
	if err == nil && !a.alone() {
		if a.gid >= 0 {
			err = os.Chown(dir, -1, a.gid)
		}
		err = errors.Join(err, os.Chmod(dir, mode))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	return errors.Join(a.check(dir, info), a.checkAbove(dir))
}

// checkAbove refuses a directory whose way leads through a place where everybody may make
// directories, such as the one for temporary files, and there through somebody else's: who has
// that one can put another directory in place of this one.
func (a *Access) checkAbove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	for err == nil && dir != filepath.Dir(dir) {
		var own, above fs.FileInfo
		if own, err = os.Lstat(dir); err != nil {
			break
		}
		dir = filepath.Dir(dir)
		if above, err = os.Lstat(dir); err != nil || above.Mode().Perm()&0o002 == 0 {
			continue
		}
		st, ok := own.Sys().(*syscall.Stat_t)
		switch {
		case above.Mode()&fs.ModeSticky == 0:
			return fmt.Errorf("%w: in %s everybody may put another directory in its place", ErrUnsafe, dir)
		case !ok || !a.trusts(st.Uid) && st.Uid != 0:
			return fmt.Errorf("%w: %s belongs to user %d", ErrUnsafe, filepath.Join(dir, own.Name()), st.Uid)
		}
	}
	return err
}

func (a *Access) check(dir string, info fs.FileInfo) error {
	mode, _ := a.Modes()
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir() || !ok:
		return fmt.Errorf("%w: %s is no directory", ErrUnsafe, dir)
	case !a.trusts(st.Uid) && (a.alone() || st.Uid != 0):
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

// CheckPath refuses a path that no socket can have.
func CheckPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("%w: %s has %d bytes, the most is %d: choose a shorter `dir`", ErrPathTooLong, path, len(path), maxPath)
	}
	return nil
}
