package sockdir_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir"
	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir/sockdirtest"
)

const group, friend, stranger = 34567, 12345, 23456 // ids that nobody has

// alone, friendly and grouped are ways to share a directory: not at all, with a user, and with
// a group.
func alone(t *testing.T) *sockdir.Access    { return access(t, "", "") }
func friendly(t *testing.T) *sockdir.Access { return access(t, "12345", "") }
func grouped(t *testing.T) *sockdir.Access  { return access(t, "", "34567") }

func access(t *testing.T, users, group string) *sockdir.Access {
	t.Helper()
	a, err := sockdir.ParseAccess(users, group)
	if err != nil {
		t.Fatal(err)
	}
	return &a
}

// place is a directory of somebody's, with a mode, in another one.
func place(t *testing.T, in string, uid, gid int, mode fs.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp(in, "d")
	if err = errors.Join(err, os.Chown(dir, uid, gid), os.Chmod(dir, mode)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDirectories has directories of all kinds of people, some of which others could do
// something in.
func TestDirectories(t *testing.T) {
	sockdirtest.NeedRoot(t)
	base := t.TempDir()
	everybodys := place(t, base, 0, 0, 0o777|fs.ModeSticky)
	for what, tt := range map[string]struct {
		access func(*testing.T) *sockdir.Access
		dir    string
		safe   bool
	}{
		"one's own":                             {alone, place(t, base, 0, 0, 0o700), true},
		"one's own that others may read":        {alone, place(t, base, 0, 0, 0o755), false},
		"a stranger's":                          {alone, place(t, base, stranger, stranger, 0o700), false},
		"a friend's, without being his friend":  {alone, place(t, base, friend, friend, 0o700), false},
		"a friend's":                            {friendly, place(t, base, friend, friend, 0o777|fs.ModeSticky), true},
		"a friend's, where files can be taken":  {friendly, place(t, base, friend, friend, 0o777), false},
		"a stranger's that friends share":       {friendly, place(t, base, stranger, stranger, 0o777|fs.ModeSticky), false},
		"a group's":                             {grouped, place(t, base, 0, group, 0o770|fs.ModeSticky), true},
		"another group's":                       {grouped, place(t, base, 0, stranger, 0o770|fs.ModeSticky), false},
		"a group's that everybody may write to": {grouped, place(t, base, 0, group, 0o777|fs.ModeSticky), false},
		"below one's own in everybody's":        {alone, place(t, place(t, everybodys, 0, 0, 0o755), 0, 0, 0o700), true},
		"below a stranger's in everybody's":     {alone, place(t, place(t, everybodys, stranger, stranger, 0o755), 0, 0, 0o700), false},
		"where everybody may rename":            {alone, place(t, place(t, base, 0, 0, 0o777), 0, 0, 0o700), false},
	} {
		err := tt.access(t).Prepare(tt.dir)
		if safe := err == nil; safe != tt.safe || !safe && !errors.Is(err, sockdir.ErrUnsafe) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestGroupsDirectory was made by another member of the group, who was the first to start.
func TestGroupsDirectory(t *testing.T) {
	sockdirtest.NeedRoot(t)
	member, err := user.Lookup("nobody") // whose group is in the system's lists, which are asked
	if err != nil {
		t.Skip(err)
	}
	uid, uidErr := strconv.Atoi(member.Uid)
	gid, gidErr := strconv.Atoi(member.Gid)
	if err := errors.Join(uidErr, gidErr); err != nil {
		t.Fatal(err)
	}
	dir := place(t, t.TempDir(), uid, gid, 0o770|fs.ModeSticky)
	if err := access(t, "", member.Gid).Prepare(dir); err != nil {
		t.Error(err)
	}
	if err := access(t, member.Uid, "").Prepare(place(t, t.TempDir(), uid, gid, 0o700)); err != nil {
		t.Error(err)
	}
	if err := grouped(t).Prepare(dir); !errors.Is(err, sockdir.ErrUnsafe) {
		t.Errorf("it is another group's, and %v", err)
	}
}

// TestModes are those of a directory that is made, and of a socket in it.
func TestModes(t *testing.T) {
	sockdirtest.NeedRoot(t)
	for what, tt := range map[string]struct {
		access      func(*testing.T) *sockdir.Access
		dir, socket fs.FileMode
	}{
		"alone": {alone, 0o700, 0o600}, "with users": {friendly, 0o777 | fs.ModeSticky, 0o666}, "with a group": {grouped, 0o770 | fs.ModeSticky, 0o660},
	} {
		dir := filepath.Join(t.TempDir(), "new")
		s, err := sockdir.Bind(dir, "a-0", tt.access(t))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]fs.FileMode{dir: fs.ModeDir | tt.dir, s.Path(): fs.ModeSocket | tt.socket} {
			if info, err := os.Lstat(name); err != nil || info.Mode() != want {
				t.Errorf("%s: %s has the mode %v, want %v; %v", what, name, info.Mode(), want, err)
			}
		}
		s.Close()
		if _, err := os.Lstat(s.Path()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the socket is still there: %v", what, err)
		}
	}
}

// TestSocket has a socket that a dead process has left be taken over, one at which somebody
// answers not, and one that was removed be made again.
func TestSocket(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	a := alone(t)
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "a-0.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sockdir.Bind(dir, "a-0", a); !errors.Is(err, sockdir.ErrInUse) {
		t.Errorf("somebody answers at it, and holds no lock: %v", err)
	}
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	s, err := sockdir.Bind(dir, "a-0", a)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := sockdir.Bind(dir, "a-0", a); !errors.Is(err, sockdir.ErrInUse) {
		t.Errorf("it is there already: %v", err)
	}
	came := make(chan error, 1)
	go func() {
		c, err := s.Accept()
		if err == nil {
			err = c.Close()
		}
		came <- err
	}()
	if err := errors.Join(os.Remove(s.Path()), s.Mend()); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := <-came; err != nil {
		t.Errorf("who waited for a connection before: %v", err)
	}
}

// TestClosed ends Accept, and leaves a socket of others where it is.
func TestClosed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := sockdir.Bind(dir, "a-0", alone(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Path()); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s.Close()
	s.Close()
	if _, err := s.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepting after Close: %v", err)
	}
	if _, err := os.Lstat(s.Path()); err != nil {
		t.Errorf("another process's socket was removed: %v", err)
	}
	if err := s.Mend(); err != nil {
		t.Errorf("mending after Close: %v", err)
	}
}
