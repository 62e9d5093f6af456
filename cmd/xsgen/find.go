package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/golang"
	"github.com/xsgen/xsgen/gen/output"
	"github.com/xsgen/xsgen/gen/spec"
)

// found is what a verb works on: all paths are absolute, with slashes, and names
// are as the user would write them.
type found struct {
	input     gen.Input
	generated []string // files that xsgen generated before, in the same places
}

// find collects the specs that paths name, or that are below the directories
// that they name, and what else generation depends on.
func find(paths []string, out string) (*found, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	f := &finder{seen: map[string]bool{}}
	f.input.Foreign, f.input.Taken = foreign, taken
	f.input.Read = func(name string) ([]byte, error) { return readLimited(filepath.FromSlash(name)) }
	for _, p := range paths {
		if err := f.path(p); err != nil {
			return nil, err
		}
	}
	if out != "" {
		abs, err := filepath.Abs(out)
		if err != nil {
			return nil, err
		}
		f.input.Out = filepath.ToSlash(abs)
		f.nearby(abs)
	}
	if len(f.input.Specs) == 0 && len(f.stale(nil)) == 0 {
		return nil, fmt.Errorf("no *%s or *%s in %s", gen.MachineSuffix, gen.TopologySuffix, strings.Join(paths, ", "))
	}
	if err := f.modules(); err != nil {
		return nil, err
	}
	return &f.found, nil
}

type finder struct {
	found
	seen map[string]bool
}

// path takes a spec, or a directory with everything below it.
func (f *finder) path(p string) error {
	p = strings.TrimSuffix(p, "/...")
	info, err := os.Stat(p)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if !isSpec(p) {
			return fmt.Errorf("%s: the name of a spec ends in %s or %s", p, gen.MachineSuffix, gen.TopologySuffix)
		}
		f.nearby(filepath.Dir(p))
		return f.spec(p)
	}
	return filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != p && skipped(d.Name()):
			return filepath.SkipDir
		case d.IsDir():
		case isSpec(name):
			return f.spec(name)
		case strings.HasSuffix(name, golang.Suffix):
			return f.old(name)
		}
		return nil
	})
}

func isSpec(name string) bool {
	return strings.HasSuffix(name, gen.MachineSuffix) || strings.HasSuffix(name, gen.TopologySuffix)
}

// skipped are directories that are not looked into unless they are named.
func skipped(name string) bool {
	return name == "testdata" || name == "vendor" || name == "node_modules" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func (f *finder) spec(name string) error {
	abs, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if f.seen[abs] {
		return nil
	}
	f.seen[abs] = true
	data, err := readLimited(name)
	if err != nil {
		return err
	}
	f.input.Specs = append(f.input.Specs, gen.Spec{Path: filepath.ToSlash(abs), Name: filepath.ToSlash(filepath.Clean(name)), Data: data})
	return nil
}

// readLimited reads a spec, or one byte more than a spec may have.
func readLimited(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	if info.Size() > spec.MaxSize {
		return make([]byte, spec.MaxSize+1), nil // reported as too large; its content does not matter
	}
	return os.ReadFile(name)
}

// nearby notes generated files where the output of a single spec may go.
func (f *finder) nearby(dir string) {
	for _, pattern := range []string{"*" + golang.Suffix, "*/*" + golang.Suffix, "*/*/*" + golang.Suffix} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is well formed
		for _, n := range names {
			_ = f.old(n) // what cannot be read is not removed
		}
	}
}

// old notes a file that xsgen generated.
func (f *finder) old(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if _, _, ours := output.Generated(data); ours {
		f.generated = append(f.generated, filepath.ToSlash(abs))
	}
	return nil
}

// modules reads every go.mod above the specs and above the output.
func (f *finder) modules() error {
	dirs := map[string]bool{}
	above := func(dir string) {
		for ; !dirs[dir]; dir = filepath.Dir(dir) {
			dirs[dir] = true
		}
	}
	for _, s := range f.input.Specs {
		above(filepath.Dir(filepath.FromSlash(s.Path)))
	}
	if f.input.Out != "" {
		above(filepath.FromSlash(f.input.Out))
	}
	for dir := range dirs {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		f.input.Modules = append(f.input.Modules, gen.Module{Dir: filepath.ToSlash(dir), Data: data})
	}
	return nil
}

// stale are the generated files that belong to the packages' specs, or to specs
// that are gone, and are where this run would put them: another run may have had
// another -o.
func (f *found) stale(packages []output.Package) []string {
	specs := map[string]bool{}
	for _, p := range packages {
		specs[p.Spec] = true
	}
	var out []string
	for _, name := range f.generated {
		data, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			continue
		}
		rel, _, _ := output.Generated(data)
		from := filepath.Join(filepath.Dir(filepath.FromSlash(name)), filepath.FromSlash(rel))
		if !f.mayHold(name, filepath.ToSlash(filepath.Dir(from))) {
			continue
		}
		if _, err := os.Stat(from); specs[filepath.ToSlash(from)] || errors.Is(err, fs.ErrNotExist) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mayHold reports whether a file is where this run puts the output of a spec that
// is, or was, in the directory home.
func (f *found) mayHold(name, home string) bool {
	mayBe := func(dir string) bool {
		if f.input.Out != "" {
			return path.Dir(dir) == f.input.Out
		}
		return dir == home || path.Dir(dir) == home
	}
	dir := path.Dir(name)
	above := path.Dir(dir)
	return mayBe(dir) || path.Base(dir) == golang.TestPackage(path.Base(above)) && mayBe(above)
}

// shown is a path as the user would write it.
func shown(abs string) string {
	wd, err := os.Getwd()
	if err != nil {
		return abs
	}
	rel, err := filepath.Rel(wd, filepath.FromSlash(abs))
	if err != nil || strings.HasPrefix(rel, ".."+string(filepath.Separator)+"..") {
		return abs
	}
	return filepath.ToSlash(rel)
}
