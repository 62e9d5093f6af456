package gen_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
)

var repeat = regexp.MustCompile(`\{\{repeat (\d+) (.)\}\}`)

// inputOf makes generation's input of an archive: specs and a go.mod. What is in
// the directory outside is not given, but can be read.
func inputOf(t testing.TB, a *txtar.Archive) (in gen.Input, want []byte) {
	t.Helper()
	outside := map[string][]byte{}
	in.Read = fromMap(outside)
	for _, f := range a.Files {
		data := repeat.ReplaceAllFunc(f.Data, func(m []byte) []byte {
			parts := repeat.FindSubmatch(m)
			n, err := strconv.Atoi(string(parts[1]))
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Repeat(parts[2], n)
		})
		switch {
		case strings.HasPrefix(f.Name, "outside/"):
			outside[f.Name] = data
		case f.Name == "want":
			want = f.Data
		case f.Name == "go.mod":
			in.Modules = append(in.Modules, gen.Module{Dir: ".", Data: data})
		default:
			in.Specs = append(in.Specs, gen.Spec{Path: f.Name, Data: data})
		}
	}
	return in, want
}

// TestDiagnostics compares what is said about every file of testdata/diag, each
// named after the rule that it is there for.
func TestDiagnostics(t *testing.T) {
	files, err := filepath.Glob("testdata/diag/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { checkDiagnostics(t, file) })
	}
}

func checkDiagnostics(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, want := inputOf(t, a)
	r, err := gen.Generate(in)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := diag.Text(&out, r.Diagnostics); err != nil {
		t.Fatal(err)
	}
	code, _, _ := strings.Cut(filepath.Base(file), "-")
	if !strings.Contains(out.String(), "["+code+" ") {
		t.Errorf("nothing of %s was found", code)
	}
	if r.Diagnostics.Errors() > 0 && len(r.Packages) > 0 {
		t.Error("something was generated in spite of errors")
	}
	if bytes.Equal(out.Bytes(), want) {
		return
	}
	if os.Getenv("XSGEN_UPDATE") == "" {
		t.Errorf("XSGEN_UPDATE=1 accepts it:\n%s", diff.Diff("want", want, "got", out.Bytes()))
		return
	}
	a.Files[len(a.Files)-1].Data = out.Bytes()
	if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
