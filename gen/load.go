package gen

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/check"
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/golang"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// specFile is one spec on its way, whatever it is of.
type specFile struct {
	spec       Spec
	diags      *diag.List // what it gave rise to itself
	partial    bool       // it names a machine that cannot be used
	id         spec.Scalar
	pkg        string
	dir        string // of the output
	base       string // what the output must not leave
	importPath string
}

// machine is one machine on its way.
type machine struct {
	specFile
	given  bool // it is among the input's specs: its diagnostics are reported
	loaded bool // its stages have run, or run
	model  *model.Machine
	table  *expr.Table
}

// topology is one topology on its way.
type topology struct {
	specFile
	model  *model.Topology
	routes expr.Routes
}

// load runs every spec through the stages that find mistakes.
func (g *generation) load() {
	specs := slices.Clone(g.in.Specs)
	slices.SortFunc(specs, func(a, b Spec) int { return strings.Compare(a.Path, b.Path) })
	for _, s := range specs {
		if s.Name == "" {
			s.Name = s.Path
		}
		f := specFile{spec: s, diags: &diag.List{}}
		if strings.HasSuffix(s.Path, TopologySuffix) {
			g.topologies = append(g.topologies, &topology{specFile: f})
		} else {
			g.known[path.Clean(s.Path)] = &machine{specFile: f, given: true}
		}
	}
	for _, s := range specs {
		m := g.known[path.Clean(s.Path)]
		if m == nil {
			continue
		}
		g.resolve(m)
		g.diags.Append(m.diags)
		if m.model != nil {
			g.machines = append(g.machines, m)
		}
	}
	for _, t := range g.topologies {
		g.join(t)
		g.diags.Append(t.diags)
	}
	g.topologies = slices.DeleteFunc(g.topologies, func(t *topology) bool { return t.model == nil })
}

// join runs a topology through its stages.
func (g *generation) join(t *topology) {
	parsed := spec.ParseTopology(source.NewFile(t.spec.Name, t.spec.Data), t.diags)
	if parsed == nil {
		return
	}
	t.model = model.LinkTopology(parsed, t.diags, func(at spec.Scalar) *model.Machine { return g.child(&t.specFile, at) })
	t.id, t.pkg = t.model.ID, t.model.Package
	t.routes = expr.CheckTopology(t.model, t.diags)
	golang.CheckTopologyNames(t.model, t.diags)
	check.RunTopology(t.model, t.diags)
}

// resolve runs a machine through its stages, once; those that it invokes go
// through theirs meanwhile.
func (g *generation) resolve(m *machine) {
	if m.loaded {
		return
	}
	m.loaded = true
	g.stack = append(g.stack, m)
	defer func() { g.stack = g.stack[:len(g.stack)-1] }()
	parsed := spec.ParseMachine(source.NewFile(m.spec.Name, m.spec.Data), m.diags)
	if parsed == nil {
		return
	}
	m.model = model.LinkMachine(parsed, m.diags, func(at spec.Scalar) *model.Machine { return g.child(&m.specFile, at) })
	g.models[m.model] = m
	m.id, m.pkg = m.model.ID, m.model.Package
	m.table = expr.Check(m.model, m.diags)
	golang.CheckNames(m.model, m.diags)
	if !m.partial {
		check.Run(m.model, m.table, m.diags)
	}
}

// child finds a machine that parent names. What is wrong with it is said where it is
// named, unless it is said anyway.
func (g *generation) child(parent *specFile, at spec.Scalar) *model.Machine {
	m := g.find(parent, at)
	if m == nil {
		parent.partial = true
		return nil
	}
	return m.model
}

func (g *generation) find(parent *specFile, at spec.Scalar) *machine {
	file := path.Join(path.Dir(parent.spec.Path), at.Value)
	m := g.known[file]
	if m == nil {
		if m = g.read(parent, at, file); m == nil {
			return nil
		}
		g.known[file] = m
	}
	if i := slices.Index(g.stack, m); i >= 0 {
		parent.diags.Add(diag.MachineCycle, at.Pos, "the machine invokes itself: %s", circle(g.stack[i:]))
		return nil
	}
	g.resolve(m)
	if m.diags.Errors() == 0 {
		return m
	}
	if !m.given {
		first := firstError(m.diags)
		parent.diags.Add(diag.BrokenMachine, at.Pos, "the machine has errors").WithRelated(first.Pos, "%s", first.Message)
	}
	return nil
}

// circle names machines that invoke each other.
func circle(machines []*machine) string {
	s := ""
	for _, m := range machines {
		s += m.spec.Name + " -> "
	}
	return s + machines[0].spec.Name
}

func firstError(l *diag.List) *diag.Diagnostic {
	list := l.Sorted()
	return list[slices.IndexFunc(list, func(d *diag.Diagnostic) bool { return d.Severity() == diag.Error })]
}

// read reads a spec that is not among the given ones.
func (g *generation) read(parent *specFile, at spec.Scalar, file string) *machine {
	const hint = "the path is relative to this spec and ends in %s"
	err := fs.ErrNotExist
	var data []byte
	if g.in.Read != nil && strings.HasSuffix(file, MachineSuffix) {
		data, err = g.in.Read(file)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent.diags.Add(diag.MissingMachine, at.Pos, "there is no spec %s", at.Value).WithHint(hint, MachineSuffix)
		return nil
	case err != nil:
		parent.diags.Add(diag.MissingMachine, at.Pos, "the spec %s cannot be read", at.Value).WithHint("%v", err)
		return nil
	}
	g.modulesAbove(path.Dir(file))
	name := path.Join(path.Dir(parent.spec.Name), at.Value)
	return &machine{specFile: specFile{spec: Spec{Path: file, Name: name, Data: data}, diags: &diag.List{}}}
}

// modulesAbove reads the go.mod files above a directory that are not known yet.
func (g *generation) modulesAbove(dir string) {
	for {
		known := slices.ContainsFunc(g.in.Modules, func(m Module) bool { return path.Clean(m.Dir) == dir })
		if data, err := g.in.Read(path.Join(dir, "go.mod")); err == nil && !known {
			g.in.Modules = append(g.in.Modules, Module{Dir: dir, Data: data})
		}
		up := path.Dir(dir)
		if up == dir {
			return
		}
		dir = up
	}
}
