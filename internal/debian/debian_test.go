package debian_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/internal/debian"
)

// TestSuite runs a program of another release of Debian, with that one's C library. It is a part
// of make rabbit4, which needs the same: the lists of all packages are long.
func TestSuite(t *testing.T) {
	suite := os.Getenv("XSGEN_RABBITMQ_SUITE")
	if suite == "" {
		return
	}
	for range 2 { // the second time it is there
		root, err := debian.FetchSuite(t.Context(), suite, "hello")
		if err != nil {
			t.Fatal(err)
		}
		program, err := root.Wrap(t.TempDir(), root.Path("usr/bin/hello"))
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(program, "-g", "two words").CombinedOutput(); err != nil || string(out) != "two words\n" {
			t.Errorf("%q, %v", out, err)
		}
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if _, err := debian.FetchSuite(t.Context(), "nosuch", "hello"); !errors.Is(err, debian.ErrUnavailable) {
		t.Errorf("a release that there is not: %v", err)
	}
}

// TestUnpack gets a small library of Python's, several times at once, into an empty
// cache, and runs Python with it.
func TestUnpack(t *testing.T) {
	warm := debian.Unpack(t, "python3-msgpack") // or the test is skipped
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var all sync.WaitGroup
	roots := make([]debian.Root, 3)
	for i := range roots {
		all.Go(func() {
			r, err := debian.Fetch(t.Context(), "python3-msgpack")
			if err != nil {
				t.Error(err)
			}
			roots[i] = r
		})
	}
	all.Wait()
	if roots[0] != roots[1] || roots[1] != roots[2] || filepath.Base(roots[0].Dir) != filepath.Base(warm.Dir) {
		t.Fatalf("%v are not one, as %v", roots, warm)
	}
	cmd, err := roots[0].Command(t.Context(), "python3", "-c", "import msgpack; print(msgpack.packb({'a': 1}).hex())")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "81a16101" {
		t.Errorf("%s, %v", out, err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(roots[0].Dir), "unpacking-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left", left, err)
	}
	if _, err := os.Stat(roots[0].Path("usr/lib/python3/dist-packages/msgpack")); err != nil {
		t.Error(err)
	}
}

func TestUnavailable(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := debian.Fetch(context.Background(), "python3-msgpack"); !errors.Is(err, debian.ErrUnavailable) {
		t.Errorf("without apt-get: %v", err)
	}
	if _, err := (debian.Root{Dir: t.TempDir()}).Find("no-such-program"); err == nil {
		t.Error("a program was found that there is not")
	}
}

// TestEnv has what is unpacked come before the system's, and what is not there not at all.
func TestEnv(t *testing.T) {
	t.Setenv("PATH", "/old")
	r := debian.Root{Dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(r.Dir, "usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := "PATH=" + filepath.Join(r.Dir, "usr/bin") + ":/old"
	if got := r.Env()[0]; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
