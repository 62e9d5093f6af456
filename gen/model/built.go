package model

import (
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// UnknownField reports a key of a mapping that builds something without a field of
// that name: a default, or a value under `with`.
func UnknownField(l *diag.List, key spec.Scalar, fields []*Field, what string) {
	l.Add(diag.UnknownField, key.Pos, "%s has no field %q", what, key.Value).
		WithHint("%s", l.Suggest(key.Value, namesOf(fields, fieldName)))
}

// MissingFields reports the required fields that a mapping leaves out; v is nil
// where there is no mapping at all.
func MissingFields(l *diag.List, v *spec.Value, fields []*Field, what string, at source.Pos) {
	var names []string
	for _, f := range fields {
		if f.Required() && (v == nil || v.Entry(f.Name.Value) == nil) {
			names = append(names, "`"+f.Name.Value+"`")
		}
	}
	if len(names) > 0 {
		l.Add(diag.MissingField, at, "%s needs %s", what, strings.Join(names, ", ")).
			WithHint("a field may be left out if it is optional (`T?`) or has a default")
	}
}
