package diag_test

import (
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
)

// TestSARIFPlaces: a place is a URI, in which not every character may stand.
func TestSARIFPlaces(t *testing.T) {
	var l diag.List
	l.Add(diag.Syntax, source.Pos{File: source.NewFile("my specs/50%.machine.yaml", nil)}, "x")
	var out strings.Builder
	if err := diag.SARIF(&out, &l); err != nil {
		t.Fatal(err)
	}
	if want := `"uri": "my%20specs/50%25.machine.yaml"`; !strings.Contains(out.String(), want) {
		t.Errorf("no %s in\n%s", want, out.String())
	}
}
