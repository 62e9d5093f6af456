//go:build proofs

package golang

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What notices a mistake.
const (
	noticedByBuild  = "the build"
	noticedByCharts = "random charts, but no case"
	noticedByCases  = "the conformance cases"
)

// probe is some random charts and all conformance cases, in one program.
type probe struct {
	machines *machines // nil if it does not build
	charts   checked
	cases    checked
	archives map[string]string // of the program's packages, once they are wanted
}

// checked are scripts and the traces that they must have.
type checked struct {
	jobs []job
	want []string
}

func (c *checked) add(name, script, want string) {
	c.jobs, c.want = append(c.jobs, job{name, script}), append(c.want, want)
}

func newProbe(t testing.TB, charts int) *probe {
	t.Helper()
	p := &probe{}
	random := randomSpecs(1, charts)
	for _, s := range random {
		for _, first := range []string{"observe guards\nobserve publish\n", "observe plain\nobserve publish\n", "observe plain\n", "observe plain\nobserve batched\n"} {
			script := first + s.chart.script(120)
			p.charts.add(s.name, script, interpretScript(s.m, script, nil))
		}
	}
	specs := machineSpecs(random)
	for _, c := range conformanceCases(t) {
		specs = append(specs, c.machineSpec)
		m, _, _ := resolveText(c.name, c.yaml, c.invoked...)
		for _, script := range c.scripts(m) {
			p.cases.add(c.name, script, withoutStates(script))
		}
	}
	var err error
	if p.machines, err = makeMachines(t.TempDir(), specs); err != nil {
		t.Log(err)
	}
	return p
}

// noticed says what notices that something is wrong with the machines, if anything:
// the charts are only asked where all cases pass.
func (p *probe) noticed(m *machines) string {
	switch {
	case m == nil:
		return noticedByBuild
	case p.cases.differ(m):
		return noticedByCases
	case p.charts.differ(m):
		return noticedByCharts
	}
	return ""
}

func (c *checked) differ(m *machines) bool {
	traces, err := m.try(c.jobs, 30*time.Second)
	if err != nil {
		return true
	}
	for i, trace := range traces {
		if withoutStates(trace) != c.want[i] {
			return true
		}
	}
	return false
}

// relinked is the program with another package machine: nothing else is compiled
// again, unless the linker finds that it has to be. An error says that the package
// does not compile.
func (p *probe) relinked(t testing.TB, overlay string) (*machines, error) {
	t.Helper()
	source := filepath.Dir(p.machines.binary)
	if p.archives == nil {
		archives, err := exported(source, "-deps", ".")
		if err != nil {
			t.Fatal(err)
		}
		p.archives = archives
	}
	const machinePackage = "github.com/xsgen/xsgen/runtime/machine"
	other, err := exported(source, "-overlay", overlay, machinePackage)
	if err != nil {
		return nil, err
	}
	var config strings.Builder
	for path, file := range p.archives {
		if path == machinePackage {
			file = other[path]
		}
		fmt.Fprintf(&config, "packagefile %s=%s\n", path, file)
	}
	m := &machines{filepath.Join(t.TempDir(), "machines.exe")}
	file := m.binary + ".cfg"
	if err := os.WriteFile(file, []byte(config.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := goCommand(source, "tool", "link", "-s", "-w", "-importcfg", file, "-o", m.binary, p.archives["conformance"])
	if err != nil {
		t.Logf("everything is built: %s", out)
		out, err = m.build(source, "-overlay", overlay)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return m, nil
}

// exported are the compiled packages, by import path.
func exported(dir string, args ...string) (map[string]string, error) {
	out, err := goCommand(dir, append([]string{"list", "-trimpath", "-export", "-f", "{{.ImportPath}} {{.Export}}"}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	archives := map[string]string{}
	for line := range strings.Lines(out) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			archives[path] = file
		}
	}
	return archives, nil
}
