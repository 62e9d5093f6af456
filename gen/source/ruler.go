package source

import "unicode/utf8"

// A file may be one line with ten thousand scalars in it, each with a place of its
// own: finding a column must not begin at the line's start every time.

const (
	shortLine = 256 // bytes; shorter lines are not worth an index
	step      = 64  // runes from mark to mark
)

// ruler finds the columns of a long line.
type ruler struct {
	total int   // runes
	marks []int // the offset of every step-th rune; nil if every rune is one byte
}

func measure(line string) *ruler {
	r := &ruler{}
	for i := range line {
		if r.total%step == 0 {
			r.marks = append(r.marks, i)
		}
		r.total++
	}
	if r.total == len(line) {
		r.marks = nil
	}
	return r
}

// runes is the length of a line.
func (f *File) runes(n int) int {
	if r := f.wide[n]; r != nil {
		return r.total
	}
	return utf8.RuneCountInString(f.Line(n))
}

// offset is where the rune at index col of a line begins; the line's end if there
// is no such rune.
func (f *File) offset(n, col int) int {
	line, at := f.Line(n), 0
	if r := f.wide[n]; r != nil {
		switch {
		case col >= r.total:
			return len(line)
		case r.marks == nil:
			return col
		}
		at, col = r.marks[col/step], col%step
	}
	for ; col > 0 && at < len(line); col-- {
		_, size := utf8.DecodeRuneInString(line[at:])
		at += size
	}
	return at
}
