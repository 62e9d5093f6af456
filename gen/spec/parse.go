// Package spec reads YAML into the positioned tree of a machine or topology file. It finds
// errors of shape only: unknown and duplicate keys, values of the wrong kind,
// names that YAML does not read as strings. What names refer to is for package
// model. yaml.v3 is used here and nowhere else.
package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
)

// Limits of a spec file.
const (
	MaxSize  = 1 << 20 // bytes
	MaxDepth = 100     // nested lists and mappings
)

// ParseMachine reads a machine file. It returns nil where the file has no
// usable root; everything that is wrong is added to l.
func ParseMachine(f *source.File, l *diag.List) *Machine {
	p, root := begin(f, l, "machine")
	if root == nil {
		return nil
	}
	return p.machine(root)
}

// begin loads a file of a kind and looks for what no spec may hold. It returns no
// node for a file that cannot be read any further.
func begin(f *source.File, l *diag.List, kind string) (*parser, *yaml.Node) {
	root := load(f, l, kind)
	p := &parser{file: f, diags: l}
	if root == nil || !p.sound(root, 0) {
		return p, nil
	}
	return p, root
}

// load parses the file's only document and returns its root node.
func load(f *source.File, l *diag.List, kind string) *yaml.Node {
	whole := source.Pos{File: f}
	if len(f.Data) > MaxSize {
		l.Add(diag.TooLarge, whole, "the spec has more than %d bytes", MaxSize)
		return nil
	}
	if pos, what := unreadable(f); what != "" {
		l.Add(diag.Syntax, pos, "%s", what).WithHint("save the file as UTF-8; within double quotes, other characters can be written \"\\x00\"")
		return nil
	}
	if line := deepFlow(f.Data); line > 0 {
		l.Add(diag.TooDeep, source.Pos{File: f, Line: line, Col: 1}, "lists and mappings are nested deeper than %d levels", MaxDepth)
		return nil
	}
	return decode(f, l, kind)
}

func decode(f *source.File, l *diag.List, kind string) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(f.Data))
	var doc, second yaml.Node
	switch err := safeDecode(dec, &doc); {
	case errors.Is(err, io.EOF):
		l.Add(diag.UnknownVariant, source.Pos{File: f}, "the file is empty").
			WithHint("a %[1]s begins with `version: 1` and `%[1]s: <id>`", kind)
		return nil
	case err != nil:
		addSyntax(f, l, err)
		return nil
	}
	if err := safeDecode(dec, &second); err == nil {
		l.Add(diag.SeveralDocs, source.Pos{File: f, Line: max(second.Line, 1), Col: max(second.Column, 1)}, "a second document begins here").
			WithHint("put each spec into a file of its own")
		return nil
	} else if !errors.Is(err, io.EOF) {
		addSyntax(f, l, err)
		return nil
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

// safeDecode turns a panic of the YAML library, should there be one, into an error.
func safeDecode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the YAML parser gave up on this file")
		}
	}()
	return dec.Decode(n)
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// addSyntax reports a parser's error on the line that the parser named.
func addSyntax(f *source.File, l *diag.List, err error) {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	pos := source.Pos{File: f}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		pos.Line, _ = strconv.Atoi(m[1])
		pos.Col = 1
		if line := f.Line(pos.Line); line != "" {
			trimmed := strings.TrimLeft(line, " \t")
			pos.Col = 1 + utf8.RuneCountInString(line) - utf8.RuneCountInString(trimmed)
			pos.Len = utf8.RuneCountInString(trimmed)
		}
	}
	d := l.Add(diag.Syntax, pos, "%s", text)
	if strings.Contains(text, "did not find expected ','") {
		d.WithHint("within {…} and […], quote what has `?`, brackets or commas in it, on this line or the next: \"string?\", \"[]T\"")
	}
	if strings.Contains(f.Line(pos.Line), "\t") {
		d.WithHint("YAML is indented with spaces, never with tabs")
	}
}

// unreadable finds the first character that no YAML file can have: the parser
// does not say where it is.
func unreadable(f *source.File) (source.Pos, string) {
	for n := 1; n <= f.Lines(); n++ {
		col := 0
		for i, r := range f.Line(n) {
			col++
			pos := source.Pos{File: f, Line: n, Col: col, Len: 1}
			if r == utf8.RuneError && !strings.HasPrefix(f.Line(n)[i:], string(utf8.RuneError)) {
				return pos, "the file is not valid UTF-8 here"
			}
			if r != '\t' && r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff {
				return pos, fmt.Sprintf("YAML has no character %U", r)
			}
		}
	}
	return source.Pos{}, ""
}

// deepFlow returns the line on which brackets are nested beyond any sensible
// depth, or 0. It looks at bytes alone, so that such a file never reaches the
// parser; brackets within strings count too, hence the generous bound.
func deepFlow(b []byte) int {
	depth, line := 0, 1
	for _, c := range b {
		switch c {
		case '\n':
			line++
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		}
		if depth > 20*MaxDepth {
			return line
		}
	}
	return 0
}
