package golang

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutant is a mistake that must be noticed; see TestMutants.
// It is made where old, which stands in the file once, is replaced.
type mutant struct{ file, old, new, why string }

func allMutants() []mutant {
	return slices.Concat(runtimeMutants, generatorMutants, hostMutants)
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
