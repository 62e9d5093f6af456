package golang

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/wiring"
)

// TopologyConfig says where the package of a topology goes.
type TopologyConfig struct {
	ImportPath string // of the package that is generated
	Source     string // the spec's path relative to the output, with slashes
	// Machines are the import paths of the packages of the topology's machines.
	Machines map[*model.Machine]string
}

// Topology writes the package of a topology. The topology must have no errors.
func Topology(t *model.Topology, routes expr.Routes, cfg TopologyConfig) ([]File, error) {
	g := newTopologyGenerator(t, cfg)
	g.routes, g.wiring = routes, wiring.Of(t)
	var out []File
	for _, f := range g.files() {
		file := jen.NewFilePathName(cfg.ImportPath, t.Package)
		imports(file, wiringTaken, g.packages())
		data, err := render(file, cfg.Source, f.fill)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", f.name, t.ID.Value, err)
		}
		out = append(out, File{f.name + Suffix, data})
	}
	return out, nil
}

// TopologyFiles are the names of the files that Topology writes of a topology, which may
// have errors.
func TopologyFiles(t *model.Topology) []string {
	var out []string
	for _, f := range (&topologyGenerator{t: t}).files() {
		out = append(out, f.name+Suffix)
	}
	return out
}

// wiringTaken are names that packages of machines cannot have in the package of a
// topology: of what else it imports, and of its parameters and variables.
const wiringTaken = " context errors strings time bus checked codec convert machine node topic transport amqp unix zeromq" +
	" a b c cfg ctx dec dir e enc err ev h i k key m n o out p r r1 r2 r3 s store t take v w x "

// topologyGenerator carries what the files of the package of a topology share.
type topologyGenerator struct {
	t      *model.Topology
	routes expr.Routes
	wiring *wiring.Wiring
	cfg    TopologyConfig
	names  *topologyNames
	own    *generator // of the broadcasts' events, which are the topology's
	peers  map[*model.Machine]*generator
}

func newTopologyGenerator(t *model.Topology, cfg TopologyConfig) *topologyGenerator {
	g := &topologyGenerator{t: t, cfg: cfg, names: newTopologyNames(t), peers: map[*model.Machine]*generator{}}
	for _, p := range t.Machines {
		g.peers[p.Machine] = &generator{m: p.Machine, names: newNames(p.Machine), cfg: Config{ImportPath: cfg.Machines[p.Machine]}}
	}
	m := &model.Machine{ID: t.ID, Package: t.Package}
	for _, x := range t.Broadcasts {
		m.Emits = append(m.Emits, x.Event)
	}
	g.own = &generator{m: m, names: newNames(m), cfg: Config{ImportPath: cfg.ImportPath, Source: cfg.Source}}
	return g
}

// files are the files of the package: one for each kind of output.
func (g *topologyGenerator) files() []content {
	var out []content
	add := func(name string, any bool, fill func(*jen.File)) {
		if any {
			out = append(out, content{name: name, fill: fill})
		}
	}
	t := g.t
	add("nodes", true, g.nodes)
	add("all", true, g.all)
	add("machines", len(t.Machines) > 0, g.machines)
	add("inboxes", len(t.Machines) > 0, g.inboxes)
	add("senders", len(t.Machines) > 0, g.senders)
	add("links", g.hasWays(), g.links)
	add("plans", true, g.plans)
	add("broadcasts", len(t.Broadcasts) > 0, g.broadcasts)
	add("topics", len(t.Groups)+len(t.Broadcasts) > 0, g.topics)
	add("subscriptions", len(t.Subscriptions) > 0, g.subscriptions)
	return out
}

// packages are those of the machines.
func (g *topologyGenerator) packages() []imported {
	var out []imported
	for _, p := range g.t.Machines {
		out = append(out, imported{g.cfg.Machines[p.Machine], p.Machine.Package})
	}
	return out
}

// peer is what knows the names of a machine's package.
func (g *topologyGenerator) peer(p *model.Participant) *generator { return g.peers[p.Machine] }

// of is an identifier of a machine's package.
func (g *topologyGenerator) of(p *model.Participant, name string) *jen.Statement {
	return g.peer(p).own(name)
}

// event is the struct of an event: of a machine, or of a broadcast if there is none.
func (g *topologyGenerator) event(p *model.Participant, e *model.Event) *jen.Statement {
	if p == nil {
		return g.own.own(g.own.names.event[e])
	}
	return g.of(p, g.peer(p).names.event[e])
}

// host is the type that runs a machine: of a keyed one its host.
func (g *topologyGenerator) host(p *model.Participant) *jen.Statement {
	if p.Keyed() {
		return jen.Op("*").Add(g.of(p, "Host"))
	}
	return jen.Op("*").Add(g.of(p, "Machine"))
}

// nodePath is the package that wires.
const nodePath = runtimePath + "node"

func ofNode(name string) *jen.Statement { return jen.Qual(nodePath, name) }

// orReturn is what returns an error of what sets err, with the results before it.
func orReturn(set *jen.Statement, results ...jen.Code) *jen.Statement {
	return jen.If(set, jen.Err().Op("!=").Nil()).Block(jen.Return(append(results, jen.Err())...))
}

// list is a slice or a struct, an element on each line.
func list(of *jen.Statement, elements []jen.Code) *jen.Statement {
	return of.Values(lines(elements)...)
}
