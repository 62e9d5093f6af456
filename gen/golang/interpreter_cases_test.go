package golang

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/xsgen/xsgen/gen/model"
)

// TestInterpreterCases: the interpreter does what the conformance cases say, but those
// of machines that invoke, or send to who has invoked them: it knows no services.
func TestInterpreterCases(t *testing.T) {
	files, err := filepath.Glob("../../testdata/conformance/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	invoking := 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, _, l := resolveText(filepath.Base(file), string(a.Files[0].Data), a.Files[1:len(a.Files)-1]...)
		if l.Errors() > 0 {
			t.Errorf("%s:\n%s", file, problems(l))
			continue
		}
		if len(m.ToParent) > 0 || slices.ContainsFunc(m.States, func(s *model.State) bool { return len(s.Invokes) > 0 }) {
			invoking++
			continue
		}
		want := withoutStates(string(a.Files[len(a.Files)-1].Data))
		if strings.Contains(want, "observe log") || strings.Contains(want, "observe seq") {
			continue
		}
		got, lacking := interpretKnown(m, want)
		switch {
		case lacking != "":
			t.Logf("%s: the interpreter does not know %s", file, lacking)
		case got != want:
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
	t.Logf("%d of %d cases are of machines that invoke or are invoked", invoking, len(files))
}

// interpretKnown also says what the interpreter does not know, if anything.
func interpretKnown(m *model.Machine, script string) (trace, lacking string) {
	defer func() {
		r := recover()
		if b, ok := r.(beyond); ok {
			lacking = string(b)
		} else if r != nil {
			panic(r)
		}
	}()
	return interpretScript(m, script, nil), ""
}
