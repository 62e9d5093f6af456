package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// FileStore is a Store in a directory: a file for each instance, which survives
// the process and, as far as the disk keeps its word, the machine. Several
// processes of one host may use a directory: a record's name ends in its revision,
// and a revision can be linked only once, so that of two who save the same one
// gets ErrConflict.
type FileStore struct{ dir string }

// NewFileStore returns a FileStore in dir, which it makes.
func NewFileStore(dir string) (*FileStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &FileStore{dir}, nil
}

// maxFileKey is the length up to which keys stand in the names of files.
const maxFileKey = 180

// place is the directory and the beginning of the name of key's files. Directories
// hold a part of the keys each, so that looking for a key's revisions is quick.
func (s *FileStore) place(key string) (dir, prefix string) {
	sum := sha256.Sum256([]byte(key))
	prefix = "k" + escaped(key)
	if len(prefix) > maxFileKey {
		prefix = "h" + hex.EncodeToString(sum[:])
	}
	return filepath.Join(s.dir, hex.EncodeToString(sum[:1])), prefix + "@"
}

// revisions are the revisions of which there is a file, in rising order.
func revisions(dir, prefix string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []uint64
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), prefix); ok {
			if n, err := strconv.ParseUint(text, 16, 64); err == nil {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

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

func fileName(dir, prefix string, revision uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%s%016x", prefix, revision))
}

// Load implements Store.
func (s *FileStore) Load(ctx context.Context, key string) (*Record, error) {
	dir, prefix := s.place(key)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list, err := revisions(dir, prefix)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, ErrNotFound
		}
		last := list[len(list)-1]
		data, err := os.ReadFile(fileName(dir, prefix, last))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has been replaced meanwhile
		}
		if err != nil {
			return nil, err
		}
		stored, r, err := parseRecord(data)
		if err != nil || stored != key || r.Revision != last {
			return nil, fmt.Errorf("%w: %s is damaged: %w", ErrSnapshot, fileName(dir, prefix, last), err)
		}
		return r, nil
	}
}

// Save implements Store.
func (s *FileStore) Save(ctx context.Context, key string, previous uint64, r *Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	dir, prefix := s.place(key)
	if err := s.makeDir(dir); err != nil {
		return err
	}
	temp, err := writeTemp(dir, appendRecord(nil, key, r))
	if err != nil {
		return err
	}
	defer os.Remove(temp) //nolint:errcheck // what is left is removed by nobody, and read by nobody
	name := fileName(dir, prefix, r.Revision)
	if err := os.Link(temp, name); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return ErrConflict
		}
		return err
	}
	return settleRevision(dir, prefix, previous, r.Revision)
}

// settleRevision makes sure that a revision that has been linked is the next one,
// and removes those before it.
func settleRevision(dir, prefix string, previous, revision uint64) error {
	list, err := revisions(dir, prefix)
	if err != nil {
		return err
	}
	expected := previous == 0 || slices.Contains(list, previous)
	if !expected || list[len(list)-1] != revision {
		if err := os.Remove(fileName(dir, prefix, revision)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return ErrConflict
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	for _, old := range list[:len(list)-1] {
		if err := os.Remove(fileName(dir, prefix, old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// makeDir makes one of the store's directories, for good.
func (s *FileStore) makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return syncDir(s.dir)
}

// writeTemp writes a file that is on the disk when it returns.
func writeTemp(dir string, data []byte) (string, error) {
	f, err := os.CreateTemp(dir, "tmp-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
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
	dir, prefix := s.place(key)
	list, err := revisions(dir, prefix)
	if err != nil {
		return err
	}
	if len(list) == 0 || list[len(list)-1] != previous {
		return ErrConflict
	}
	for _, n := range list {
		if err := os.Remove(fileName(dir, prefix, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(dir)
}

// All implements Store.
func (s *FileStore) All(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		shards, err := os.ReadDir(s.dir)
		if err != nil {
			yield("", err)
			return
		}
		for _, shard := range shards {
			if !s.shard(ctx, filepath.Join(s.dir, shard.Name()), yield) {
				return
			}
		}
	}
}

// shard yields the keys of one directory.
func (s *FileStore) shard(ctx context.Context, dir string, yield func(string, error) bool) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return yield("", err)
	}
	previous := ""
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return yield("", err)
		}
		prefix, _, found := strings.Cut(e.Name(), "@")
		if !found || prefix == previous {
			continue
		}
		previous = prefix
		key, err := url.PathUnescape(prefix[1:])
		if prefix[0] == 'h' {
			key, err = storedKey(filepath.Join(dir, e.Name()))
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has been replaced; whoever did that has it in hand
		}
		if !yield(key, err) {
			return false
		}
	}
	return true
}

// storedKey reads the key of a record whose name does not say it.
func storedKey(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	key, _, err := parseRecord(data)
	return key, err
}
