// Package gen makes Go of specs. Generate is the only place where the stages are
// chained: it is pure, bytes in and files and diagnostics out. Finding specs and
// writing files is for the command.
package gen

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/xsgen/xsgen/gen/check"
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/golang"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/output"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
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
	// Exists reports whether there is a file that is not among Specs; it may be nil
	// if there is none.
	Exists func(path string) bool
	// Foreign returns a Go file in a directory that is of another package than the
	// one with the given name, and its package, if there is one; it may be nil.
	Foreign func(dir, pkg string) (file, other string)
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

// Check finds everything that is wrong with specs, and generates nothing.
func Check(in Input) *diag.List {
	g := &generation{in: in, diags: &diag.List{}}
	g.load()
	return g.diags
}

// Generate makes Go of specs. The output depends on the input alone, not on its
// order.
func Generate(in Input) (Result, error) {
	g := &generation{in: in, diags: &diag.List{}}
	g.load()
	for _, m := range g.machines {
		golang.Supported(m.model, g.diags)
	}
	g.place()
	r := Result{Diagnostics: g.diags}
	if g.diags.Errors() > 0 {
		return r, nil
	}
	for _, m := range g.machines {
		p, err := m.emit()
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
	machines []*machine
}

// machine is one machine on its way.
type machine struct {
	spec       Spec
	model      *model.Machine
	table      *expr.Table
	dir        string // of the output
	base       string // what the output must not leave
	importPath string
}

// load runs every spec through the stages that find mistakes.
func (g *generation) load() {
	specs := slices.Clone(g.in.Specs)
	slices.SortFunc(specs, func(a, b Spec) int { return strings.Compare(a.Path, b.Path) })
	for _, s := range specs {
		if s.Name == "" {
			s.Name = s.Path
		}
		file := source.NewFile(s.Name, s.Data)
		if strings.HasSuffix(s.Path, TopologySuffix) {
			g.diags.Add(diag.NotYetSupported, source.Pos{File: file}, "topologies are not read yet")
			continue
		}
		parsed := spec.ParseMachine(file, g.diags)
		if parsed == nil {
			continue
		}
		m := &machine{spec: s, model: model.Build(parsed, g.diags)}
		m.table = expr.Check(m.model, g.diags)
		golang.CheckNames(m.model, g.diags)
		g.children(m)
		check.Run(m.model, m.table, g.diags)
		g.machines = append(g.machines, m)
	}
}

// children reports child machines whose specs do not exist.
func (g *generation) children(m *machine) {
	for _, s := range m.model.States {
		for _, i := range s.Invokes {
			if i.Machine == "" {
				continue
			}
			file := path.Join(path.Dir(m.spec.Path), i.Machine)
			known := slices.ContainsFunc(g.in.Specs, func(s Spec) bool { return path.Clean(s.Path) == file })
			if !known && (g.in.Exists == nil || !g.in.Exists(file)) {
				g.diags.Add(diag.MissingMachine, i.Pos, "there is no spec %s", i.Machine).
					WithHint("the path is relative to this spec and ends in %s", MachineSuffix)
			}
		}
	}
}

// place decides where each machine's package goes.
func (g *generation) place() {
	taken := map[string]*machine{}
	for _, m := range g.machines {
		dir := path.Dir(m.spec.Path)
		if g.in.Out != "" {
			m.base, m.dir = g.in.Out, path.Join(g.in.Out, m.model.Package)
		} else if m.base, m.dir = dir, dir; path.Base(g.importPath(dir)) != m.model.Package {
			m.dir = path.Join(dir, m.model.Package)
		}
		m.importPath = g.importPath(m.dir)
		pos := m.model.ID.Pos
		if m.importPath == "" {
			g.diags.Add(diag.NoModule, pos, "no go.mod is above %s, so the package has no import path", m.shown()).
				WithHint("run `go mod init <module>` in your repository's root")
		}
		if first := taken[m.dir]; first != nil {
			g.diags.Add(diag.OutputClash, pos, "the package would go to %s, where %s goes already", m.shown(), first.spec.Name).
				WithRelated(first.model.ID.Pos, "the other machine").WithHint("give them different `package:` names")
		}
		taken[m.dir] = m
		g.foreign(m)
	}
}

// foreign reports a directory in which a package of another name lives already: Go
// would build neither.
func (g *generation) foreign(m *machine) {
	if g.in.Foreign == nil {
		return
	}
	if file, other := g.in.Foreign(m.dir, m.model.Package); file != "" {
		g.diags.Add(diag.ForeignPackage, m.model.ID.Pos, "the package %s would go to %s, where %s is of package %s", m.model.Package, m.shown(), path.Base(file), other).
			WithHint("move the spec into a directory of its own, or give the machine another `package:`, which then gets one")
	}
}

// shown is the output's directory as the spec's name is written.
func (m *machine) shown() string {
	return path.Join(path.Dir(m.spec.Name), relative(path.Dir(m.spec.Path), m.dir))
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

func (m *machine) emit() (output.Package, error) {
	rel := path.Base(m.spec.Path)
	if up := relative(m.dir, path.Dir(m.spec.Path)); up != "." {
		rel = path.Join(up, rel)
	}
	files, err := golang.Package(m.model, m.table, golang.Config{ImportPath: m.importPath, Source: rel})
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
