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

	text   string         // Data, so that parts of it cost nothing
	starts []int          // offset of each line's first byte
	wide   map[int]*ruler // of long lines whose characters are not all of one byte
}

// NewFile indexes the lines of data. The caller must not change data afterwards.
func NewFile(name string, data []byte) *File {
	f := &File{Name: name, Data: data, text: string(data), starts: []int{0}, wide: map[int]*ruler{}}
	for at := 0; ; {
		n := lineEnd(f.text[at:])
		if n == 0 {
			break
		}
		at += n
		f.starts = append(f.starts, at)
	}
	for n := 1; n <= len(f.starts); n++ {
		if line := f.Line(n); len(line) > shortLine {
			f.wide[n] = measure(line)
		}
	}
	return f
}

// breaks end lines in YAML: a diagnostic's line is the parser's.
const breaks = "\n\r\u0085\u2028\u2029"

// lineEnd is the length of the first line of s with its end; 0 if it has none.
func lineEnd(s string) int {
	for i := range len(s) {
		switch s[i] {
		case '\n':
			return i + 1
		case '\r':
			if strings.HasPrefix(s[i:], "\r\n") {
				return i + 2
			}
			return i + 1
		case 0xc2, 0xe2: // U+0085, U+2028 and U+2029 begin so in UTF-8
			if r, size := utf8.DecodeRuneInString(s[i:]); strings.ContainsRune(breaks, r) {
				return i + size
			}
		}
	}
	return 0
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
		end = f.starts[n]
	}
	return strings.TrimRight(f.text[f.starts[n-1]:end], breaks)
}

// From returns the rest of a line from a place on.
func (f *File) From(p Pos) string { return f.Line(p.Line)[f.offset(p.Line, max(p.Col-1, 0)):] }

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

// Widths of an excerpt: of a longer line the part around the place is shown.
const (
	maxExcerpt = 160
	lead       = 60
)

// Excerpt returns the line p is in and the line that marks p under it: spaces
// (tabs where the line has tabs, so that both are indented alike) and one caret
// per rune, at least one, never beyond the line's end. Both are empty where p
// names no line. Of a very long line only the part around p is returned.
func (p Pos) Excerpt() (line, marks string) {
	if p.File == nil || p.Line < 1 || p.Line > p.File.Lines() {
		return "", ""
	}
	text, col := p.window()
	var b strings.Builder
	for _, r := range text[:min(col, len(text))] {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	n := min(max(p.Len, 1), max(len(text)-col, 1))
	b.WriteString(strings.Repeat("^", n))
	return string(text), b.String()
}

// window is the line of p, or the part of it around p, and where p begins in it.
func (p Pos) window() (text []rune, col int) {
	total, col := p.File.runes(p.Line), max(p.Col-1, 0)
	from := max(min(col-lead, total-maxExcerpt), 0)
	if total <= maxExcerpt {
		from = 0
	}
	part := p.File.Line(p.Line)[p.File.offset(p.Line, from):p.File.offset(p.Line, from+maxExcerpt)]
	text = []rune(printable(part))
	if from > 0 {
		text[0] = '…'
	}
	if from+len(text) < total {
		text[len(text)-1] = '…'
	}
	return text, col - from
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
