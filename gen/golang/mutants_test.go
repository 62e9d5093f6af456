package golang

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mutant is a mistake that the conformance cases must notice.
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

// goldenOf is the golden case that must notice the mistakes in a file, where the
// conformance cases cannot: they are of machines without a host.
var goldenOf = map[string]string{
	treeFile: "testdata/golden/desk",
}
