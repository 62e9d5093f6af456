//go:build proofs

package golang

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMutants makes every mistake and asserts that it is noticed by the cases, or that
// there is nothing to build; random charts do not count. Mistakes in what only hosts do
// must be noticed by the tests of hosts. It takes some minutes: see the Makefile.
func TestMutants(t *testing.T) {
	p := newProbe(t, 24)
	nothing := func(*testing.T) {}
	by := map[string]int{}
	for _, part := range []struct {
		name    string
		list    []mutant
		prepare func(*testing.T)
		noticed func(m mutant, t *testing.T, p *probe) string
	}{
		{"runtime", runtimeMutants, p.build, mutant.noticedInRuntime},
		{"gen", generatorMutants, p.write, mutant.noticedInGenerator},
		{"hosts", hostMutants, nothing, mutant.noticedInHosts},
	} {
		t.Run(part.name, func(t *testing.T) {
			part.prepare(t)
			for _, m := range part.list {
				t.Run(strings.ReplaceAll(m.why, " ", "-"), func(t *testing.T) {
					noticed := part.noticed(m, t, p)
					by[noticed]++
					if noticed == "" || noticed == noticedByCharts {
						t.Errorf("%s: %s: noticed by %q\n- %s\n+ %s", m.file, m.why, noticed, m.old, m.new)
					}
				})
			}
		})
	}
	t.Logf("%d mutants: %v", len(allMutants()), by)
}

// noticedInRuntime says what notices a mistake in package machine.
func (m mutant) noticedInRuntime(t *testing.T, p *probe) string {
	other, err := p.relinked(t, m.overlay(t))
	if err != nil {
		t.Fatalf("%s: %s: it does not compile:\n%v", m.file, m.why, err)
	}
	return p.noticed(other)
}

// noticedInGenerator says what notices a mistake in what makes the tables.
func (m mutant) noticedInGenerator(t *testing.T, p *probe) string {
	overlay := m.overlay(t)
	if out, err := exec.Command("go", "build", "-overlay", overlay, ".").CombinedOutput(); err != nil {
		t.Fatalf("%s: %s: it does not compile:\n%s", m.file, m.why, out)
	}
	return probedByTest(t, overlay, p.source)
}

// noticedInHosts says whether the tests of hosts notice a mistake. Those that kill
// processes are left out.
func (m mutant) noticedInHosts(t *testing.T, _ *probe) string {
	cmd := exec.Command("go", "test", "-overlay", m.overlay(t), "-count=1", "-failfast", "-timeout", "2m", "-skip", "SIGKILL", "./testdata/golden/desk", "./runtime/machine")
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return ""
	case strings.Contains(string(out), "[build failed]"):
		t.Fatalf("%s: %s: it does not compile:\n%s", m.file, m.why, out)
	}
	return noticedByHosts
}

// overlay is a file that tells the go command of the mistake.
func (m mutant) overlay(t *testing.T) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, m.file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	wrong, overlay := filepath.Join(dir, "wrong.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{file: wrong}})
	if err != nil {
		t.Fatal(err)
	}
	// What follows stays on its lines: positions are part of what importers depend on.
	lines := strings.Repeat("\n", strings.Count(m.old, "\n")-strings.Count(m.new, "\n"))
	for name, data := range map[string]string{wrong: strings.Replace(string(text), m.old, m.new+lines, 1), overlay: string(list)} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// probedByTest says what notices another generator than this test has, which has
// written the module in before.
func probedByTest(t *testing.T, overlay, before string) string {
	cmd := exec.Command("go", "test", "-tags", "proofs", "-overlay", overlay, "-count=1", "-run", "^TestProbe$", ".")
	cmd.Env = append(os.Environ(), probeBefore+"="+before)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	for _, what := range []string{noticedByBuild, noticedByCharts, noticedByCases} {
		if strings.Contains(string(out), what) {
			return what
		}
	}
	if strings.Contains(string(out), "panic:") {
		return noticedByBuild
	}
	t.Fatalf("%v\n%s", err, out)
	return ""
}

// probeBefore names the variable that says where the module is that the right
// generator has written.
const probeBefore = "XSGEN_PROBE_BEFORE"

// TestProbe is what TestMutants runs with another generator.
func TestProbe(t *testing.T) {
	before := os.Getenv(probeBefore)
	if before == "" {
		t.Skip("TestMutants runs it")
	}
	if noticed := newProbe(t, 24).noticedChanges(t, before); noticed != "" {
		t.Error(noticed)
	}
}
