// Package debian gets Debian packages for tests and benchmarks that have another
// program as their peer, such as a broker or a Python with a library. It needs no root
// and changes nothing of the system: what the machine lacks of a package and all that it
// depends on is downloaded with apt-get and unpacked, not installed, into a directory of
// the user's cache. Scripts that a package runs when it is installed are not run.
package debian

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// ErrUnavailable is wrapped by Fetch's error where packages cannot be had.
var ErrUnavailable = errors.New("debian: the packages cannot be had")

// Root is a directory in which packages are unpacked, as the system's root. It holds
// only what the system lacks; Command and Find look at both.
type Root struct{ Dir string }

// Unpack is Fetch for a test. Where packages cannot be had the test is skipped, unless
// the environment has CI=true: then it fails.
func Unpack(tb testing.TB, packages ...string) Root {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	r, err := Fetch(ctx, packages...)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		tb.Fatal(err)
	default:
		tb.Skip(err)
	}
	return r
}

// Fetch returns a Root with packages and all that they depend on. The first time they
// are downloaded; then they are found in the user's cache. Several processes may
// call it at once: one does the work, the others wait for it.
func Fetch(ctx context.Context, packages ...string) (Root, error) {
	r, err := fetch(ctx, packages)
	if err != nil {
		return Root{}, fmt.Errorf("%w: %s: %w", ErrUnavailable, strings.Join(packages, ", "), err)
	}
	return r, nil
}

func fetch(ctx context.Context, packages []string) (Root, error) {
	for _, tool := range []string{"apt-get", "dpkg"} {
		if _, err := exec.LookPath(tool); err != nil {
			return Root{}, err
		}
	}
	c, err := openCache()
	if err != nil {
		return Root{}, err
	}
	r, err := c.root(ctx, apt{}, packages)
	if err == nil {
		return r, nil
	}
	// The system's lists may be missing, or tell of what is there no more.
	own := cache{filepath.Join(c.dir, "system")}
	a, errOwn := own.update(ctx, nil)
	if errOwn != nil {
		return Root{}, errors.Join(err, errOwn)
	}
	return c.root(ctx, a, packages)
}

// cache is a directory for what was unpacked: one for each set of packages.
type cache struct{ dir string }

func openCache() (cache, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return cache{}, err
	}
	dir := filepath.Join(base, "xsgen", "debian")
	return cache{dir}, os.MkdirAll(dir, 0o755)
}

// root returns the directory of packages and all that they depend on.
func (c cache) root(ctx context.Context, a apt, packages []string) (Root, error) {
	debs, err := a.missing(ctx, packages)
	if err != nil {
		return Root{}, err
	}
	return c.unpacked(ctx, a, debs)
}

// unpacked returns the directory of packages, and makes it if there is none. A
// directory that is there is complete, since it gets its name at the end.
func (c cache) unpacked(ctx context.Context, a apt, debs []string) (Root, error) {
	sum := sha256.Sum256([]byte(strings.Join(debs, "\n")))
	r := Root{filepath.Join(c.dir, fmt.Sprintf("%x", sum[:8]))}
	unlock, err := lock(filepath.Join(c.dir, "lock"))
	if err != nil {
		return Root{}, err
	}
	defer unlock()
	if _, err := os.Stat(r.Dir); !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	work, err := os.MkdirTemp(c.dir, "unpacking-")
	if err != nil {
		return Root{}, err
	}
	defer os.RemoveAll(work)
	root := filepath.Join(work, "root")
	if err := a.unpack(ctx, debs, work, root); err != nil {
		return Root{}, err
	}
	return r, os.Rename(root, r.Dir)
}

// own is an apt-get with lists and archives in the cache, for a user may not change the system's.
func (c cache) own(more []string) apt {
	return apt{slices.Concat([]string{"-o", "Dir::State::Lists=" + filepath.Join(c.dir, "lists"), "-o", "Dir::Cache=" + filepath.Join(c.dir, "archives")}, more)}
}

// update gets the lists of packages of such an apt-get.
func (c cache) update(ctx context.Context, more []string) (apt, error) {
	for _, dir := range []string{"lists", "archives"} {
		if err := os.MkdirAll(filepath.Join(c.dir, dir, "partial"), 0o755); err != nil {
			return apt{}, err
		}
	}
	unlock, err := lock(filepath.Join(c.dir, "lock"))
	if err != nil {
		return apt{}, err
	}
	defer unlock()
	a := c.own(more)
	_, err = a.run(ctx, "", "update")
	return a, err
}

// apt is apt-get with some options.
type apt struct{ options []string }

func (a apt) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "apt-get", slices.Concat([]string{"-q"}, a.options, args)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C")
	return output(cmd)
}

// missing asks what would be installed, as name=version, sorted.
func (a apt) missing(ctx context.Context, packages []string) ([]string, error) {
	out, err := a.run(ctx, "", append([]string{"install", "-s", "--no-install-recommends"}, packages...)...)
	if err != nil {
		return nil, err
	}
	return parseInstall(out), nil
}

// parseInstall reads lines as "Inst name [old] (version origin [architecture])".
func parseInstall(out []byte) []string {
	var debs []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "Inst" {
			continue
		}
		if i := slices.IndexFunc(f, func(s string) bool { return s[0] == '(' }); i > 0 {
			debs = append(debs, f[1]+"="+f[i][1:])
		}
	}
	slices.Sort(debs)
	return debs
}

// unpack downloads packages to a directory, and unpacks them below root.
func (a apt) unpack(ctx context.Context, debs []string, dir, root string) error {
	if err := os.Mkdir(root, 0o755); err != nil || len(debs) == 0 {
		return err
	}
	if _, err := a.run(ctx, dir, append([]string{"download"}, debs...)...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err == nil && len(files) != len(debs) {
		err = fmt.Errorf("%d packages were downloaded, not %d", len(files), len(debs))
	}
	for _, f := range files {
		if err == nil {
			_, err = output(exec.CommandContext(ctx, "dpkg", "-x", f, root))
		}
	}
	return err
}

// output runs a command; what it says of its failure is in the error.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
