package gen_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
)

var fence = regexp.MustCompile("(?ms)^(?:<!-- (\\w+) ?([^\n]*?) ?-->\n)?```(\\w*)\n(.*?)^```$")

// TestDocSnippets checks every spec in the documents: each is whole, and has
// nothing wrong with it. One that has a name can be invoked by those below. A block
// of code that says nothing of how it is tested is an error.
func TestDocSnippets(t *testing.T) {
	files, err := filepath.Glob("../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	n := 0
	for _, file := range files {
		if filepath.Base(file) == "checks.md" {
			continue // made of the golden diagnostics
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string][]byte{}
		for _, m := range fence.FindAllSubmatch(data, -1) {
			kind, text := string(m[1]), m[4]
			switch kind {
			case "machine":
				n++
				checkSnippet(t, file, text, named)
				named[string(m[2])+gen.MachineSuffix] = text
			case "topology":
				checkTopologySnippet(t, file, text, named)
			case "excerpt": // of what is generated from a spec above
				checkExcerpt(t, file, text, named)
			case "part": // of a file, most often an example that is run
				if whole, err := os.ReadFile("../" + string(m[2])); err != nil || !strings.Contains(undented(whole), undented(text)) {
					t.Errorf("%s: this is not a part of %s (%v):\n%s", file, m[2], err, text)
				}
			case "command": // run by hand: benchmarks
			default:
				t.Errorf("%s: a block that no test knows:\n%s", file, text)
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d specs were found", n)
	}
}

// undented is text without what its lines begin with, tabs and the mark of a comment.
func undented(text []byte) string {
	return regexp.MustCompile(`(?m)^\s*(//\s*)?`).ReplaceAllString(string(text), "")
}

// fromMap reads files of a map.
func fromMap(files map[string][]byte) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if data, ok := files[name]; ok {
			return data, nil
		}
		return nil, fs.ErrNotExist
	}
}

// checkExcerpt looks for Go in what is generated from the named specs.
func checkExcerpt(t *testing.T, file string, text []byte, named map[string][]byte) {
	t.Helper()
	comment := regexp.MustCompile(`(?m)^\s*//.*\n`)
	for name, data := range named {
		r, err := gen.Generate(gen.Input{Specs: []gen.Spec{{Path: name, Data: data}}, Modules: module, Read: fromMap(named)})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Packages {
			for _, f := range p.Files {
				if bytes.Contains(comment.ReplaceAll(f.Data, nil), text) {
					return
				}
			}
		}
	}
	t.Errorf("%s: this is generated from no spec above:\n%s", file, text)
}

func checkSnippet(t *testing.T, file string, text []byte, named map[string][]byte) {
	t.Helper()
	r, err := gen.Generate(gen.Input{Specs: []gen.Spec{{Path: "x.machine.yaml", Name: file, Data: text}}, Modules: module, Read: fromMap(named)})
	if err != nil {
		t.Fatal(err)
	}
	if r.Diagnostics.Len() > 0 {
		var out bytes.Buffer
		_ = diag.Text(&out, r.Diagnostics)
		t.Errorf("%s", out.String())
	}
}

// TestEveryKeyIsDocumented collects the keys that the parser knows from its own
// source, and looks for each in the reference.
func TestEveryKeyIsDocumented(t *testing.T) {
	ofTopologies := []string{"spec/parse_topology.go", "spec/parse_link.go"}
	files, _ := filepath.Glob("spec/parse*.go")
	checkKeys(t, "../docs/spec.md", slices.DeleteFunc(files, func(f string) bool { return slices.Contains(ofTopologies, f) }), 40)
	checkKeys(t, "../docs/topology.md", ofTopologies, 30)
}

// checkKeys looks in a document for the keys that are read in some files.
func checkKeys(t *testing.T, doc string, files []string, least int) {
	reference, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`\{"(\w+)", (?:func|set|verb|names)`)
	found := map[string]bool{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllSubmatch(data, -1) {
			found[string(m[1])] = true
		}
	}
	if len(found) < least {
		t.Fatalf("only %d keys were found in the parser", len(found))
	}
	for k := range found {
		if !regexp.MustCompile("[`{ ,]" + k + "[`:,]").Match(reference) {
			t.Errorf("%s does not mention the key %q", doc, k)
		}
	}
}

func TestEveryVerbIsDocumented(t *testing.T) {
	reference, err := os.ReadFile("../docs/spec.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"generate", "check", "diff", "schema", "explain", "version", "help"} {
		if !bytes.Contains(reference, []byte("xsgen "+verb)) {
			t.Errorf("docs/spec.md does not mention the verb %s", verb)
		}
	}
}

// TestChecksDoc keeps docs/checks.md: the rules, each with its golden diagnostic.
func TestChecksDoc(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Checks\n\nEverything that xsgen says about specs, by code. A warning stops nothing unless `--strict`\n" +
		"is given. The examples are the golden diagnostics of the tests.\n\n| code | name | | |\n|---|---|---|---|\n")
	for _, r := range diag.Rules() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", r.Code, strings.ToLower(r.Code+"-"+r.Name), r.Name, r.Severity, r.Summary)
	}
	for _, r := range diag.Rules() {
		fmt.Fprintf(&b, "\n## %s %s\n\n%s\n", r.Code, r.Name, r.Summary)
		example := exampleOf(t, r)
		if example == "" {
			t.Errorf("no golden shows %s", r)
		}
		fmt.Fprintf(&b, "\n```text\n%s```\n", example)
	}
	want, _ := os.ReadFile("../docs/checks.md")
	if bytes.Equal(b.Bytes(), want) {
		return
	}
	if os.Getenv("XSGEN_UPDATE") == "" {
		t.Errorf("docs/checks.md is not up to date; run with XSGEN_UPDATE=1:\n%s", diff.Diff("docs/checks.md", want, "now", b.Bytes()))
	} else if err := os.WriteFile("../docs/checks.md", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// exampleOf is the first diagnostic of r in its golden files: those of its name, or,
// if it is about the disk, what a script of the command compares.
func exampleOf(t *testing.T, r *diag.Rule) string {
	t.Helper()
	files, _ := filepath.Glob("testdata/diag/" + r.Code + "-*.txtar")
	scripts, _ := filepath.Glob("../cmd/xsgen/testdata/script/*.txtar")
	for _, f := range append(files, scripts...) {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range a.Files {
			if out := firstOf(r, string(file.Data)); out != "" {
				return out
			}
		}
	}
	return ""
}

// firstOf is the first diagnostic of r in an output.
func firstOf(r *diag.Rule, text string) string {
	lines := strings.SplitAfter(text, "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, "["+r.String()+"]\n") })
	if i < 0 {
		return ""
	}
	out := lines[i]
	for _, l := range lines[i+1:] {
		if !strings.HasPrefix(l, "  ") && !strings.Contains(l, " note: ") {
			break
		}
		out += l
	}
	return out
}
