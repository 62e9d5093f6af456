package golang

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"
)

// conformanceCase is a file of testdata/conformance: a machine, and a script with
// everything that must be observed.
type conformanceCase struct {
	name, yaml, script string
	rules              []string // of docs/semantics.md
}

func conformanceCases(t testing.TB) []conformanceCase {
	t.Helper()
	files, err := filepath.Glob("../../testdata/conformance/*.txtar")
	if err != nil || len(files) < 150 {
		t.Fatalf("%d conformance cases, %v", len(files), err)
	}
	var cases []conformanceCase
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := conformanceCase{name: strings.TrimSuffix(filepath.Base(file), ".txtar")}
		header, _, _ := strings.Cut(string(a.Comment), "\n")
		rules, found := strings.CutPrefix(header, "rules: ")
		if !found || len(a.Files) != 2 || a.Files[0].Name != "case.machine.yaml" || a.Files[1].Name != "script" {
			t.Fatalf("%s: a case is a line with its rules, case.machine.yaml and script", file)
		}
		c.rules = strings.Split(rules, ", ")
		c.yaml, c.script = string(a.Files[0].Data), string(a.Files[1].Data)
		cases = append(cases, c)
	}
	return cases
}

// plain is the script for a machine that nobody observes, which takes the short
// ways through the step loop: what only an observer hears of is left out.
func (c *conformanceCase) plain() string {
	var b strings.Builder
	b.WriteString("observe plain\n")
	for line := range strings.Lines(c.script) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if line[0] == ' ' && (word == "enter" || word == "exit" || word == "unhandled") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// runConformance says of every case what is wrong with it; "" is a pass. The
// machines that can be generated are one program; their packages are not optimised,
// which halves the time that it takes to build.
func runConformance(t testing.TB, cases []conformanceCase) []string {
	t.Helper()
	faults := make([]string, len(cases))
	var specs []machineSpec
	var jobs []job
	var of []int // the case of each job
	for i, c := range cases {
		_, _, l := resolveText(c.name, c.yaml)
		if l.Errors() > 0 {
			faults[i] = problems(l)
			continue
		}
		specs = append(specs, machineSpec{c.name, c.yaml})
		jobs = append(jobs, job{c.name, c.script}, job{c.name, c.plain()})
		of = append(of, i, i)
	}
	traces := buildMachines(t, specs, "-gcflags=conformance/...=-N -l").runAll(t, jobs)
	for n, got := range traces {
		if want := jobs[n].script; got != want && faults[of[n]] == "" {
			faults[of[n]] = string(diff.Diff("by the rules", []byte(want), "by the machine", []byte(got)))
		}
	}
	return faults
}

// TestConformance runs every case with an observer and without one.
func TestConformance(t *testing.T) {
	cases := conformanceCases(t)
	faults := runConformance(t, cases)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if faults[i] != "" {
				t.Errorf("%s\n%s\n%s", strings.Join(c.rules, ", "), c.yaml, faults[i])
			}
		})
	}
}
