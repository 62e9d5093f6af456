package diag

import (
	"fmt"
	"io"
	"strings"

	"github.com/xsgen/xsgen/gen/source"
)

// Text writes the findings for people: place, message and rule on one line,
// then the line of the file with carets under the exact token, then related
// places and the hint.
func Text(w io.Writer, l *List) error {
	var b strings.Builder
	for _, d := range l.Sorted() {
		writeText(&b, d)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeText(b *strings.Builder, d *Diagnostic) {
	fmt.Fprintf(b, "%s%s: %s [%s]\n", place(d.Pos), d.Severity(), oneLine(d.Message), d.Rule)
	writeExcerpt(b, d.Pos)
	for _, r := range d.Related {
		fmt.Fprintf(b, "%snote: %s\n", place(r.Pos), oneLine(r.Message))
		writeExcerpt(b, r.Pos)
	}
	if d.Hint != "" {
		fmt.Fprintf(b, "  hint: %s\n", oneLine(d.Hint))
	}
}

func writeExcerpt(b *strings.Builder, p source.Pos) {
	if line, marks := p.Excerpt(); line != "" {
		fmt.Fprintf(b, "  %s\n  %s\n", line, marks)
	}
}

// place is "file:line:col: ", or as much of it as is known.
func place(p source.Pos) string {
	switch {
	case p.File == nil:
		return ""
	case p.Line == 0:
		return p.File.Name + ": "
	default:
		return fmt.Sprintf("%s:%d:%d: ", p.File.Name, p.Line, p.Col)
	}
}

// oneLine keeps a message that quotes its input on one line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, s)
}
