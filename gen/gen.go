// Package gen makes Go of specs. Generate is the only place where the stages are
// chained: it is pure, bytes in and files and diagnostics out. Finding specs and
// writing files is for the command.
package gen

import (
	"path"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/golang"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/output"
	"github.com/xsgen/xsgen/gen/source"
)

// Endings of the names of specs.
const (
	MachineSuffix  = ".machine.yaml"
	TopologySuffix = ".topology.yaml"
)

// Input is everything that generation depends on. Paths have slashes and are
// relative to one directory, which Generate need not know, or absolute.
type Input struct {
	Specs []Spec
	// Modules are the go.mod files above the specs and above Out.
	Modules []Module
	// Out is where packages go, each into a directory of its own; empty for beside
	// their specs.
	Out string
	// Read reads a file that is not among Specs or Modules: the spec of a machine that
	// is invoked, or a go.mod above it. Its error is fs.ErrNotExist if there is no
	// such file. It may be nil if there are none at all.
	Read func(path string) ([]byte, error)
	// Foreign returns a Go file in a directory that is of another package than the
	// one with the given name, and its package, if there is one; it may be nil.
	Foreign func(dir, pkg string) (file, other string)
	// Taken reports whether there is a file that xsgen did not write; it may be nil.
	Taken func(file string) bool
}

// Spec is a spec file.
type Spec struct {
	Path string // where it is, to compute the output's place
	Name string // what diagnostics call it; Path if empty
	Data []byte
}

// Module is a go.mod file.
type Module struct {
	Dir  string
	Data []byte
}

// Result is what was generated. Packages is empty if any diagnostic is an error.
type Result struct {
	Packages    []output.Package
	Diagnostics *diag.List
}

// Check finds everything for which Generate would refuse specs, and generates
// nothing.
func Check(in Input) *diag.List {
	g := newGeneration(in)
	g.load()
	g.place()
	return g.diags
}

// Generate makes Go of specs. The output depends on the input alone, not on its
// order.
func Generate(in Input) (Result, error) {
	g := newGeneration(in)
	g.load()
	g.place()
	r := Result{Diagnostics: g.diags}
	if g.diags.Errors() > 0 {
		return r, nil
	}
	for _, m := range g.machines {
		p, err := g.emit(m)
		if err != nil {
			return Result{}, err
		}
		r.Packages = append(r.Packages, p)
	}
	return r, nil
}

// generation carries what the stages share.
type generation struct {
	in       Input
	diags    *diag.List
	machines []*machine          // those of the given specs
	known    map[string]*machine // by the paths of their specs, invoked ones included
	models   map[*model.Machine]*machine
	stack    []*machine // those that are being resolved, each invoked by the one before
}

func newGeneration(in Input) *generation {
	return &generation{in: in, diags: &diag.List{}, known: map[string]*machine{}, models: map[*model.Machine]*machine{}}
}

// place decides where each machine's package goes, and from where those that are
// invoked are imported.
func (g *generation) place() {
	taken := map[string]*machine{}
	for _, m := range g.machines {
		g.placeOne(m)
		if g.claim(taken, m, m.dir, "the package") {
			g.claim(taken, m, m.kitDir(), "its test kit")
		}
		g.foreign(m, m.dir, m.model.Package)
		g.foreign(m, m.kitDir(), golang.TestPackage(m.model.Package))
		g.taken(m)
		for _, c := range m.model.Children {
			if child := g.models[c.Machine]; child.dir == "" {
				g.placeOne(child)
			}
		}
	}
}

// claim notes what goes to a directory, and reports whether no other machine's does.
func (g *generation) claim(taken map[string]*machine, m *machine, dir, what string) bool {
	first := taken[dir]
	taken[dir] = m
	if first != nil {
		g.diags.Add(diag.OutputClash, m.model.ID.Pos, "%s would go to %s, where %s goes already", what, m.shown(dir), first.spec.Name).
			WithRelated(first.model.ID.Pos, "the other machine").WithHint("give them different `package:` names")
	}
	return first == nil
}

// kitDir is where the package's test kit goes.
func (m *machine) kitDir() string { return path.Join(m.dir, golang.TestPackage(m.model.Package)) }

func (g *generation) placeOne(m *machine) {
	dir := path.Dir(m.spec.Path)
	if g.in.Out != "" {
		m.base, m.dir = g.in.Out, path.Join(g.in.Out, m.model.Package)
	} else if m.base, m.dir = dir, dir; path.Base(g.importPath(dir)) != m.model.Package {
		m.dir = path.Join(dir, m.model.Package)
	}
	if m.importPath = g.importPath(m.dir); m.importPath == "" {
		g.diags.Add(diag.NoModule, m.model.ID.Pos, "no go.mod is above %s, so the package has no import path", m.shown(m.dir)).
			WithHint("run `go mod init <module>` in your repository's root")
	}
}

// foreign reports a directory in which a package of another name lives already: Go
// would build neither.
func (g *generation) foreign(m *machine, dir, pkg string) {
	if g.in.Foreign == nil {
		return
	}
	if file, other := g.in.Foreign(dir, pkg); file != "" {
		g.diags.Add(diag.ForeignPackage, m.model.ID.Pos, "the package %s would go to %s, where %s is of package %s", pkg, m.shown(dir), path.Base(file), other).
			WithHint("move the spec into a directory of its own, or give the machine another `package:`, which then gets one")
	}
}

// taken reports files in the places of the output that xsgen did not write.
func (g *generation) taken(m *machine) {
	if g.in.Taken == nil {
		return
	}
	for _, name := range golang.Names(m.model) {
		if g.in.Taken(path.Join(m.dir, name)) {
			g.diags.Add(diag.NotOurs, source.Pos{File: source.NewFile(path.Join(m.shown(m.dir), name), nil)}, "the file was not generated by xsgen and will not be overwritten").
				WithHint("move it away, or give the machine another `package:`")
		}
	}
}

// shown is a directory as the spec's name is written.
func (m *machine) shown(dir string) string {
	return path.Join(path.Dir(m.spec.Name), relative(path.Dir(m.spec.Path), dir))
}

// importPath is the import path of a directory by the module that is nearest
// above it, empty if there is none.
func (g *generation) importPath(dir string) string {
	best, found := "", ""
	for _, mod := range g.in.Modules {
		rel, ok := within(mod.Dir, dir)
		name := modfile.ModulePath(mod.Data)
		if ok && name != "" && (found == "" || len(path.Clean(mod.Dir)) > len(best)) {
			best, found = path.Clean(mod.Dir), path.Join(name, rel)
		}
	}
	return found
}

// within is dir relative to base, if it is base or below it.
func within(base, dir string) (string, bool) {
	base, dir = path.Clean(base), path.Clean(dir)
	if base == "." && !path.IsAbs(dir) && dir != ".." && !strings.HasPrefix(dir, "../") {
		return dir, true
	}
	if dir == base {
		return ".", true
	}
	rel, ok := strings.CutPrefix(dir, strings.TrimSuffix(base, "/")+"/")
	return rel, ok
}

func (g *generation) emit(m *machine) (output.Package, error) {
	rel := path.Base(m.spec.Path)
	if up := relative(m.dir, path.Dir(m.spec.Path)); up != "." {
		rel = path.Join(up, rel)
	}
	imports := map[*model.Machine]string{}
	for _, c := range m.model.Children {
		imports[c.Machine] = g.models[c.Machine].importPath
	}
	files, err := golang.Package(m.model, m.table, golang.Config{ImportPath: m.importPath, Source: rel, Children: imports})
	if err != nil {
		return output.Package{}, err
	}
	p := output.Package{Dir: m.dir, Base: m.base, Spec: m.spec.Path}
	for _, f := range files {
		p.Files = append(p.Files, output.File{Name: f.Name, Data: output.Seal(f.Data)})
	}
	return p, nil
}

// relative is the way from one directory to another; both are relative to the
// same one, or absolute.
func relative(from, to string) string {
	split := func(p string) []string {
		if p = path.Clean(p); p == "." {
			return nil
		}
		return strings.Split(p, "/")
	}
	a, b := split(from), split(to)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	var out []string
	for range a {
		out = append(out, "..")
	}
	return path.Join(append(append(out, b...), ".")...)
}
