package golang

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"github.com/xsgen/xsgen/gen/model"
)

// conformanceCase is a file of testdata/conformance: a machine, those that it invokes,
// and a script with everything that must be observed.
type conformanceCase struct {
	machineSpec
	script string
	rules  []string // of docs/semantics.md
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
		var c conformanceCase
		c.name = strings.TrimSuffix(filepath.Base(file), ".txtar")
		header, _, _ := strings.Cut(string(a.Comment), "\n")
		rules, found := strings.CutPrefix(header, "rules: ")
		last := len(a.Files) - 1
		if !found || last < 1 || a.Files[0].Name != "case.machine.yaml" || a.Files[last].Name != "script" {
			t.Fatalf("%s: a case is a line with its rules, case.machine.yaml, the machines that it invokes, and script", file)
		}
		c.rules = strings.Split(rules, ", ")
		c.yaml, c.invoked, c.script = string(a.Files[0].Data), a.Files[1:last], string(a.Files[last].Data)
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
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if c.invokes(word) {
			word, _, _ = strings.Cut(rest, " ")
		}
		if line[0] == ' ' && (word == "enter" || word == "exit" || word == "unhandled") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// invokes reports whether id is that of a machine that is invoked.
func (c *conformanceCase) invokes(id string) bool {
	return slices.ContainsFunc(c.invoked, func(f txtar.File) bool { return f.Name == id+".machine.yaml" })
}

// batched is the script for a machine that takes sends that follow one another all at
// once: what is below the last of them is what was below each. "" if the machine sends
// to itself, or if others do that it invokes: such an event comes after those of a batch.
func (c *conformanceCase) batched(m *model.Machine) string {
	if sendsToItself(m) || len(m.Children) > 0 && sendsInARow(c.script) {
		return ""
	}
	var b strings.Builder
	var notes, failed []string
	active := "" // of the batch, if there is one
	end := func() {
		for _, line := range slices.Concat(notes, failed, []string{active}) {
			b.WriteString(line)
		}
		notes, failed, active = nil, nil, ""
	}
	sending := false
	for line := range strings.Lines("observe batched\n" + c.plain()) {
		switch command := line[0] != ' '; {
		case command && strings.HasPrefix(line, "send "):
			sending = true
			b.WriteString(line)
		case command || !sending:
			end()
			sending = false
			b.WriteString(line)
		case strings.HasPrefix(line, "  ="):
			active = line
		case strings.HasPrefix(line, "  error "):
			failed = append(failed, line)
		default:
			notes = append(notes, line)
		}
	}
	end()
	return b.String()
}

func sendsInARow(script string) bool {
	before := false
	for line := range strings.Lines(script) {
		if line[0] == ' ' {
			continue
		}
		sends := strings.HasPrefix(line, "send ")
		if before && sends {
			return true
		}
		before = sends
	}
	return false
}

func sendsToItself(m *model.Machine) bool {
	toItself := func(list []*model.Action) bool {
		return slices.ContainsFunc(list, func(x *model.Action) bool { return x.Self && x.After == nil })
	}
	return slices.ContainsFunc(m.Transitions, func(t *model.Transition) bool { return toItself(t.Actions) }) ||
		slices.ContainsFunc(m.States, func(s *model.State) bool {
			return toItself(s.Entry) || toItself(s.Exit) || s.Initial != nil && toItself(s.Initial.Actions)
		})
}

// scripts are those of all modes.
func (c *conformanceCase) scripts(m *model.Machine) []string {
	list := []string{c.script, c.plain()}
	if script := c.batched(m); script != "" {
		list = append(list, script)
	}
	if script := c.restored(); script != "" {
		list = append(list, "observe restored\n"+script, "observe suspended\n"+script)
	}
	return list
}

// restored is the script, if the machine does all the same where it is replaced after
// each command by one that is made of its snapshot. It is "" for those that see that:
// those that take snapshots themselves, wait for a service to be cancelled, or have a
// delay that passes without the clock's moving.
func (c *conformanceCase) restored() string {
	for _, line := range []string{"snapshot\n", "suspend\n", "away ", "cancelled ", "advance 0s\n"} {
		if strings.HasPrefix(c.script, line) || strings.Contains(c.script, "\n"+line) {
			return ""
		}
	}
	return c.script
}

// runConformance says of every case what is wrong with it; "" is a pass. The
// machines that can be generated are one program.
func runConformance(t testing.TB, cases []conformanceCase) []string {
	t.Helper()
	faults := make([]string, len(cases))
	var specs []machineSpec
	var jobs []job
	var of []int // the case of each job
	for i, c := range cases {
		m, _, l := resolveText(c.name, c.yaml, c.invoked...)
		if l.Errors() > 0 {
			faults[i] = problems(l)
			continue
		}
		specs = append(specs, c.machineSpec)
		for _, script := range c.scripts(m) {
			jobs, of = append(jobs, job{c.name, script}), append(of, i)
		}
	}
	traces := buildMachines(t, specs, notOptimised...).runAll(t, jobs)
	for n, got := range traces {
		if want := jobs[n].script; got != want && faults[of[n]] == "" {
			faults[of[n]] = string(diff.Diff("by the rules", []byte(want), "by the machine", []byte(got)))
		}
	}
	return faults
}

// TestConformance runs every case with an observer, without one, in batches, and with
// snapshots between all commands.
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
