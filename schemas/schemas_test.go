package schemas_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/schemas"
)

func validatorOf(t *testing.T, text []byte) validator {
	t.Helper()
	var root schema
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	return validator{root}
}

// ofShape are the errors that a schema can find.
var ofShape = []*diag.Rule{
	diag.UnknownKey, diag.MissingKey, diag.WrongShape, diag.NotAString, diag.Version, diag.BadValue, diag.KeyConflict, diag.BadName,
	diag.BadProfile, diag.BadSetting, diag.UnknownTransport, diag.BadLocation, diag.BadPattern, diag.MisplacedVariable,
}

// TestGoldenTopologies compares the schema with the reader, by the topologies of diagnostics.
func TestGoldenTopologies(t *testing.T) {
	must := []*diag.Rule{diag.UnknownKey, diag.MissingKey, diag.WrongShape, diag.BadValue, diag.UnknownTransport}
	valid, invalid := golden(t, validatorOf(t, schemas.Topology), "topology", gen.TopologySuffix, must)
	if valid < 20 || invalid < 8 {
		t.Errorf("%d are valid, %d are not", valid, invalid)
	}
}

// golden compares a schema with the reader, by the files of diagnostics whose names have a
// suffix: one is valid if nothing is wrong with its shape. Of what the reader finds, the schema
// must find what breaks certain rules: of keys, and of values of a fixed set.
func golden(t *testing.T, v validator, what, suffix string, must []*diag.Rule) (valid, invalid int) {
	t.Helper()
	files, err := filepath.Glob("../gen/testdata/diag/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			var doc any
			if !strings.HasSuffix(f.Name, suffix) || bytes.Contains(f.Data, []byte("{{repeat")) || yaml.Unmarshal(f.Data, &doc) != nil || bytes.Contains(f.Data, []byte("&x")) {
				continue
			}
			found, want := v.check(v.root, named(doc), what), shapes(a, f)
			switch {
			case len(want) == 0 && len(found) > 0:
				t.Errorf("%s: the schema refuses %s:\n%s", name, f.Name, strings.Join(found, "\n"))
			case len(found) == 0 && slices.ContainsFunc(want, func(r *diag.Rule) bool { return slices.Contains(must, r) }):
				t.Errorf("%s: the schema does not find %v in %s", name, want, f.Name)
			case len(found) > 0:
				invalid++
			default:
				valid++
			}
		}
	}
	return valid, invalid
}

// TestRealTopologies has the schema take those that are generated.
func TestRealTopologies(t *testing.T) {
	v := validatorOf(t, schemas.Topology)
	for pattern, least := range map[string]int{
		"../testdata/golden/*/*" + gen.TopologySuffix: 5,
		"../examples/*/*" + gen.TopologySuffix:        1,
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < least {
			t.Errorf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var doc any
			if err := yaml.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			if found := v.check(v.root, doc, "topology"); len(found) > 0 {
				t.Errorf("%s: the schema refuses it:\n%s", name, strings.Join(found, "\n"))
			}
		}
	}
}

// shapes are the errors of shape in one file of an archive.
func shapes(a *txtar.Archive, f txtar.File) []*diag.Rule {
	in := gen.Input{Modules: []gen.Module{{Dir: ".", Data: []byte("module example.com/m\n")}}}
	for _, x := range a.Files {
		if strings.HasSuffix(x.Name, ".yaml") {
			in.Specs = append(in.Specs, gen.Spec{Path: x.Name, Data: x.Data})
		}
	}
	var out []*diag.Rule
	for _, d := range gen.Check(in).Sorted() {
		if d.Pos.File != nil && d.Pos.File.Name == f.Name && d.Severity() == diag.Error && (slices.Contains(ofShape, d.Rule) || d.Rule == diag.UnknownVariant || d.Rule == diag.DuplicateKey) {
			out = append(out, d.Rule)
		}
	}
	return out
}

// TestSchemaKnowsEveryKey compares the schema's keys with those that the generator
// reads.
func TestSchemaKnowsEveryKey(t *testing.T) {
	v := validatorOf(t, schemas.Topology)
	known := map[string]bool{}
	properties(v.root, known)
	key := regexp.MustCompile(`\{"(\w+)", (?:func|names)`)
	for _, file := range []string{"parse_topology.go", "parse_link.go"} {
		data, err := os.ReadFile("../gen/spec/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range key.FindAllSubmatch(data, -1) {
			if !known[string(m[1])] {
				t.Errorf("the schema does not know the key %s", m[1])
			}
		}
	}
	profile := v.root["$defs"].(schema)["profile"].(schema)["properties"].(schema)
	if got, want := sortedKeys(profile), append([]string{"base"}, model.ProfileKeys...); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("the keys of profiles are %v, want %v", got, want)
	}
}

// properties collects the names of all properties.
func properties(x any, to map[string]bool) {
	switch x := x.(type) {
	case []any:
		for _, y := range x {
			properties(y, to)
		}
	case schema:
		for k, y := range x {
			if k == "properties" {
				for name := range y.(schema) {
					to[name] = true
				}
			}
			properties(y, to)
		}
	}
}

// TestSchemaKnowsEveryTransport compares what the schema says of transports with what
// the generator knows.
func TestSchemaKnowsEveryTransport(t *testing.T) {
	props := validatorOf(t, schemas.Topology).root["properties"].(schema)
	transports := props["transports"].(schema)["properties"].(schema)
	locations := props["locations"].(schema)["properties"].(schema)
	serving := map[string][]any{}
	for _, k := range model.TransportKinds {
		own, ok := transports[k.Name].(schema)
		if !ok {
			t.Errorf("the schema does not know %s", k.Name)
			continue
		}
		var want []string
		for _, s := range k.Settings {
			want = append(want, s.Name)
		}
		slices.Sort(want)
		if got := settings(own); !slices.Equal(got, want) {
			t.Errorf("the settings of %s are %v, want %v", k.Name, got, want)
		}
		for _, l := range k.Serves {
			serving[l.String()] = append(serving[l.String()], k.Name)
		}
	}
	for l := range model.Locations {
		if got := locations[l.String()].(schema)["enum"]; !slices.Equal(got.([]any), serving[l.String()]) {
			t.Errorf("%s can be %v, want %v", l, got, serving[l.String()])
		}
	}
}

// settings are the names of what a transport can be told, where those of a mapping within it
// have a dot.
func settings(transport schema) (names []string) {
	for name, s := range transport["properties"].(schema) {
		within, nested := s.(schema)["properties"].(schema)
		if !nested {
			names = append(names, name)
		}
		for _, key := range sortedKeys(within) {
			names = append(names, name+"."+key)
		}
	}
	slices.Sort(names)
	return names
}
