package schemas_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/schemas"
)

// TestMachines accepts every machine that is generated from in this repository.
func TestMachines(t *testing.T) {
	v, n := validatorOf(t, schemas.Machine), 0
	for _, pattern := range []string{"../testdata/golden/*/*", "../examples/*/*", "../benchmarks/*"} {
		files, err := filepath.Glob(pattern + gen.MachineSuffix)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			var doc any
			if err == nil {
				err = yaml.Unmarshal(data, &doc)
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
			if found := v.check(v.root, doc, "machine"); len(found) > 0 {
				t.Errorf("%s: %s", name, strings.Join(found, "\n"))
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d machines", n)
	}
}

// TestGoldenMachines compares the schema with the reader, by the machines of diagnostics.
func TestGoldenMachines(t *testing.T) {
	files, err := filepath.Glob("../gen/testdata/diag/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	v := validatorOf(t, schemas.Machine)
	valid, invalid := 0, 0
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			var doc any
			if !strings.HasSuffix(f.Name, gen.MachineSuffix) || bytes.Contains(f.Data, []byte("{{repeat")) || yaml.Unmarshal(f.Data, &doc) != nil || bytes.Contains(f.Data, []byte("&x")) {
				continue
			}
			found, want := v.check(v.root, named(doc), "machine"), shapes(a, f)
			switch {
			case len(want) == 0 && len(found) > 0:
				t.Errorf("%s: the schema refuses %s:\n%s", name, f.Name, strings.Join(found, "\n"))
			case len(found) == 0 && misshapen(want):
				t.Errorf("%s: the schema does not find %v in %s", name, want, f.Name)
			case len(found) > 0:
				invalid++
			default:
				valid++
			}
		}
	}
	if valid < 50 || invalid < 5 {
		t.Errorf("%d are valid, %d are not", valid, invalid)
	}
}

// named is a document whose keys are strings, as JSON has them.
func named(x any) any {
	switch x := x.(type) {
	case []any:
		for i := range x {
			x[i] = named(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = named(x[k])
		}
	case map[any]any:
		out := map[string]any{}
		for k, y := range x {
			out[fmt.Sprint(k)] = named(y)
		}
		return out
	}
	return x
}

// misshapen reports whether a schema must find something.
func misshapen(rules []*diag.Rule) bool {
	for _, r := range rules {
		if r == diag.UnknownKey || r == diag.MissingKey || r == diag.WrongShape {
			return true
		}
	}
	return false
}

// TestSchemaKnowsEveryKeyOfMachines compares the schema's keys with those that the
// generator reads.
func TestSchemaKnowsEveryKeyOfMachines(t *testing.T) {
	known := map[string]bool{}
	properties(validatorOf(t, schemas.Machine).root, known)
	key := regexp.MustCompile(`(?:key)?\{"(\w+)", (?:func|set|verb)`)
	n := 0
	for _, file := range []string{"parse_machine.go", "parse_state.go", "parse_action.go"} {
		data, err := os.ReadFile("../gen/spec/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllSubmatch(data, -1) {
			if n++; !known[string(m[1])] {
				t.Errorf("the schema does not know the key %s", m[1])
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d keys are read", n)
	}
}
