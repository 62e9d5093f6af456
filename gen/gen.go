// Package gen makes Go of specs. Generate is the only place where the stages are
// chained: it is pure, bytes in and files and diagnostics out. Finding specs and
// writing files is for the command.
package gen

import (
	"path"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/golang"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/output"
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
	for _, t := range g.topologies {
		p, err := g.emitTopology(t)
		if err != nil {
			return Result{}, err
		}
		r.Packages = append(r.Packages, p)
	}
	return r, nil
}

// generation carries what the stages share.
type generation struct {
	in         Input
	diags      *diag.List
	machines   []*machine          // those of the given specs
	known      map[string]*machine // by the paths of their specs, those included that others name
	topologies []*topology
	models     map[*model.Machine]*machine
	stack      []*machine // those that are being resolved, each invoked by the one before
}

func newGeneration(in Input) *generation {
	return &generation{in: in, diags: &diag.List{}, known: map[string]*machine{}, models: map[*model.Machine]*machine{}}
}

func (g *generation) emit(m *machine) (output.Package, error) {
	imports := map[*model.Machine]string{}
	for _, c := range m.model.Children {
		imports[c.Machine] = g.models[c.Machine].importPath
	}
	files, err := golang.Package(m.model, m.table, golang.Config{ImportPath: m.importPath, Source: m.source(), Children: imports})
	return m.sealed(files), err
}

func (g *generation) emitTopology(t *topology) (output.Package, error) {
	imports := map[*model.Machine]string{}
	for _, p := range t.model.Machines {
		if imports[p.Machine] = p.Import; p.Import == "" {
			imports[p.Machine] = g.models[p.Machine].importPath
		}
	}
	files, err := golang.Topology(t.model, t.routes, golang.TopologyConfig{ImportPath: t.importPath, Source: t.source(), Machines: imports})
	return t.sealed(files), err
}

// source is the path of the spec, relative to the output.
func (f *specFile) source() string {
	rel := path.Base(f.spec.Path)
	if up := relative(f.dir, path.Dir(f.spec.Path)); up != "." {
		rel = path.Join(up, rel)
	}
	return rel
}

// sealed is the package of a spec's output.
func (f *specFile) sealed(files []golang.File) output.Package {
	p := output.Package{Dir: f.dir, Base: f.base, Spec: f.spec.Path}
	for _, x := range files {
		p.Files = append(p.Files, output.File{Name: x.Name, Data: output.Seal(x.Data)})
	}
	return p
}
