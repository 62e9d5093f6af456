package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/gotooltest"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/modfile"
)

// snippet is a fenced block of a document with the HTML comment above it, which
// says what it is: "file: name", "run: name", "output" or "generated: name".
type snippet struct{ kind, name, text string }

var snippets = regexp.MustCompile("(?s)<!-- (\\w+)(?:: (\\S+))? -->\n```\\w*\n(.*?)```")

func readSnippets(t *testing.T, file string) []snippet {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []snippet
	for _, m := range snippets.FindAllStringSubmatch(string(data), -1) {
		out = append(out, snippet{m[1], m[2], m[3]})
	}
	return out
}

// editsOfGet are the changes that `go get -tool` of this checkout would make to
// a go.mod.
func editsOfGet(t *testing.T, root string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	edits := " -go=" + mod.Go.Version + " -tool=github.com/xsgen/xsgen/cmd/xsgen -require=github.com/xsgen/xsgen@v0.0.0 -replace=github.com/xsgen/xsgen=" + root
	for _, r := range mod.Require {
		edits += fmt.Sprintf(" -require=%s@%s", r.Mod.Path, r.Mod.Version)
	}
	return edits
}

// TestREADME does what the README tells a newcomer to do. Only the line that
// fetches xsgen is replaced: this checkout is used instead of a release.
func TestREADME(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	const get = "go get -tool github.com/xsgen/xsgen/cmd/xsgen@latest"
	var script, files strings.Builder
	var generated []snippet
	last := ""
	for _, s := range readSnippets(t, filepath.Join(root, "README.md")) {
		switch s.kind {
		case "file":
			fmt.Fprintf(&files, "-- %s --\n%s", s.name, s.text)
		case "run":
			for line := range strings.Lines(s.text) {
				if line = strings.TrimSpace(line); line == get {
					fmt.Fprintf(&script, "cp %s go.sum\n", filepath.Join(root, "go.sum"))
					line = "go mod edit" + editsOfGet(t, root)
				}
				fmt.Fprintf(&script, "exec %s\n", line)
			}
			last = s.name
		case "output":
			fmt.Fprintf(&script, "cmp stdout want-%s.txt\n", last)
			fmt.Fprintf(&files, "-- want-%s.txt --\n%s", last, s.text)
		case "generated":
			generated = append(generated, s)
		}
	}
	if !strings.Contains(script.String(), "go generate ./...") || len(generated) == 0 {
		t.Fatal("the README's snippets were not found")
	}
	for _, s := range generated {
		for line := range strings.Lines(s.text) {
			if line = strings.TrimSpace(line); line != "" && line != "}" {
				fmt.Fprintf(&script, "grep '%s' %s\n", regexp.QuoteMeta(line), s.name)
			}
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "readme.txtar"), []byte(script.String()+files.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := testscript.Params{Dir: dir, RequireExplicitExec: true, Setup: shareModules(t)}
	if err := gotooltest.Setup(&p); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, p)
}
