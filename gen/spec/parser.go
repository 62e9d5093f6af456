package spec

import (
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
)

// parser walks yaml.Nodes. Its methods report what is wrong and return what
// could be read, so that one run finds all errors.
type parser struct {
	file  *source.File
	diags *diag.List
}

// key is one key that a mapping may have, and what reads its value.
type key struct {
	name string
	read func(*yaml.Node)
}

// sound reports whether the tree below n is free of what no spec may hold
// anywhere: aliases, tags, too deep a nesting, keys that are no scalars. Duplicate
// keys are reported and taken out of the tree.
func (p *parser) sound(n *yaml.Node, depth int) bool {
	if depth > MaxDepth {
		p.diags.Add(diag.TooDeep, p.pos(n), "lists and mappings are nested deeper than %d levels", MaxDepth)
		return false
	}
	ok := p.plain(n)
	if n.Kind != yaml.AliasNode {
		for _, c := range n.Content {
			ok = p.sound(c, depth+1) && ok
		}
	}
	if n.Kind == yaml.MappingNode {
		ok = p.keys(n) && ok
	}
	return ok
}

func (p *parser) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		p.diags.Add(diag.Alias, p.pos(n), "aliases are not allowed in a spec").WithHint("write the value out")
	case n.Anchor != "":
		p.diags.Add(diag.Alias, p.pos(n), "anchors are not allowed in a spec").WithHint("write the value out where it is used")
	case n.Style&yaml.TaggedStyle != 0:
		p.diags.Add(diag.Tag, p.pos(n), "the tag %s is not allowed in a spec", n.Tag).WithHint("remove the tag")
	default:
		return true
	}
	return false
}

// keys reports duplicate keys, merge keys and keys that are no scalars.
func (p *parser) keys(n *yaml.Node) bool {
	ok := true
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind == yaml.AliasNode:
			continue // reported as an alias
		case k.Kind != yaml.ScalarNode:
			p.diags.Add(diag.WrongShape, p.pos(k), "a key must be a scalar, not a %s", kindName(k))
			ok = false
		case k.Tag == "!!merge":
			p.diags.Add(diag.Alias, p.pos(k), "merge keys are not allowed in a spec").WithHint("write the keys out")
			ok = false
		}
	}
	if ok {
		unite(n, func(first, again *yaml.Node) {
			p.diags.Add(diag.DuplicateKey, p.pos(again), "the key %s is given twice", quote(again.Value)).
				WithRelated(p.pos(first), "first given here")
		})
	}
	return ok
}

// unite leaves one pair of those with the same key, and makes one of two mappings,
// so that what refers to their content is not blamed. It tells twice of the keys.
func unite(n *yaml.Node, twice func(first, again *yaml.Node)) {
	at := make(map[string]int, len(n.Content)/2)
	kept := make([]*yaml.Node, 0, len(n.Content))
	united := map[*yaml.Node]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		first, again := at[k.Value]
		if !again {
			at[k.Value] = len(kept)
			kept = append(kept, k, v)
			continue
		}
		twice(kept[first], k)
		if to := kept[first+1]; to.Kind == yaml.MappingNode && v.Kind == yaml.MappingNode {
			to.Content = append(to.Content, v.Content...)
			united[to] = true
		}
	}
	n.Content = kept
	for m := range united {
		unite(m, func(_, _ *yaml.Node) {})
	}
}

// object reads a mapping with a fixed set of keys. It reports unknown keys,
// with the nearest known one as a hint, and says whether n is a mapping.
func (p *parser) object(n *yaml.Node, what string, keys []key) bool {
	if !p.isMap(n, what) {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if known := find(keys, k.Value); known != nil {
			known.read(v)
			continue
		}
		p.diags.Add(diag.UnknownKey, p.pos(k), "%s has no key %s", what, quote(k.Value)).
			WithHint("%s", p.diags.Suggest(k.Value, namesOf(keys)))
	}
	return true
}

func namesOf(keys []key) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, k := range keys {
			if !yield(k.name) {
				return
			}
		}
	}
}

func find(keys []key, name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
}

// pairs reads a mapping from names to something; null is the empty mapping.
func (p *parser) pairs(n *yaml.Node, what string, read func(name Scalar, v *yaml.Node)) {
	if isNull(n) || !p.isMap(n, what) {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		read(p.name(n.Content[i]), n.Content[i+1])
	}
}

// each reads a list, or one thing in place of a list.
func (p *parser) each(n *yaml.Node, read func(*yaml.Node)) {
	switch {
	case isNull(n):
	case n.Kind == yaml.SequenceNode:
		for _, c := range n.Content {
			read(c)
		}
	default:
		read(n)
	}
}

func (p *parser) isMap(n *yaml.Node, what string) bool {
	if n.Kind == yaml.MappingNode {
		return true
	}
	p.diags.Add(diag.WrongShape, p.pos(n), "%s must be a mapping, not a %s", what, kindName(n))
	return false
}

// scalar reads any scalar.
func (p *parser) scalar(n *yaml.Node, what string) Scalar {
	if n.Kind != yaml.ScalarNode {
		p.diags.Add(diag.WrongShape, p.pos(n), "%s must be a scalar, not a %s", what, kindName(n))
		return Scalar{}
	}
	return Scalar{Value: n.Value, Pos: p.pos(n), Tag: n.ShortTag()}
}

// name reads a scalar that YAML must read as a string.
func (p *parser) name(n *yaml.Node) Scalar {
	s := p.scalar(n, "a name")
	if s.IsSet() && s.Tag != "!!str" {
		p.diags.Add(diag.NotAString, s.Pos, "YAML reads %s as %s, not as a name", quote(s.Value), article(strings.TrimPrefix(s.Tag, "!!"))).
			WithHint("quote it: %q", s.Value)
	}
	return s
}

// text reads a string.
func (p *parser) text(n *yaml.Node, what string) Scalar {
	s := p.scalar(n, what)
	if s.IsSet() && s.Tag != "!!str" {
		p.diags.Add(diag.WrongShape, s.Pos, "%s must be a string", what).WithHint("quote it: %q", s.Value)
		return Scalar{}
	}
	return s
}

// article puts `a` or `an` before a word.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

// description reads a description, which may be null.
func (p *parser) description(n *yaml.Node) Scalar {
	if isNull(n) {
		return Scalar{}
	}
	return p.text(n, "description")
}

// boolean reads true or false.
func (p *parser) boolean(n *yaml.Node, what string) bool {
	s := p.scalar(n, what)
	if s.IsSet() && (s.Tag != "!!bool" || strings.ToLower(s.Value) != "true" && strings.ToLower(s.Value) != "false") {
		p.diags.Add(diag.BadValue, s.Pos, "%s must be true or false", what)
	}
	return strings.EqualFold(s.Value, "true")
}

// oneOf reads a string out of a fixed set.
func (p *parser) oneOf(n *yaml.Node, what string, values ...string) Scalar {
	s := p.scalar(n, what)
	if !s.IsSet() {
		return s
	}
	for _, v := range values {
		if s.Value == v {
			return s
		}
	}
	p.diags.Add(diag.BadValue, s.Pos, "%s cannot be %s: it is one of %s", what, quote(s.Value), strings.Join(values, ", ")).
		WithHint("%s", p.diags.Suggest(s.Value, slices.Values(values)))
	return Scalar{}
}

// value reads data of any form.
func (p *parser) value(n *yaml.Node) *Value {
	v := &Value{Pos: p.pos(n)}
	switch n.Kind {
	case yaml.SequenceNode:
		v.Kind = ListValue
		for _, c := range n.Content {
			v.Items = append(v.Items, p.value(c))
		}
	case yaml.MappingNode:
		v.Kind = MapValue
		for i := 0; i+1 < len(n.Content); i += 2 {
			v.Entries = append(v.Entries, &Entry{Key: p.scalar(n.Content[i], "a key"), Value: p.value(n.Content[i+1])})
		}
	default:
		v.Scalar = p.scalar(n, "a value")
	}
	return v
}

// mapValue reads a mapping of expressions; null is the empty one.
func (p *parser) mapValue(n *yaml.Node, what string) *Value {
	if isNull(n) {
		return &Value{Kind: MapValue, Pos: p.pos(n)}
	}
	if !p.isMap(n, what) {
		return nil
	}
	return p.value(n)
}

// pos is the place of a node, as long as its first token.
func (p *parser) pos(n *yaml.Node) source.Pos {
	pos := source.Pos{File: p.file, Line: n.Line, Col: n.Column, Len: 1}
	if n.Kind == yaml.ScalarNode {
		pos.Len = p.tokenLen(n)
	}
	return pos
}

var (
	doubleQuoted = regexp.MustCompile(`^"(?:[^"\\]|\\.)*"?`)
	singleQuoted = regexp.MustCompile(`^'(?:[^']|'')*'?`)
)

func (p *parser) tokenLen(n *yaml.Node) int {
	rest := p.file.From(source.Pos{Line: n.Line, Col: n.Column})
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return utf8.RuneCountInString(doubleQuoted.FindString(rest))
	case n.Style&yaml.SingleQuotedStyle != 0:
		return utf8.RuneCountInString(singleQuoted.FindString(rest))
	case strings.HasPrefix(rest, n.Value):
		return max(utf8.RuneCountInString(n.Value), 1)
	default:
		return 1
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	case yaml.AliasNode:
		return "alias"
	default:
		return "scalar"
	}
}

// quote shows a piece of input within a message, shortened where it is long.
func quote(s string) string {
	if utf8.RuneCountInString(s) > 60 {
		s = string([]rune(s)[:57]) + "..."
	}
	return "`" + s + "`"
}
