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

// TestMutants makes every mistake and asserts that what must notice it does, or that
// there is nothing to build: the cases, or a golden case for what only hosts do; random
// charts do not count. It takes some minutes: see the Makefile.
func TestMutants(t *testing.T) {
	p := newProbe(t, 24)
	p.build(t)
	if noticed := p.noticed(p.machines); noticed != "" {
		t.Fatalf("without a mistake there is something wrong already: %s", noticed)
	}
	by := map[string]int{}
	for _, m := range allMutants() {
		part, _, _ := strings.Cut(m.file, "/") // runtime or gen
		t.Run(part+"/"+strings.ReplaceAll(m.why, " ", "-"), func(t *testing.T) {
			noticed := m.noticed(t, p)
			by[noticed]++
			if noticed == "" || noticed == noticedByCharts {
				t.Errorf("%s: %s: noticed by %q\n- %s\n+ %s", m.file, m.why, noticed, m.old, m.new)
			}
		})
	}
	t.Logf("%d mutants: %v", len(allMutants()), by)
}

// noticed makes the mistake, and says what has noticed it.
func (m mutant) noticed(t *testing.T, p *probe) string {
	overlay := m.overlay(t)
	switch golden := goldenOf[m.file]; {
	case golden != "":
		return m.noticedBy(t, overlay, golden)
	case !strings.HasPrefix(m.file, "runtime/"):
		if out, err := exec.Command("go", "build", "-overlay", overlay, ".").CombinedOutput(); err != nil {
			t.Fatalf("%s: %s: it does not compile:\n%s", m.file, m.why, out)
		}
		return probedByTest(t, overlay, p.source)
	}
	other, err := p.relinked(t, overlay)
	if err != nil {
		t.Fatalf("%s: %s: it does not compile:\n%v", m.file, m.why, err)
	}
	return p.noticed(other)
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

// noticedBy says whether the tests of a golden case notice the mistake.
func (m mutant) noticedBy(t *testing.T, overlay, golden string) string {
	cmd := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-failfast", "-timeout", "2m", "-skip", "SIGKILL", "./"+golden)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return ""
	case strings.Contains(string(out), "[build failed]"):
		t.Fatalf("%s: %s: it does not compile:\n%s", m.file, m.why, out)
	}
	return noticedByGolden
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
