package source_test

import (
	"strings"
	"testing"

	"github.com/xsgen/xsgen/gen/source"
)

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("a", 300) + "HERE" + strings.Repeat("b", 300)
	f := source.NewFile("x", []byte("one\n\tä two\r\n"+long+"\n"))
	for _, tt := range []struct {
		pos         source.Pos
		line, marks string
	}{
		{source.Pos{File: f, Line: 1, Col: 2, Len: 2}, "one", " ^^"},
		{source.Pos{File: f, Line: 2, Col: 4, Len: 3}, "\tä two", "\t  ^^^"},
		{source.Pos{File: f, Line: 1, Col: 3, Len: 99}, "one", "  ^"},
		{source.Pos{File: f, Line: 1, Col: 99}, "one", "   ^"},
		{source.Pos{File: f, Line: 9, Col: 1}, "", ""},
		{source.Pos{File: f}, "", ""},
		{source.Pos{}, "", ""},
	} {
		line, marks := tt.pos.Excerpt()
		if line != tt.line || marks != tt.marks {
			t.Errorf("%d:%d: %q %q, want %q %q", tt.pos.Line, tt.pos.Col, line, marks, tt.line, tt.marks)
		}
	}
	line, marks := source.Pos{File: f, Line: 3, Col: 301, Len: 4}.Excerpt()
	if n := len([]rune(line)); n != 160 || !strings.HasPrefix(line, "…a") || !strings.HasSuffix(line, "b…") {
		t.Errorf("a long line is shown as %d characters: %s", n, line)
	}
	at := strings.Index(marks, "^^^^")
	if string([]rune(line)[at:at+4]) != "HERE" || strings.Count(marks, "^") != 4 {
		t.Errorf("marks\n%s\n%s", line, marks)
	}
}

// TestFrom compares the places in short and long lines with a walk over them.
func TestFrom(t *testing.T) {
	var lines []string
	for _, unit := range []string{"ab", "ä", "a€b", "\U0001F600x", "\xffa"} {
		for _, n := range []int{0, 1, 31, 64, 127, 128, 200, 1000} {
			lines = append(lines, strings.Repeat(unit, n))
		}
	}
	f := source.NewFile("x", []byte(strings.Join(lines, "\n")))
	for i, line := range lines {
		offsets := []int{}
		for at := range line {
			offsets = append(offsets, at)
		}
		offsets = append(offsets, len(line), len(line)) // beyond the end
		for col, at := range offsets {
			p := source.Pos{File: f, Line: i + 1, Col: col + 1}
			if got := f.From(p); got != line[at:] {
				t.Fatalf("line %d, column %d: %q, want %q", i+1, col+1, got, line[at:])
			}
		}
	}
	if got := f.From(source.Pos{File: f, Line: 99, Col: 1}); got != "" {
		t.Errorf("beyond the file: %q", got)
	}
}

// TestLineEnds are those of YAML.
func TestLineEnds(t *testing.T) {
	f := source.NewFile("x", []byte("a\r\nb\rc\u0085d\u2028e\u2029\n\r\r\nf"))
	var got []string
	for n := range f.Lines() {
		got = append(got, f.Line(n+1))
	}
	if want := "a,b,c,d,e,,,,f"; strings.Join(got, ",") != want {
		t.Errorf("%q, want %s", got, want)
	}
}
