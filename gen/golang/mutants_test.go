package golang

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutant is a mistake that the conformance cases, or some random charts, must notice.
// It is made where old, which stands in the file once, is replaced.
type mutant struct{ file, old, new, why string }

func allMutants() []mutant {
	return append(runtimeMutants[:len(runtimeMutants):len(runtimeMutants)], generatorMutants...)
}

// TestMutantsFit: the list goes with the code: every old text is found, once.
func TestMutantsFit(t *testing.T) {
	list := allMutants()
	if len(list) < 40 {
		t.Errorf("there are only %d mutants", len(list))
	}
	for _, m := range list {
		text, err := os.ReadFile(filepath.Join("../..", m.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), m.old); n != 1 || m.old == m.new || m.why == "" {
			t.Errorf("%s: %q is found %d times", m.file, m.old, n)
		}
	}
}

// TestMutants makes every mistake and asserts that it is noticed. It takes some minutes
// and runs only if XSGEN_MUTANTS is set.
func TestMutants(t *testing.T) {
	if os.Getenv("XSGEN_MUTANTS") == "" {
		t.Skip("XSGEN_MUTANTS is not set")
	}
	if noticed := probe(t); noticed != "" {
		t.Fatalf("without a mistake there is something wrong already: %s", noticed)
	}
	by := map[string]int{}
	for _, m := range allMutants() {
		t.Run(strings.ReplaceAll(m.why, " ", "-"), func(t *testing.T) {
			noticed := m.noticed(t)
			by[noticed]++
			if noticed == "" {
				t.Errorf("%s: %s: not noticed\n- %s\n+ %s", m.file, m.why, m.old, m.new)
			}
		})
	}
	t.Logf("%d mutants: %v", len(allMutants()), by)
}

// noticed makes the mistake in an overlay of the file, and says what has noticed it.
func (m mutant) noticed(t *testing.T) string {
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
	for name, data := range map[string]string{wrong: strings.Replace(string(text), m.old, m.new, 1), overlay: string(list)} {
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "../../"+filepath.Dir(m.file)).CombinedOutput(); err != nil {
		t.Fatalf("%s: %s: it does not compile:\n%s", m.file, m.why, out)
	}
	if strings.HasPrefix(m.file, "runtime/") {
		return probe(t, "-overlay", overlay)
	}
	return probedByTest(t, overlay)
}

// probedByTest is probe with another generator than this test has.
func probedByTest(t *testing.T, overlay string) string {
	cmd := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-run", "^TestProbe$", ".")
	cmd.Env = append(os.Environ(), "XSGEN_PROBE=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	for _, what := range []string{noticedByBuild, noticedByCharts, noticedByCases} {
		if strings.Contains(string(out), what) {
			return what
		}
	}
	t.Fatalf("%v\n%s", err, out)
	return ""
}

// TestProbe is what TestMutants runs with another generator.
func TestProbe(t *testing.T) {
	if os.Getenv("XSGEN_PROBE") == "" {
		t.Skip("XSGEN_PROBE is not set")
	}
	if noticed := probe(t); noticed != "" {
		t.Error(noticed)
	}
}

// What notices a mistake.
const (
	noticedByBuild  = "the build"
	noticedByCharts = "random charts"
	noticedByCases  = "the conformance cases"
)

// probe says what notices that something is wrong with machines that are built with
// these arguments: a few random charts, which are quick, or else the cases.
func probe(t testing.TB, buildArgs ...string) string {
	charts := randomSpecs(1, 24)
	var jobs []job
	var want []string
	for _, s := range charts {
		for _, first := range []string{"observe guards\nobserve publish\n", "observe plain\nobserve publish\n", "observe plain\n"} {
			j := job{s.name, first + s.chart.script(120)}
			jobs, want = append(jobs, j), append(want, interpretScript(s.m, j.script, nil))
		}
	}
	if differs(t, machineSpecs(charts), jobs, want, buildArgs) {
		return noticedByCharts
	}
	var specs []machineSpec
	jobs, want = nil, nil
	for _, c := range conformanceCases(t) {
		specs = append(specs, machineSpec{c.name, c.yaml})
		for _, script := range []string{c.script, c.plain()} {
			jobs, want = append(jobs, job{c.name, script}), append(want, withoutStates(script))
		}
	}
	if differs(t, specs, jobs, want, buildArgs) {
		return noticedByCases
	}
	return ""
}

// differs reports whether any trace is not as it should be.
func differs(t testing.TB, specs []machineSpec, jobs []job, want, buildArgs []string) bool {
	m, err := makeMachines(t.TempDir(), specs, buildArgs...)
	if err != nil {
		t.Log(noticedByBuild, err)
		return true
	}
	traces, err := m.try(jobs, 20*time.Second)
	if err != nil {
		return true
	}
	for i, trace := range traces {
		if withoutStates(trace) != want[i] {
			if len(buildArgs) == 0 {
				t.Logf("%s: got\n%s\nwant\n%s", jobs[i].name, trace, want[i])
			}
			return true
		}
	}
	return false
}
