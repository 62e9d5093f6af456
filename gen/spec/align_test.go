package spec_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// described is the description of a machine that is written as text.
func described(t *testing.T, text string) spec.Scalar {
	t.Helper()
	var l diag.List
	m := spec.ParseMachine(source.NewFile("x", []byte("version: 1\nmachine: m\ndescription: "+text+"\ninitial: a\nstates: {a: {}}\n")), &l)
	if m == nil || l.Len() > 0 {
		t.Fatalf("%s: %v", text, l.Sorted()[0].Message)
	}
	return m.Root.Description
}

// TestAt looks for the words of texts in every form of a scalar.
func TestAt(t *testing.T) {
	for _, text := range []string{
		"one two three", `"one two three"`, `'one two three'`, "|\n  one\n    two\n\n  three", "|2-  # a comment\n    one\n  two three", ">\n  one\n  two\n\n    three",
		">+\n\n\n  one two\n\n  three\n\n", "\"one\\ttwo\\\n   \\ three\"", "\"\\x6fne \\u0074wo\\\\ \\\"three\"", "'it''s one\n\n  two   \n three'",
		"one\n two\n\n three", `"ä \U0001F600 one é two three"`, "|\n  ä one\n  two three",
	} {
		s := described(t, text)
		for _, word := range []string{"one", "two", "three"} {
			at := strings.Index(s.Value, word)
			p := s.At(at, len(word))
			got := p.File.From(p)
			got = string([]rune(got)[:p.Len])
			if got != word && got != `\x6fne` && got != `\u0074wo` {
				t.Errorf("%s: %s is said to be at %d:%d, where %q is", text, word, p.Line, p.Col, got)
			}
		}
	}
}

// TestAtAnywhere writes random texts in every style and asks for each character.
func TestAtAnywhere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("ab c\n\"'\\\tä€{}#:-|>!")
	for range 3000 {
		var value strings.Builder
		for range 1 + r.IntN(30) {
			value.WriteRune(alphabet[r.IntN(len(alphabet))])
		}
		style := []yaml.Style{0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle}[r.IntN(5)]
		out, err := yaml.Marshal(map[string]*yaml.Node{"description": {Kind: yaml.ScalarNode, Tag: "!!str", Value: value.String(), Style: style}})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if yaml.Unmarshal(out, &back) != nil || back["description"] != value.String() {
			continue // the library does not read what it writes
		}
		text := strings.TrimPrefix(string(out), "description: ")
		s := described(t, strings.TrimSuffix(text, "\n"))
		checkEveryCharacter(t, fmt.Sprintf("%q as %q", value.String(), text), s)
	}
}

func checkEveryCharacter(t *testing.T, what string, s spec.Scalar) {
	t.Helper()
	for at, c := range s.Value {
		if c == ' ' || c == '\n' || c == '\t' {
			s.At(at, 1) // no panic is enough
			continue
		}
		p := s.At(at, utf8.RuneLen(c))
		if got := p.File.From(p); !strings.HasPrefix(got, string(c)) && !strings.HasPrefix(got, `\`) {
			t.Fatalf("%s: the %c at %d is said to be at %d:%d, where %q is", what, c, at, p.Line, p.Col, got)
		}
	}
}
