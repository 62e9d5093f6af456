package machine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// stores runs a test for each kind of store.
func stores(t *testing.T, f func(t *testing.T, s Store)) {
	t.Run("memory", func(t *testing.T) { f(t, NewMemoryStore()) })
	t.Run("files", func(t *testing.T) {
		f(t, fileStore(t, filepath.Join(t.TempDir(), "a", "b")))
	})
}

func fileStore(t *testing.T, dir string) *FileStore {
	t.Helper()
	s, err := NewFileStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keysOf(t *testing.T, s Store) []string {
	t.Helper()
	var keys []string
	for key, err := range s.All(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// TestStore: a record is replaced by who knows its revision, and by nobody else.
func TestStore(t *testing.T) {
	stores(t, func(t *testing.T, s Store) {
		ctx := t.Context()
		check := func(what string, err, want error) {
			t.Helper()
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s: %v, not %v", what, err, want)
			}
		}
		save := func(previous, revision uint64) error {
			return s.Save(ctx, "k", previous, &Record{Revision: revision, Snapshot: []byte(fmt.Sprint(revision))})
		}
		expect := func(revision uint64) {
			t.Helper()
			r, err := s.Load(ctx, "k")
			if err != nil || r.Revision != revision || string(r.Snapshot) != fmt.Sprint(revision) {
				t.Errorf("%v, %v; not revision %d", r, err, revision)
			}
		}
		_, err := s.Load(ctx, "k")
		check("load nothing", err, ErrNotFound)
		check("delete nothing", s.Delete(ctx, "k", 1), ErrConflict)
		check("delete nothing as nothing", s.Delete(ctx, "k", 0), ErrConflict)
		check("save on nothing", save(1, 2), ErrConflict)
		check("create", save(0, 10), nil)
		check("create again", save(0, 11), ErrConflict)
		expect(10)
		check("save", save(10, 11), nil)
		check("save again", save(10, 12), ErrConflict)
		check("save the future", save(12, 13), ErrConflict)
		check("save far", save(11, 1<<63), nil)
		expect(1 << 63)
		check("delete another", s.Delete(ctx, "k", 11), ErrConflict)
		expect(1 << 63)
		check("delete", s.Delete(ctx, "k", 1<<63), nil)
		check("delete again", s.Delete(ctx, "k", 1<<63), ErrConflict)
		_, err = s.Load(ctx, "k")
		check("load what is deleted", err, ErrNotFound)
		check("save what is deleted", save(1<<63, 1<<63+1), ErrConflict)
		check("create anew", save(0, 3), nil)
		expect(3)
		if keys := keysOf(t, s); !slices.Equal(keys, []string{"k"}) {
			t.Errorf("keys %q", keys)
		}
	})
}

// TestRecords: records come back as they were.
func TestRecords(t *testing.T) {
	at := time.Date(2026, 7, 8, 9, 10, 11, 12, time.UTC)
	stores(t, func(t *testing.T, s Store) {
		for i, r := range []Record{
			{},
			{Snapshot: []byte{0, 255}, Due: at, Handled: []string{"", "a", "\xff"}},
			{Finished: at, Outbox: []Message{{"id", "emit.x", []byte{1}}, {"", "", nil}}},
			{Due: time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC), Finished: time.Date(1600, 1, 1, 0, 0, 0, 1, time.UTC)},
			{Due: time.Unix(0, 0).UTC(), Snapshot: make([]byte, 1<<20)},
		} {
			r.Revision = uint64(i + 1)
			given := r
			if err := s.Save(t.Context(), fmt.Sprint(i), 0, &given); err != nil {
				t.Fatal(err)
			}
			got, err := s.Load(t.Context(), fmt.Sprint(i))
			if err != nil {
				t.Fatal(err)
			}
			empty := cmp.Transformer("empty", func(b []byte) string { return string(b) })
			if d := cmp.Diff(&r, got, empty); d != "" {
				t.Errorf("record %d:\n%s", i, d)
			}
			if len(got.Outbox) > 0 { // it is the caller's
				got.Outbox[0].ID, got.Outbox = "changed", got.Outbox[1:]
				if again, err := s.Load(t.Context(), fmt.Sprint(i)); err != nil || len(again.Outbox) != 2 || again.Outbox[0].ID != "id" {
					t.Errorf("%v, %v", again, err)
				}
			}
		}
	})
}

// TestKeys: any key is its own, whatever file systems make of names.
func TestKeys(t *testing.T) {
	keys := []string{"a", "A", "ä", "\xff", "..", "/", "a/b", `a\b`, "%41", "%", "con", "nul.txt", " ", "a ", "\x00", "a@1", "new", "lock",
		strings.Repeat("x", 179), strings.Repeat("x", 180), strings.Repeat("x", 181), strings.Repeat("x", 5000), strings.Repeat("x", 5000) + "y",
		strings.Repeat("ä", 60), strings.Repeat("ä", 61), strings.Repeat("Ä", 61)}
	stores(t, func(t *testing.T, s Store) {
		for i, k := range keys {
			if err := s.Save(t.Context(), k, 0, &Record{Revision: uint64(i + 1)}); err != nil {
				t.Fatalf("%.20q: %v", k, err)
			}
		}
		for i, k := range keys {
			if r, err := s.Load(t.Context(), k); err != nil || r.Revision != uint64(i+1) {
				t.Errorf("%.20q: %v, %v", k, r, err)
			}
		}
		if got := keysOf(t, s); !slices.Equal(got, slices.Sorted(slices.Values(keys))) {
			t.Errorf("keys %.20q", got)
		}
		n := 0
		for range s.All(t.Context()) {
			if n++; n == 3 {
				break
			}
		}
	})
}

// count adds one to a key's record, n times, among others who do.
func count(s Store, key string, n int) error {
	for n > 0 {
		var revision uint64
		sum := 0
		r, err := s.Load(context.Background(), key)
		if err == nil {
			revision = r.Revision
			sum, err = strconv.Atoi(string(r.Snapshot))
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		switch err := s.Save(context.Background(), key, revision, &Record{Revision: revision + 1, Snapshot: []byte(strconv.Itoa(sum + 1))}); {
		case err == nil:
			n--
		case !errors.Is(err, ErrConflict):
			return err
		}
	}
	return nil
}

func counted(t *testing.T, s Store, key string, want int) {
	t.Helper()
	if r, err := s.Load(t.Context(), key); err != nil || string(r.Snapshot) != strconv.Itoa(want) || r.Revision != uint64(want) {
		t.Errorf("%v, %v; not %d", r, err, want)
	}
}

// TestConcurrentSaves: of those who save on top of one revision one succeeds.
func TestConcurrentSaves(t *testing.T) {
	stores(t, func(t *testing.T, s Store) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if err := errors.Join(count(s, "a", 10), count(s, fmt.Sprint("k", i%4), 10)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		counted(t, s, "a", 80)
		counted(t, s, "k3", 20)
	})
}

// TestTwoProcesses is TestConcurrentSaves for processes that share a directory; it
// is also what they run.
func TestTwoProcesses(t *testing.T) {
	const variable = "XSGEN_STORE_DIR"
	if dir := os.Getenv(variable); dir != "" {
		if err := count(fileStore(t, dir), "a", 50); err != nil {
			t.Error(err)
		}
		return
	}
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestTwoProcesses$")
			cmd.Env = append(os.Environ(), variable+"="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	s := fileStore(t, dir)
	if err := count(s, "a", 50); err != nil {
		t.Error(err)
	}
	all.Wait()
	counted(t, s, "a", 150)
}

// file is the only record's file.
func file(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "[kh]*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	return files[0]
}

// TestLeftovers: what a process leaves that ends between two system calls neither
// counts nor is in the way. There is a moment after each: the directory, the lock,
// each byte of the new file, its name in the place of the old one.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := fileStore(t, dir)
	for revision := range uint64(2) {
		if err := s.Save(t.Context(), "k", revision, &Record{Revision: revision + 1, Snapshot: []byte{byte(revision)}}); err != nil {
			t.Fatal(err)
		}
	}
	name := file(t, dir)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	shard := filepath.Base(filepath.Dir(name))
	for n := -3; n <= len(data); n++ {
		dir := t.TempDir()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.WriteFile(filepath.Join(dir, "notes"), data, 0o600))
		must(os.Mkdir(filepath.Join(dir, "zz"), 0o700))
		if n >= -2 {
			must(os.Mkdir(filepath.Join(dir, shard), 0o700))
		}
		if n >= -1 {
			must(os.WriteFile(filepath.Join(dir, shard, "lock"), nil, 0o600))
		}
		if n >= 0 {
			must(os.WriteFile(filepath.Join(dir, shard, "new"), data[:n], 0o600))
		}
		s := fileStore(t, dir)
		if _, err := s.Load(t.Context(), "k"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%d: load %v", n, err)
		}
		if keys := keysOf(t, s); len(keys) > 0 {
			t.Errorf("%d: keys %q", n, keys)
		}
		must(s.Save(t.Context(), "k", 0, &Record{Revision: 7}))
		if r, err := s.Load(t.Context(), "k"); err != nil || r.Revision != 7 {
			t.Errorf("%d: %v, %v", n, r, err)
		}
		if rest, _ := filepath.Glob(filepath.Join(dir, shard, "*")); len(rest) != 2 {
			t.Errorf("%d: there are %q", n, rest)
		}
	}
}

// TestDamaged: a file that is not what was written is an error, however little of it
// has changed, and is not replaced by who takes it for nothing.
func TestDamaged(t *testing.T) {
	for _, key := range []string{"k", strings.Repeat("k", 300)} {
		dir := t.TempDir()
		s := fileStore(t, dir)
		if err := s.Save(t.Context(), key, 0, &Record{Revision: 9, Handled: []string{"a"}, Outbox: []Message{{"i", "n", []byte("p")}}}); err != nil {
			t.Fatal(err)
		}
		name := file(t, dir)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		try := func(what string, data []byte) {
			t.Helper()
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if r, err := s.Load(t.Context(), key); !errors.Is(err, ErrSnapshot) {
				t.Errorf("%s: %v, %v", what, r, err)
			}
			if err := s.Save(t.Context(), key, 0, &Record{Revision: 1}); !errors.Is(err, ErrConflict) && !errors.Is(err, ErrSnapshot) {
				t.Errorf("%s: save %v", what, err)
			}
		}
		for n := range data {
			try(fmt.Sprint("cut to ", n), data[:n])
			changed := slices.Clone(data)
			changed[n] ^= 0x10
			try(fmt.Sprint("changed at ", n), changed)
		}
		try("longer", append(slices.Clone(data), 0))
	}
}

// TestFileStoreErrors: what the system refuses is an error, not an empty store.
func TestFileStoreErrors(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewFileStore(plain); err == nil {
		t.Error("a file was taken for a directory")
	}
	s := fileStore(t, filepath.Join(dir, "store"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Load(ctx, "k")
	for _, err := range []error{err, s.Save(ctx, "k", 0, &Record{Revision: 1}), s.Delete(ctx, "k", 1)} {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if err := s.Save(t.Context(), "k", 0, &Record{Revision: 1}); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.All(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "store")); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), "k", 1, &Record{Revision: 2}); err == nil || errors.Is(err, ErrConflict) {
		t.Errorf("save: %v", err)
	}
}
