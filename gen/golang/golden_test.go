package golang

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

const (
	goldenDir  = "../../testdata/golden"
	goldenPath = "github.com/xsgen/xsgen/testdata/golden/"
	drivePath  = goldenPath + "drive"
)

// load resolves a spec that must have no errors.
func load(t testing.TB, file string) (*model.Machine, *expr.Table) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return resolve(t, filepath.Base(file), data)
}

// resolve resolves a machine that must have no errors but those that are named.
// What it invokes is in another golden case.
func resolve(t testing.TB, name string, data []byte, but ...*diag.Rule) (*model.Machine, *expr.Table) {
	t.Helper()
	var l diag.List
	s := spec.ParseMachine(source.NewFile(name, data), &l)
	if s == nil {
		t.Fatal("no machine")
	}
	found := map[string]*model.Machine{}
	m := model.LinkMachine(s, &l, func(at spec.Scalar) *model.Machine {
		if found[at.Value] == nil {
			found[at.Value], _ = load(t, filepath.Join(goldenDir, "case", at.Value))
		}
		return found[at.Value]
	})
	table := expr.Check(m, &l)
	CheckNames(m, &l)
	for _, d := range l.Sorted() {
		if d.Severity() == diag.Error && !slices.Contains(but, d.Rule) {
			t.Fatal(d.Pos.Line, d.Message)
		}
	}
	return m, table
}

// TestDrivers keeps the drivers of the golden machines up to date: the tests that
// run their scripts. The machines themselves are kept by `xsgen diff`.
func TestDrivers(t *testing.T) {
	specs, err := filepath.Glob(goldenDir + "/*/*.machine.yaml")
	if err != nil || len(specs) < 8 {
		t.Fatalf("%d golden machines, %v", len(specs), err)
	}
	for _, file := range specs {
		if topologies, _ := filepath.Glob(filepath.Dir(file) + "/*.topology.yaml"); len(topologies) > 0 {
			continue // its machines run in the topology's own test
		}
		m, table := load(t, file)
		g := &generator{m: m, table: table, names: newNames(m), chart: newChart(m)}
		g.cfg = Config{ImportPath: goldenPath + m.Package, Source: filepath.Base(file), Children: map[*model.Machine]string{}}
		for _, c := range m.Children {
			g.cfg.Children[c.Machine] = goldenPath + c.Machine.Package
		}
		got, err := g.file(g.driver)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(filepath.Dir(file), "drive_test.go")
		want, _ := os.ReadFile(name)
		if bytes.Equal(got, want) {
			continue
		}
		if os.Getenv("XSGEN_UPDATE") == "" {
			t.Errorf("%s is not up to date; run with XSGEN_UPDATE=1", name)
		} else if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// driver declares a test that runs the case's script, with guards, actions and
// roles that the script controls.
func (g *generator) driver(f *jen.File) {
	f.ImportName(drivePath, "drive")
	for _, p := range []string{"testing", "encoding/json"} {
		f.ImportName(p, filepath.Base(p))
	}
	d := func() *jen.Statement { return jen.Id("d") }
	f.Func().Id("TestScript").Params(jen.Id("t").Op("*").Qual("testing", "T")).BlockFunc(func(b *jen.Group) {
		b.Add(d()).Op(":=").Qual(drivePath, "New").Call(jen.Id("t"))
		b.Add(d()).Dot("Run").Call(jen.Func().Params().Qual(drivePath, "Machine").BlockFunc(g.makeDriven))
	})
	g.stubs(f)
}

// makeDriven makes a machine that the driver drives.
func (g *generator) makeDriven(b *jen.Group) {
	d := func() *jen.Statement { return jen.Id("d") }
	var args []jen.Code
	if g.m.Keyed {
		args = append(args, jen.Lit("k 1"))
	}
	for _, p := range []struct {
		name string
		any  bool
	}{{"stubGuards", len(g.m.Guards) > 0}, {"stubActions", len(g.m.Actions) > 0}, {"stubServices", len(g.m.Services) > 0}, {"stubChildren", len(g.m.Children) > 0}} {
		if p.any {
			args = append(args, jen.Id(p.name).Values(d()))
		}
	}
	if len(g.m.Input) > 0 {
		args = append(args, jen.Id("Input").Values())
	}
	b.Id("m").Op(":=").Id("New").Call(append(args, d().Dot("Options").Call().Op("..."))...)
	bind := []jen.Code{d().Dot("Bus").Call()}
	if len(g.m.Sends) > 0 {
		var roles []jen.Code
		for _, r := range g.m.Sends {
			roles = append(roles, jen.Id(goname.Exported(r.Name.Value)).Op(":").Id("stub"+goname.Exported(r.Name.Value)).Values(d()))
		}
		bind = append(bind, jen.Id("Roles").Values(roles...))
	}
	b.If(jen.Err().Op(":=").Id("m").Dot("Bind").Call(bind...), jen.Err().Op("!=").Nil()).Block(jen.Id("t").Dot("Fatal").Call(jen.Err()))
	b.Return(jen.Qual(drivePath, "Machine").Values(lines([]jen.Code{
		field("Start", jen.Id("m").Dot("Start")),
		field("Stop", jen.Id("m").Dot("Stop")),
		field("State", jen.Func().Params().String().Block(jen.Return(jen.Qual(drivePath, "Join").Call(jen.Id("m").Dot("Active").Call())))),
		field("Snapshot", jen.Id("m").Dot("Snapshot")),
		field("Restore", jen.Id("m").Dot("Restore")),
		field("Send", g.sendFunc()),
		field("Request", g.requestFunc()),
		field("Transitions", jen.Index().String().ValuesFunc(func(list *jen.Group) {
			for _, t := range g.m.Transitions {
				list.Line().Lit(transitionName(t))
			}
			if len(g.m.Transitions) > 0 {
				list.Line()
			}
		})),
	})...))
}

func (g *generator) sendFunc() *jen.Statement {
	return jen.Func().Params(ctxParam(), jen.Id("event").String(), jen.Id("data").Index().Byte()).Error().BlockFunc(func(b *jen.Group) {
		var cases []jen.Code
		for _, e := range g.m.Events {
			cases = append(cases, jen.Case(jen.Lit(e.Name.Value)).BlockFunc(func(b *jen.Group) {
				g.decoded(b, e, jen.Err())
				b.Return(jen.Id("m").Dot("Send").Call(jen.Id("ctx"), jen.Id("e")))
			}))
		}
		if len(cases) > 0 {
			b.Switch(jen.Id("event")).Block(cases...)
		}
		b.Return(jen.Qual(machinePath, "ErrUnknownEvent"))
	})
}

func (g *generator) decoded(b *jen.Group, e *model.Event, results ...jen.Code) {
	b.Id("e").Op(":=").Op("&").Id(g.names.event[e]).Values()
	b.If(jen.Err().Op(":=").Qual("encoding/json", "Unmarshal").Call(jen.Id("data"), jen.Id("e")), jen.Err().Op("!=").Nil()).Block(jen.Return(results...))
}

func (g *generator) requestFunc() *jen.Statement {
	return jen.Func().Params(ctxParam(), jen.Id("event").String(), jen.Id("data").Index().Byte()).Params(jen.Any(), jen.Error()).BlockFunc(func(b *jen.Group) {
		var cases []jen.Code
		for _, e := range g.m.Events {
			if e.HasReply {
				cases = append(cases, jen.Case(jen.Lit(e.Name.Value)).BlockFunc(func(b *jen.Group) {
					g.decoded(b, e, jen.Nil(), jen.Err())
					b.Return(jen.Id("m").Dot("Request"+g.names.event[e]).Call(jen.Id("ctx"), jen.Id("e")))
				}))
			}
		}
		if len(cases) > 0 {
			b.Switch(jen.Id("event")).Block(cases...)
		}
		b.Return(jen.Nil(), jen.Qual(machinePath, "ErrUnknownEvent"))
	})
}

func (g *generator) stubs(f *jen.File) {
	stub := func(name string) {
		f.Type().Id(name).Struct(jen.Id("d").Op("*").Qual(drivePath, "Driver"))
	}
	if len(g.m.Guards) > 0 {
		stub("stubGuards")
		for _, x := range g.m.Guards {
			f.Func().Params(jen.Id("s").Id("stubGuards")).Add(g.guardSignature(x)).Block(
				jen.Return(jen.Id("s").Dot("d").Dot("Guard").Call(jen.Lit(x.Name.Value))))
		}
	}
	if len(g.m.Actions) > 0 {
		stub("stubActions")
		for _, x := range g.m.Actions {
			arrived := jen.Code(jen.Nil())
			if a := g.arrivalArg(x.Arrival); len(a) > 0 {
				arrived = a[0]
			}
			f.Func().Params(jen.Id("s").Id("stubActions")).Add(g.actionSignature(x)).BlockFunc(func(b *jen.Group) {
				if x.Replies {
					b.Id("reply").Call(jen.Id(g.names.reply[x.Arrival.Event]).Values())
				}
				b.Return(jen.Id("s").Dot("d").Dot("Action").Call(jen.Lit(x.Name.Value), arrived))
			})
		}
	}
	if len(g.m.Services) > 0 {
		stub("stubServices")
	}
	for _, s := range g.m.Services {
		name := goname.Exported(s.Name.Value)
		f.Func().Params(jen.Id("s").Id("stubServices")).Id(name).Params(ctxParam(), jen.Id("in").Id(name+"Input")).Params(jen.Id("out").Id(name+"Output"), jen.Err().Error()).Block(
			jen.Return(jen.Id("out"), jen.Id("s").Dot("d").Dot("Service").Call(jen.Id("ctx"), jen.Lit(s.Name.Value), jen.Id("in"), jen.Op("&").Id("out"))))
	}
	if len(g.m.Children) > 0 {
		stub("stubChildren")
	}
	for _, c := range g.m.Children {
		g.stubChild(f, c)
	}
	for _, r := range g.m.Sends {
		name := "stub" + goname.Exported(r.Name.Value)
		stub(name)
		for _, e := range r.Events {
			params, _ := g.keyParams(jen.Id("e").Op("*").Id(g.names.event[e]), jen.Id("e"))
			f.Func().Params(jen.Id("s").Id(name)).Id(goname.Exported(e.Name.Value)).Params(params...).Error().Block(
				jen.Return(jen.Id("s").Dot("d").Dot("Role").Call(jen.Lit(r.Name.Value), jen.Lit(e.Name.Value), jen.Id("e"))))
		}
	}
}

// stubChild makes machines of a golden child, which has no guards and actions in Go.
func (g *generator) stubChild(f *jen.File, c *model.Child) {
	f.ImportAlias(g.cfg.Children[c.Machine], c.Machine.Package+"child")
	theirs := func(name string) *jen.Statement { return jen.Qual(g.cfg.Children[c.Machine], name) }
	d := func() *jen.Statement { return jen.Id("s").Dot("d") }
	var params, args []jen.Code
	in := jen.Code(jen.Nil())
	for _, n := range []int{len(c.Machine.Services), len(c.Machine.Children)} {
		if n > 0 { // what it invokes fails
			args = append(args, jen.Nil())
		}
	}
	if len(c.Machine.Input) > 0 {
		params, args, in = append(params, jen.Id("in").Add(theirs("Input"))), append(args, jen.Id("in")), jen.Id("in")
	}
	f.Func().Params(jen.Id("s").Id("stubChildren")).Id(goname.Exported(c.Machine.ID.Value)).Params(params...).Params(jen.Op("*").Add(theirs("Machine")), jen.Error()).Block(
		jen.If(jen.Err().Op(":=").Add(d()).Dot("Action").Call(jen.Lit(c.Machine.ID.Value), in), jen.Err().Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Err())),
		jen.Id("m").Op(":=").Add(theirs("New")).Call(append(args, d().Dot("ChildOptions").Call().Op("..."))...),
		jen.Return(jen.Id("m"), jen.Id("m").Dot("Bind").Call(d().Dot("Bus").Call())),
	)
}
