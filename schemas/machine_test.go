package schemas_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
	must := []*diag.Rule{diag.UnknownKey, diag.MissingKey, diag.WrongShape}
	valid, invalid := golden(t, validatorOf(t, schemas.Machine), "machine", gen.MachineSuffix, must)
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
