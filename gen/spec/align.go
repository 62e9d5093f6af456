package spec

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xsgen/xsgen/gen/source"
)

// aligner finds the places of a scalar's value in the text that it was read from:
// a block, or something with escapes or of several lines. What YAML does to a text
// is to undo escapes, to strip indentation, and to fold lines; so characters that
// are not white space follow each other in both, and white space is skipped where
// there is none in the other.
type aligner struct {
	source.Pos // of the next character of the text
	rest       string
	quote      byte // ", ' or 0
}

// aligned is At for a value that is not in the file as it is.
func (s Scalar) aligned(off, n int) source.Pos {
	a := newAligner(s.Pos)
	if !a.skip(s.Value[:off]) || !a.settle(s.Value[off:]) {
		return s.Pos
	}
	begin := a.Pos
	if !a.skip(s.Value[off : off+n]) {
		return s.Pos
	}
	begin.Len = a.Col - begin.Col
	if a.Line > begin.Line {
		begin.Len = utf8.RuneCountInString(strings.TrimRight(begin.File.From(begin), " \t"))
	}
	return begin
}

func newAligner(pos source.Pos) *aligner {
	a := &aligner{Pos: pos, rest: pos.File.From(pos)}
	switch {
	case strings.HasPrefix(a.rest, `"`), strings.HasPrefix(a.rest, `'`):
		a.quote = a.rest[0]
		a.advance(1)
	case strings.HasPrefix(a.rest, "|"), strings.HasPrefix(a.rest, ">"):
		a.newline()
	}
	return a
}

// skip goes over the text that value was made of.
func (a *aligner) skip(value string) bool {
	for value != "" {
		if !a.settle(value) {
			return false
		}
		n, read := a.character()
		switch {
		case read != "" && strings.HasPrefix(value, read):
			value = value[len(read):]
			a.advance(n)
		case isSpace(value[0]):
			value = value[1:] // folded, or a line's end
		default:
			return false
		}
	}
	return true
}

// settle goes to where value begins: over white space that it does not have. It
// reports false where the text has ended.
func (a *aligner) settle(value string) bool {
	for {
		n, read := a.character()
		switch {
		case n == 0 && a.Line > a.File.Lines():
			return false
		case value != "" && strings.HasPrefix(value, read) && read != "":
			return true
		case n == 0 && value != "" && value[0] == '\n':
			a.newline()
			return true
		case n == 0:
			a.newline()
		case a.quote == '"' && a.rest == `\`:
			a.newline()
		case isSpace(read[0]):
			a.advance(n)
		default:
			return true
		}
	}
}

// character is the next character of the text as the value has it, and the number
// of bytes that it is written with; none at a line's end.
func (a *aligner) character() (n int, read string) {
	switch {
	case a.rest == "":
		return 0, ""
	case a.quote == '"' && a.rest[0] == '\\':
		return unescape(a.rest)
	case a.quote == '\'' && strings.HasPrefix(a.rest, "''"):
		return 2, "'"
	}
	_, n = utf8.DecodeRuneInString(a.rest)
	return n, a.rest[:n]
}

func (a *aligner) advance(n int) {
	a.Col += utf8.RuneCountInString(a.rest[:n])
	a.rest = a.rest[n:]
}

func (a *aligner) newline() {
	a.Line++
	a.Col = 1
	a.rest = a.File.Line(a.Line)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// escapes are those of double-quoted scalars that stand for one character.
var escapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b", ' ': " ",
	'"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// unescape reads the escape that s begins with.
func unescape(s string) (n int, read string) {
	if len(s) < 2 {
		return len(s), s
	}
	if read, ok := escapes[s[1]]; ok {
		return 2, read
	}
	if digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]; digits > 0 && len(s) >= 2+digits {
		if r, err := strconv.ParseUint(s[2:2+digits], 16, 32); err == nil {
			return 2 + digits, string(rune(r))
		}
	}
	return 1, s[:1] // beyond the scalar's end: nothing that it has

}
