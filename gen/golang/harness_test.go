package golang

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dave/jennifer/jen"
	"golang.org/x/tools/txtar"

	"github.com/xsgen/xsgen/gen/check"
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
	// What the program is built of: its changes must not leave test results cached.
	_ "github.com/xsgen/xsgen/testdata/conformance/drive"
)

// machineSpec is a machine that a test runs: a name of letters, digits, `_` and
// `-`, its spec, and the specs of the machines that it invokes.
type machineSpec struct {
	name, yaml string
	invoked    []txtar.File
}

// machines is a program that runs the scripts of many machines; what scripts and
// traces are is documented in testdata/conformance/drive.
type machines struct{ binary string }

// resolveText runs a spec through all stages but the last. What it invokes is among
// invoked.
func resolveText(name, yaml string, invoked ...txtar.File) (*model.Machine, *expr.Table, *diag.List) {
	r := textResolver{invoked: invoked}
	m, table := r.resolve(name+".machine.yaml", []byte(yaml))
	return m, table, &r.problems
}

// resolvedText is a machine and its types.
type resolvedText struct {
	*model.Machine
	table *expr.Table
}

// textResolver resolves a spec and those of the machines that it invokes.
type textResolver struct {
	invoked  []txtar.File
	found    []resolvedText // of them, those that are invoked by others first
	problems diag.List
}

func (r *textResolver) resolve(file string, yaml []byte) (*model.Machine, *expr.Table) {
	l := &r.problems
	s := spec.ParseMachine(source.NewFile(file, yaml), l)
	if s == nil {
		return nil, nil
	}
	m := model.LinkMachine(s, l, r.find)
	table := expr.Check(m, l)
	CheckNames(m, l)
	if l.Errors() == 0 {
		check.Run(m, table, l)
	}
	return m, table
}

// find implements model.Finder.
func (r *textResolver) find(path spec.Scalar) *model.Machine {
	name, _ := strings.CutSuffix(path.Value, ".machine.yaml")
	for _, m := range r.found {
		if m.ID.Value == name {
			return m.Machine
		}
	}
	for _, f := range r.invoked {
		if f.Name == path.Value {
			m, table := r.resolve(f.Name, f.Data)
			r.found = append(r.found, resolvedText{m, table})
			return m
		}
	}
	r.problems.Add(diag.UnknownService, path.Pos, "there is no %s beside the spec", path.Value)
	return nil
}

// problems are the diagnostics as text.
func problems(l *diag.List) string {
	var out bytes.Buffer
	_ = diag.Text(&out, l)
	return out.String()
}

// buildMachines generates the machines and builds one program of them; buildArgs
// are added to those of go build.
func buildMachines(t testing.TB, specs []machineSpec, buildArgs ...string) *machines {
	t.Helper()
	m, err := makeMachines(t.TempDir(), specs, buildArgs...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// notOptimised halves the time that it takes to build machines. And as nothing of package
// machine is inlined in others, another one can be linked with what they are compiled
// to; see TestMutants.
var notOptimised = []string{"-gcflags=conformance/...=-N -l", "-gcflags=" + machinePath + "=-l"}

func makeMachines(dir string, specs []machineSpec, buildArgs ...string) (*machines, error) {
	if err := writeModule(dir, specs); err != nil {
		return nil, err
	}
	m := &machines{filepath.Join(dir, "machines.exe")}
	if out, err := m.build(dir, buildArgs...); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return m, nil
}

// build builds the program of the module in dir. Without -trimpath the build cache
// would tell temporary directories apart.
func (m *machines) build(dir string, buildArgs ...string) (string, error) {
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", m.binary}, buildArgs...)
	return goCommand(dir, append(args, ".")...)
}

// goCommand runs the go command in the directory of such a module.
func goCommand(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// writeModule makes dir a module of the machines' packages and a main program.
func writeModule(dir string, specs []machineSpec) error {
	var importPaths []string
	for i, s := range specs {
		importPath, err := writePackage(dir, i, s)
		if err != nil {
			return err
		}
		importPaths = append(importPaths, importPath)
	}
	return writeMain(dir, importPaths)
}

// writeMain writes the main program of a module, which has the machines of some of
// its packages.
func writeMain(dir string, importPaths []string) error {
	var main strings.Builder
	main.WriteString("package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\n\t\"" + conformancePath + "\"\n")
	for _, importPath := range importPaths {
		fmt.Fprintf(&main, "\t_ %q\n", importPath)
	}
	main.WriteString(")\n\nfunc main() {\n\tif err := drive.Main(os.Stdin, os.Stdout); err != nil {\n\t\tfmt.Fprintln(os.Stderr, err)\n\t\tos.Exit(1)\n\t}\n}\n")
	mod, sum, err := moduleFiles()
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"main.go": main.String(), "go.mod": mod, "go.sum": sum} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// moduleFiles are go.mod and go.sum of a module that uses the repository's: its
// own requirements are the repository's too, so that nothing has to be looked up.
func moduleFiles() (mod, sum string, err error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", "", err
	}
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", "", err
	}
	mod = regexp.MustCompile(`(?m)^module .*$`).ReplaceAllString(string(data), "module conformance")
	mod += fmt.Sprintf("\nrequire github.com/xsgen/xsgen v0.0.0\n\nreplace github.com/xsgen/xsgen => %s\n", root)
	data, err = os.ReadFile(filepath.Join(root, "go.sum"))
	return mod, string(data), err
}

// writePackage generates one machine, what it invokes, and their adapters; it returns
// the import path.
func writePackage(dir string, i int, s machineSpec) (string, error) {
	r := textResolver{invoked: s.invoked}
	m, table := r.resolve(s.name+".machine.yaml", []byte(s.yaml))
	if r.problems.Errors() > 0 {
		return "", fmt.Errorf("%s:\n%s\n%s", s.name, problems(&r.problems), s.yaml)
	}
	root := packageRoot(i) + "/"
	invoked := map[*model.Machine]string{}
	for _, child := range r.found {
		cfg := Config{ImportPath: "conformance/" + root + child.Package, Source: child.ID.Value + ".machine.yaml", Children: invoked}
		g := &generator{m: child.Machine, table: child.table, cfg: cfg, names: newNames(child.Machine), chart: newChart(child.Machine)}
		if err := g.write(filepath.Join(dir, root, child.Package), g.childAdapter); err != nil {
			return "", err
		}
		invoked[child.Machine] = cfg.ImportPath
	}
	cfg := Config{ImportPath: "conformance/" + root + m.Package, Source: s.name + ".machine.yaml", Children: invoked}
	g := &generator{m: m, table: table, cfg: cfg, names: newNames(m), chart: newChart(m)}
	return cfg.ImportPath, g.write(filepath.Join(dir, root, m.Package), g.adapter(s.name))
}

// packageRoot is the directory of machine i and of what it invokes.
func packageRoot(i int) string { return fmt.Sprintf("m%04d", i) }

// write writes a machine's package, and its adapter.
func (g *generator) write(dir string, fill func(*jen.File)) error {
	files, err := Package(g.m, g.table, g.cfg)
	if err != nil {
		return err
	}
	adapter, err := g.file(fill)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range append(files, File{"adapter.go", adapter}) {
		if f.Name == "pubsub"+Suffix || strings.Contains(f.Name, "/") {
			continue // nobody publishes to these machines or tests them otherwise, and it is half of what is compiled
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// job is a script to run on the machine of a name.
type job struct{ name, script string }

// run runs a script on a machine of its own and returns the trace.
func (m *machines) run(t testing.TB, name, script string) string {
	t.Helper()
	return m.runAll(t, []job{{name, script}})[0]
}

// runAll runs many scripts in one process. The process is killed if it hangs.
func (m *machines) runAll(t testing.TB, jobs []job) []string {
	t.Helper()
	traces, err := m.try(jobs, 5*time.Minute)
	if err != nil {
		last := jobs[min(len(traces), len(jobs)-1)]
		t.Fatalf("%s: %v; the script was\n%s", last.name, err, last.script)
	}
	return traces
}

// try returns as many traces as it could get.
func (m *machines) try(jobs []job, within time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var in, errs bytes.Buffer
	for _, j := range jobs {
		fmt.Fprintf(&in, "%s %d\n%s", j.name, len(j.script), j.script)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, m.binary)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &errs
	failed := cmd.Run()
	traces := readTraces(bufio.NewReader(&out))
	if failed == nil && len(traces) < len(jobs) {
		failed = io.ErrUnexpectedEOF
	}
	if failed != nil {
		return traces, fmt.Errorf("%w\n%s", failed, errs.String())
	}
	return traces, nil
}

func readTraces(r *bufio.Reader) []string {
	var traces []string
	for {
		var size int
		if _, err := fmt.Fscanf(r, "%d\n", &size); err != nil {
			return traces
		}
		trace := make([]byte, size)
		if _, err := io.ReadFull(r, trace); err != nil {
			return traces
		}
		traces = append(traces, string(trace))
	}
}
