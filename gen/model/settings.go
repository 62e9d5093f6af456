package model

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

// variable is a variable at the start of a text, with its default.
var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// maxSetting is the most bytes of a setting.
const maxSetting = 4096

// setting splits a value into text and variables.
func (b *topologyBuilder) setting(key string, s spec.Scalar) *Setting {
	out := &Setting{Key: key, Text: s}
	if len(s.Value) > maxSetting {
		b.diags.Add(diag.BadSetting, s.Pos, "%s has more than %d bytes", key, maxSetting)
		return out
	}
	text, from := "", 0
	flush := func(end int) {
		if text != "" {
			out.Parts = append(out.Parts, Part{Text: text, Pos: s.At(from, end-from)})
		}
		text = ""
	}
	for i := 0; i < len(s.Value); {
		rest := s.Value[i:]
		m := variable.FindStringSubmatch(rest)
		switch {
		case m != nil:
			flush(i)
			out.Parts = append(out.Parts, Part{Variable: m[1], Default: strings.ReplaceAll(m[3], "$$", "$"), HasDefault: m[2] != "", Pos: s.At(i, len(m[0]))})
			b.dollars(s, i+len(m[0])-1-len(m[3]), m[3])
			i += len(m[0])
			from = i
		case strings.HasPrefix(rest, "$$"):
			text += "$"
			i += len("$$")
		case rest[0] == '$':
			b.dollar(s, i)
			return out
		default:
			text += rest[:1]
			i++
		}
	}
	flush(len(s.Value))
	return out
}

// dollars reports a `$` within a variable's default, which is at an offset of s.
func (b *topologyBuilder) dollars(s spec.Scalar, off int, text string) {
	if i := strings.IndexByte(strings.ReplaceAll(text, "$$", "  "), '$'); i >= 0 {
		b.dollar(s, off+i)
	}
}

func (b *topologyBuilder) dollar(s spec.Scalar, off int) {
	b.diags.Add(diag.BadSetting, s.At(off, 1), "`$` begins no variable here").
		WithHint("a variable is ${NAME} or ${NAME:-default}; a dollar is $$")
}

// Fixed is the value if it has no variables, and whether it has none.
func (s *Setting) Fixed() (string, bool) {
	text := ""
	for _, p := range s.Parts {
		if p.Variable != "" || p.Temporary {
			return "", false
		}
		text += p.Text
	}
	return text, true
}

// Length is the least number of bytes that the value can be expected to have: with
// the defaults of its variables, the usual directory for temporary files, and in a directory
// below that the id that a user can be expected to have.
func (s *Setting) Length() int {
	var text strings.Builder
	for _, p := range s.Parts {
		text.WriteString(p.Text + p.Default)
		if p.Temporary {
			text.WriteString("/tmp")
		}
	}
	n := text.Len()
	if name, below := strings.CutPrefix(text.String(), "/tmp/"); s.Key == directory.Name && below && name != "" {
		n += len("-1000")
	}
	return n
}

// defaultSetting is a setting that was not written.
func (b *topologyBuilder) defaultSetting(k SettingKind) *Setting {
	s := &Setting{Key: k.Name, Text: spec.Scalar{Value: k.Default}}
	text, run := strings.CutPrefix(strings.ReplaceAll(k.Default, "{topology}", b.t.ID.Value), "{run}")
	if run {
		s.Parts = append(s.Parts, Part{Variable: "XDG_RUNTIME_DIR", Temporary: true})
	}
	if text != "" {
		s.Parts = append(s.Parts, Part{Text: text})
	}
	return s
}

// listen reads the address at which a node is reached.
func (b *topologyBuilder) listen(s spec.Scalar) *Setting {
	if !s.IsSet() {
		return nil
	}
	out := b.setting("listen", s)
	const hint = "write `tcp://host:port`; the host may be `*` for every address, and all of it may have variables"
	if !out.listens() {
		b.diags.Add(diag.BadSetting, s.Pos, "%q is no address to listen at", s.Value).WithHint(hint)
	}
	return out
}

// listens reports whether the setting can be an address to listen at: where it has
// variables, as far as can be seen.
func (s *Setting) listens() bool {
	text, fixed := s.Fixed()
	if !fixed {
		return s.Parts[0].Text == "" || strings.HasPrefix(s.Parts[0].Text, "tcp://")
	}
	m := address.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	_, err := strconv.ParseUint(m[2], 10, 16)
	return err == nil
}

var address = regexp.MustCompile(`^tcp://(\*|[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})$`)
