package schemas_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// schema is a JSON Schema, or a part of one, of the keywords that ours use; any other
// is an error.
type schema = map[string]any

// validator checks values against a schema.
type validator struct{ root schema }

// check returns what is wrong with a value at a place; nothing if it is valid.
func (v validator) check(s any, x any, at string) []string {
	if s == true {
		return nil
	}
	var out []string
	bad := func(format string, args ...any) { out = append(out, at+": "+fmt.Sprintf(format, args...)) }
	m := s.(schema)
	for _, word := range sortedKeys(m) {
		switch arg := m[word]; word {
		case "$schema", "$id", "title", "description", "$defs", "properties", "default":
		case "$ref":
			name := strings.TrimPrefix(arg.(string), "#/$defs/")
			out = append(out, v.check(v.root["$defs"].(schema)[name], x, at)...)
		case "type":
			if !slices.ContainsFunc(list(arg), func(t any) bool { return isA(x, t.(string)) }) {
				bad("%v is not of type %v", x, arg)
			}
		case "enum":
			if !slices.ContainsFunc(arg.([]any), func(y any) bool { return x == y }) {
				bad("%v is none of %v", x, arg)
			}
		case "const":
			if number(x) != number(arg) {
				bad("%v is not %v", x, arg)
			}
		case "allOf", "anyOf", "oneOf":
			out = append(out, v.combined(word, arg.([]any), x, at)...)
		case "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems":
			if !within(word, arg, x) {
				bad("%v is not within %s %v", x, word, arg)
			}
		case "items":
			if l, ok := x.([]any); ok {
				for i, y := range l {
					out = append(out, v.check(arg, y, fmt.Sprintf("%s[%d]", at, i))...)
				}
			}
		case "required", "additionalProperties", "propertyNames":
			if o, ok := x.(map[string]any); ok {
				out = append(out, v.object(word, m, o, at)...)
			}
		default:
			bad("the keyword %s is not known", word)
		}
	}
	if props, ok := m["properties"].(schema); ok {
		if o, isObject := x.(map[string]any); isObject {
			for _, k := range sortedKeys(props) {
				if y, has := o[k]; has {
					out = append(out, v.check(props[k], y, at+"."+k)...)
				}
			}
		}
	}
	return out
}

func (v validator) combined(word string, list []any, x any, at string) []string {
	var all []string
	n := 0
	for _, s := range list {
		found := v.check(s, x, at)
		if all = append(all, found...); len(found) == 0 {
			n++
		}
	}
	if word == "allOf" && n == len(list) || word == "anyOf" && n > 0 || word == "oneOf" && n == 1 {
		return nil
	}
	return append(all, fmt.Sprintf("%s: %d of %d of %s hold", at, n, len(list), word))
}

func (v validator) object(word string, m schema, o map[string]any, at string) []string {
	var out []string
	switch word {
	case "required":
		for _, k := range m[word].([]any) {
			if _, has := o[k.(string)]; !has {
				out = append(out, fmt.Sprintf("%s: there is no %s", at, k))
			}
		}
	case "propertyNames":
		for _, k := range sortedKeys(o) {
			out = append(out, v.check(m[word], k, at+"."+k)...)
		}
	default:
		props, _ := m["properties"].(schema)
		for _, k := range sortedKeys(o) {
			if _, known := props[k]; known {
				continue
			}
			if m[word] == false {
				out = append(out, fmt.Sprintf("%s: there is no key %s", at, k))
			} else {
				out = append(out, v.check(m[word], o[k], at+"."+k)...)
			}
		}
	}
	return out
}

func within(word string, arg, x any) bool {
	switch x := x.(type) {
	case string:
		n := float64(utf8.RuneCountInString(x))
		return word != "pattern" && word != "minLength" && word != "maxLength" ||
			word == "pattern" && regexp.MustCompile(arg.(string)).MatchString(x) || word == "minLength" && n >= arg.(float64) || word == "maxLength" && n <= arg.(float64)
	case []any:
		return word != "minItems" || float64(len(x)) >= arg.(float64)
	}
	n := number(x)
	return math.IsNaN(n) || word != "minimum" && word != "maximum" || word == "minimum" && n >= arg.(float64) || word == "maximum" && n <= arg.(float64)
}

func list(x any) []any {
	if l, ok := x.([]any); ok {
		return l
	}
	return []any{x}
}

// number is x as a number, NaN if it is none.
func number(x any) float64 {
	switch x := x.(type) {
	case int:
		return float64(x)
	case float64:
		return x
	}
	return math.NaN()
}

func isA(x any, kind string) bool {
	switch x := x.(type) {
	case nil:
		return kind == "null"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	case int:
		return kind == "integer" || kind == "number"
	case float64:
		return kind == "number" || kind == "integer" && x == math.Trunc(x)
	}
	return false
}

func sortedKeys(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
