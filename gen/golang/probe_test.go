//go:build proofs

package golang

import (
	"crypto/sha256"
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
	noticedByHosts  = "the tests of hosts"
)

// probe is all conformance cases, and some random charts, each with scripts and the
// traces that they must have. Where it is compared with another generator, the packages
// have their numbers in it.
type probe struct {
	list     []probed
	cases    int       // so many of the list are cases, those before the charts
	machines *machines // of all of them
	source   string    // the directory of their module
	archives map[string]string
}

// probed is one machine of a probe.
type probed struct {
	machineSpec
	scripts, want []string
}

func (p *probe) add(spec machineSpec) *probed {
	p.list = append(p.list, probed{machineSpec: spec})
	return &p.list[len(p.list)-1]
}

func (s *probed) must(script, want string) {
	s.scripts, s.want = append(s.scripts, script), append(s.want, want)
}

// newProbe makes a probe of which nothing has been generated.
func newProbe(t testing.TB, charts int) *probe {
	t.Helper()
	p := &probe{}
	for _, c := range conformanceCases(t) {
		of := p.add(c.machineSpec)
		m, _, _ := resolveText(c.name, c.yaml, c.invoked...)
		for _, script := range c.scripts(m) {
			of.must(script, withoutStates(script))
		}
	}
	p.cases = len(p.list)
	random := randomSpecs(1, charts)
	for i, spec := range machineSpecs(random) {
		of := p.add(spec)
		for _, first := range []string{"observe guards\nobserve publish\n", "observe plain\nobserve publish\n", "observe plain\n", "observe plain\nobserve batched\n"} {
			script := first + random[i].chart.script(120)
			of.must(script, interpretScript(random[i].m, script, nil))
		}
	}
	return p
}

// write generates all machines.
func (p *probe) write(t *testing.T) {
	t.Helper()
	var specs []machineSpec
	for _, s := range p.list {
		specs = append(specs, s.machineSpec)
	}
	p.source = t.TempDir()
	if err := writeModule(p.source, specs); err != nil {
		t.Fatal(err)
	}
}

// build generates and builds all machines, which must do what they should.
func (p *probe) build(t *testing.T) {
	t.Helper()
	p.write(t)
	p.machines = &machines{filepath.Join(p.source, "machines.exe")}
	if out, err := p.machines.build(p.source, notOptimised...); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if noticed := p.noticed(p.machines); noticed != "" {
		t.Fatalf("without a mistake there is something wrong already: %s", noticed)
	}
}

// noticed says what notices that something is wrong with the machines, if anything:
// the charts are only asked where all cases pass.
func (p *probe) noticed(m *machines) string {
	switch {
	case differ(m, p.list[:p.cases]):
		return noticedByCases
	case differ(m, p.list[p.cases:]):
		return noticedByCharts
	}
	return ""
}

// differ reports whether machines do anything else than they must.
func differ(m *machines, list []probed) bool {
	var jobs []job
	var want []string
	for _, s := range list {
		for i, script := range s.scripts {
			jobs, want = append(jobs, job{s.name, script}), append(want, s.want[i])
		}
	}
	traces, err := m.try(jobs, time.Minute)
	if err != nil {
		return true
	}
	for i, trace := range traces {
		if withoutStates(trace) != want[i] {
			return true
		}
	}
	return false
}

// firstChanged is the number of machines that are built at first where a generator
// makes others than before: mostly they are enough.
const firstChanged = 12

// noticedChanges is noticed for another generator than the one that has written the
// module in before. Machines that are the same in both cannot notice anything; of the
// others a few are asked, then twice as many, and so on.
func (p *probe) noticedChanges(t testing.TB, before string) string {
	t.Helper()
	dir := t.TempDir()
	var importPaths []string
	var changed []probed
	most := firstChanged
	for i, s := range p.list {
		importPath, err := writePackage(dir, i, s.machineSpec)
		if err != nil {
			t.Log(err)
			return noticedByBuild
		}
		if digest(t, filepath.Join(dir, packageRoot(i))) != digest(t, filepath.Join(before, packageRoot(i))) {
			importPaths, changed = append(importPaths, importPath), append(changed, s)
		}
		last := i+1 == p.cases || i+1 == len(p.list) // charts are asked where cases have found nothing
		if len(changed) == 0 || len(changed) < most && !last {
			continue
		}
		m, err := changedMachines(dir, importPaths)
		switch {
		case err != nil:
			t.Log(err)
			return noticedByBuild
		case !differ(m, changed):
		case i < p.cases:
			return noticedByCases
		default:
			return noticedByCharts
		}
		importPaths, changed, most = nil, nil, 2*most
	}
	return ""
}

// changedMachines builds some machines of the module in dir.
func changedMachines(dir string, importPaths []string) (*machines, error) {
	if err := writeMain(dir, importPaths); err != nil {
		return nil, err
	}
	m := &machines{filepath.Join(dir, "machines.exe")}
	if out, err := m.build(dir, notOptimised...); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return m, nil
}

// digest tells packages apart.
func digest(t testing.TB, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", d.Name(), len(data), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(h.Sum(nil))
}

// relinked is the program with another package machine: nothing else is compiled
// again, unless the linker finds that it has to be. An error says that the package
// does not compile.
func (p *probe) relinked(t testing.TB, overlay string) (*machines, error) {
	t.Helper()
	if p.archives == nil {
		archives, err := exported(p.source, "-deps", ".")
		if err != nil {
			t.Fatal(err)
		}
		p.archives = archives
	}
	other, err := exported(p.source, "-overlay", overlay, machinePath)
	if err != nil {
		return nil, err
	}
	var config strings.Builder
	for path, file := range p.archives {
		if path == machinePath {
			file = other[path]
		}
		fmt.Fprintf(&config, "packagefile %s=%s\n", path, file)
	}
	m := &machines{filepath.Join(t.TempDir(), "machines.exe")}
	file := m.binary + ".cfg"
	if err := os.WriteFile(file, []byte(config.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := goCommand(p.source, "tool", "link", "-s", "-w", "-importcfg", file, "-o", m.binary, p.archives["conformance"])
	if err != nil {
		t.Logf("everything is built: %s", out)
		out, err = m.build(p.source, append(notOptimised, "-overlay", overlay)...)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return m, nil
}

// exported are the compiled packages, by import path.
func exported(dir string, args ...string) (map[string]string, error) {
	list := append([]string{"list", "-trimpath", "-export", "-f", "{{.ImportPath}} {{.Export}}"}, notOptimised...)
	out, err := goCommand(dir, append(list, args...)...)
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
