// Package source holds the text of spec files and places in it. It knows
// nothing of YAML, and nothing that reads a disk lives here.
package source

import (
	"strings"
	"unicode/utf8"
)

// File is one input: its name as diagnostics show it, and its bytes. A File is
// immutable and safe for concurrent use.
type File struct {
	Name string
	Data []byte

	starts []int // offset of each line's first byte
}

// NewFile indexes the lines of data. The caller must not change data afterwards.
func NewFile(name string, data []byte) *File {
	f := &File{Name: name, Data: data, starts: []int{0}}
	for i, c := range data {
		if c == '\n' {
			f.starts = append(f.starts, i+1)
		}
	}
	return f
}

// Lines is the number of lines; a file that ends in a newline has an empty last one.
func (f *File) Lines() int { return len(f.starts) }

// Line returns the text of line n, counted from 1, without its line end; it is
// empty where there is no such line.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.starts) {
		return ""
	}
	end := len(f.Data)
	if n < len(f.starts) {
		end = f.starts[n] - 1
	}
	return strings.TrimSuffix(string(f.Data[f.starts[n-1]:end]), "\r")
}

// Pos is a place in a file: line and column counted from 1, the column and the
// length in runes. The zero Pos is no place at all; a Pos with a File and no
// Line stands for the file as a whole.
type Pos struct {
	File      *File
	Line, Col int
	Len       int
}

// IsValid reports whether p names a file.
func (p Pos) IsValid() bool { return p.File != nil }

// Before orders places by file name, line and column.
func (p Pos) Before(q Pos) bool { return p.Compare(q) < 0 }

// Compare orders places by file name, line and column, as slices.SortFunc wants it.
func (p Pos) Compare(q Pos) int {
	if c := strings.Compare(p.name(), q.name()); c != 0 {
		return c
	}
	if p.Line != q.Line {
		return p.Line - q.Line
	}
	return p.Col - q.Col
}

func (p Pos) name() string {
	if p.File == nil {
		return ""
	}
	return p.File.Name
}

// Sub is the place of the n runes that begin off runes into p.
func (p Pos) Sub(off, n int) Pos {
	p.Col += off
	p.Len = n
	return p
}

// Excerpt returns the line p is in and the line that marks p under it: spaces
// (tabs where the line has tabs, so that both are indented alike) and one caret
// per rune, at least one, never beyond the line's end. Both are empty where p
// names no line.
func (p Pos) Excerpt() (line, marks string) {
	if p.File == nil || p.Line < 1 || p.Line > p.File.Lines() {
		return "", ""
	}
	line = printable(p.File.Line(p.Line))
	var b strings.Builder
	rest := line
	for i := 1; i < p.Col && rest != ""; i++ {
		r, n := utf8.DecodeRuneInString(rest)
		rest = rest[n:]
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	n := min(max(p.Len, 1), max(utf8.RuneCountInString(rest), 1))
	b.WriteString(strings.Repeat("^", n))
	return line, b.String()
}

// printable replaces what would disturb a terminal, rune by rune, so that
// columns stay what they are.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || r == 0x7f || r == utf8.RuneError) {
			return '\uFFFD'
		}
		return r
	}, s)
}
