package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// FileStore is a Store in a directory: a file for each instance, which survives
// the process and, as far as the disk keeps its word, the machine. A file is
// replaced as a whole, under a lock that a process loses when it ends; so several
// processes of one host may use a directory, where the system has such locks
// (BSDs, Linux, macOS; elsewhere only one process may).
type FileStore struct {
	dir    string
	shards [256]shard
}

// shard is one of the directories that the files are spread over, by a hash of the
// key. In it are the files, "lock", and "new", which is the file that is being
// written or was when a process ended.
type shard struct {
	mu      sync.Mutex
	settled atomic.Bool // what a process before this one has left is on the disk
}

// NewFileStore returns a FileStore in dir, which it makes.
func NewFileStore(dir string) (*FileStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &FileStore{dir: dir}, nil
}

// maxFileKey is the length up to which keys stand in the names of files.
const maxFileKey = 180

// place is where the record of a key is.
type place struct {
	*shard
	root, dir, name string
}

func (s *FileStore) place(key string) place {
	sum := sha256.Sum256([]byte(key))
	name := "k" + escaped(key)
	if len(name) > maxFileKey {
		name = "h" + hex.EncodeToString(sum[:])
	}
	return place{&s.shards[sum[0]], s.dir, filepath.Join(s.dir, hex.EncodeToString(sum[:1])), name}
}

func (p place) file() string { return filepath.Join(p.dir, p.name) }

// escaped is key as a part of a file's name, in one case only: some file systems
// do not tell them apart.
func escaped(key string) string {
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// Load implements Store.
func (s *FileStore) Load(ctx context.Context, key string) (*Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := s.place(key)
	if err := p.settle(); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(p.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	stored, r, err := parseRecord(data)
	if err == nil && stored != key {
		err = errDamaged
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSnapshot, p.file(), err)
	}
	return r, nil
}

// settle makes what a process has left that ended before this one last: what is
// read may be published, and must not be undone by the machine's end.
func (p place) settle() error {
	if p.settled.Load() {
		return nil
	}
	if err := syncDir(p.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := syncDir(p.root); err != nil {
		return err
	}
	p.settled.Store(true)
	return nil
}

// locked calls f with the revision that is stored, 0 if there is none; nobody else
// saves meanwhile.
func (p place) locked(f func(revision uint64) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.makeDir(); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(p.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() //nolint:errcheck // nothing was written; this gives the lock back
	if err := lockFile(lock); err != nil {
		return err
	}
	revision, err := storedRevision(p.file())
	if err != nil {
		return err
	}
	return f(revision)
}

// makeDir makes the directory, for good.
func (p place) makeDir() error {
	err := os.Mkdir(p.dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return p.settle()
	}
	if err != nil {
		return err
	}
	return syncDir(p.root)
}

// storedRevision is the revision of a record in a file, 0 if there is none.
func storedRevision(name string) (uint64, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	var head [recordHead]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrSnapshot, name, errDamaged)
	}
	revision, err := parseHead(head[:])
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrSnapshot, name, err)
	}
	return revision, nil
}

// Save implements Store.
func (s *FileStore) Save(ctx context.Context, key string, previous uint64, r *Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := s.place(key)
	return p.locked(func(revision uint64) error {
		if revision != previous {
			return ErrConflict
		}
		return p.replace(appendRecord(nil, key, r))
	})
}

// replace puts a file with the given content in the place of the present one, on
// the disk before it returns.
func (p place) replace(data []byte) error {
	next := filepath.Join(p.dir, "new")
	if err := writeFile(next, data); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	if err := os.Rename(next, p.file()); err != nil {
		return err
	}
	return syncDir(p.dir)
}

// writeFile writes a file whose content is on the disk when it returns.
func writeFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the names in a directory last.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synchronised there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Delete implements Store.
func (s *FileStore) Delete(ctx context.Context, key string, previous uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := s.place(key)
	return p.locked(func(revision uint64) error {
		if revision == 0 || revision != previous {
			return ErrConflict
		}
		if err := os.Remove(p.file()); err != nil {
			return err
		}
		return syncDir(p.dir)
	})
}

// All implements Store.
func (s *FileStore) All(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range s.shards {
			if !listShard(ctx, filepath.Join(s.dir, hex.EncodeToString([]byte{byte(i)})), yield) {
				return
			}
		}
	}
}

// listShard yields the keys of one directory.
func listShard(ctx context.Context, dir string, yield func(string, error) bool) bool {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return yield("", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			yield("", err)
			return false
		}
		key, err := keyOf(dir, e.Name())
		if key == "" && err == nil || errors.Is(err, fs.ErrNotExist) {
			continue // it is not a record, or none any more
		}
		if !yield(key, err) {
			return false
		}
	}
	return true
}

// keyOf is the key of a file, empty if it is not a record's.
func keyOf(dir, name string) (string, error) {
	switch name[0] {
	case 'k':
		return url.PathUnescape(name[1:])
	case 'h':
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		key, _, err := parseRecord(data)
		if err != nil {
			err = fmt.Errorf("%w: %s: %w", ErrSnapshot, filepath.Join(dir, name), err)
		}
		return key, err
	}
	return "", nil
}
