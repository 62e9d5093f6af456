// Package diag is what the generator says about its input: findings with a
// place, a rule and a hint, and the renderers that show them. Rules register
// here by being listed in rules.go; what a rule looks for lives with the stage
// that checks it.
package diag

import (
	"fmt"
	"slices"

	"github.com/xsgen/xsgen/gen/source"
)

// Severity says whether a finding stops generation.
type Severity int

// An Error stops generation; a Warning does not, unless the user asks for it.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Rule is a kind of finding. Its code is stable for ever; its name is what
// people read.
type Rule struct {
	Code     string
	Name     string
	Severity Severity
	Summary  string // one sentence: what is found and why it matters
}

func (r *Rule) String() string { return r.Code + " " + r.Name }

// Related is a second place that a finding is about.
type Related struct {
	Pos     source.Pos
	Message string
}

// Diagnostic is one finding.
type Diagnostic struct {
	Pos     source.Pos
	Rule    *Rule
	Message string
	Related []Related
	Hint    string // what to do, without a leading "hint:"
}

// Severity is the severity of the diagnostic's rule.
func (d *Diagnostic) Severity() Severity { return d.Rule.Severity }

// List collects findings. Its zero value is empty and ready; it is not safe
// for concurrent use.
type List struct {
	all  []*Diagnostic
	work int // done by Suggest
}

// Add records a finding of rule at pos and returns it, so that the caller can
// attach a hint or a second place.
func (l *List) Add(rule *Rule, pos source.Pos, format string, args ...any) *Diagnostic {
	d := &Diagnostic{Pos: pos, Rule: rule, Message: fmt.Sprintf(format, args...)}
	l.all = append(l.all, d)
	return d
}

// WithHint sets the hint and returns d; an empty hint changes nothing.
func (d *Diagnostic) WithHint(format string, args ...any) *Diagnostic {
	if format != "" {
		d.Hint = fmt.Sprintf(format, args...)
	}
	return d
}

// WithRelated adds a second place and returns d.
func (d *Diagnostic) WithRelated(pos source.Pos, format string, args ...any) *Diagnostic {
	d.Related = append(d.Related, Related{Pos: pos, Message: fmt.Sprintf(format, args...)})
	return d
}

// Append takes over the findings of other.
func (l *List) Append(other *List) { l.all = append(l.all, other.all...) }

// Len is the number of findings.
func (l *List) Len() int { return len(l.all) }

// Errors is the number of findings that stop generation.
func (l *List) Errors() int {
	n := 0
	for _, d := range l.all {
		if d.Severity() == Error {
			n++
		}
	}
	return n
}

// Found are the rules of the errors in a file, each once.
func (l *List) Found(f *source.File) []*Rule {
	var out []*Rule
	for _, d := range l.all {
		if d.Pos.File == f && d.Severity() == Error && !slices.Contains(out, d.Rule) {
			out = append(out, d.Rule)
		}
	}
	return out
}

// Places are where findings of a rule are.
func (l *List) Places(r *Rule) map[source.Pos]bool {
	out := map[source.Pos]bool{}
	for _, d := range l.all {
		if d.Rule == r {
			out[d.Pos] = true
		}
	}
	return out
}

// Sorted returns the findings in file order; findings of one place keep the
// order in which they were made, and exact repetitions are left out.
func (l *List) Sorted() []*Diagnostic {
	out := slices.Clone(l.all)
	slices.SortStableFunc(out, func(a, b *Diagnostic) int { return a.Pos.Compare(b.Pos) })
	return slices.CompactFunc(out, func(a, b *Diagnostic) bool {
		return a.Pos == b.Pos && a.Rule == b.Rule && a.Message == b.Message
	})
}
