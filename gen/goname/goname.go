// Package goname makes Go identifiers of a spec's names. It is pure, knows
// nothing of specs, and is the only place that decides how a name is spelled.
package goname

import (
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"
)

// initialisms are written in capitals, as Go's own style has it.
var initialisms = map[string]bool{
	"ACL": true, "AMQP": true, "API": true, "ASCII": true, "CPU": true, "CSS": true, "CSV": true, "DB": true,
	"DNS": true, "EOF": true, "GUID": true, "HTML": true, "HTTP": true, "HTTPS": true, "IBAN": true, "ID": true,
	"IO": true, "IP": true, "IPC": true, "JSON": true, "JWT": true, "OS": true, "PDF": true, "QPS": true, "RAM": true,
	"RPC": true, "SKU": true, "SLA": true, "SMS": true, "SMTP": true, "SQL": true, "SSH": true, "TCP": true,
	"TLS": true, "TTL": true, "UDP": true, "UI": true, "UID": true, "URI": true, "URL": true, "UTC": true,
	"UTF8": true, "UUID": true, "VAT": true, "VM": true, "XML": true, "XSRF": true, "XSS": true, "YAML": true,
}

// Exported is the exported identifier for a name of ASCII letters, digits, `_`,
// `-` and `.`: words are capitalised and joined, initialisms are written in
// capitals, and between two digits a word boundary is kept as `_`. It is empty
// where nothing is left that an identifier could be made of. A name that begins
// with a digit gets a leading X, since an exported identifier needs a letter.
func Exported(name string) string {
	var b strings.Builder
	for _, w := range Words(name) {
		if b.Len() > 0 && isDigit(w[0]) && isDigit(b.String()[b.Len()-1]) {
			b.WriteByte('_')
		}
		b.WriteString(capitalised(w))
	}
	s := b.String()
	if s != "" && isDigit(s[0]) {
		s = "X" + s
	}
	return s
}

// Unexported is Exported with its first word in lower case; a keyword or
// predeclared name gets a trailing `_`.
func Unexported(name string) string {
	s := Exported(name)
	if s == "" {
		return ""
	}
	n := 1
	if first := capitalised(Words(name)[0]); strings.HasPrefix(s, first) && initialisms[strings.TrimSuffix(first, "s")] {
		n = len(first)
	}
	s = strings.ToLower(s[:n]) + s[n:]
	if token.IsKeyword(s) || predeclared[s] {
		s += "_"
	}
	return s
}

// Package is the package name for a machine's id: lower case, without anything
// but letters and digits. It is empty where the id has neither.
func Package(id string) string {
	s := strings.ToLower(strings.Join(Words(id), ""))
	if s != "" && isDigit(s[0]) {
		s = "x" + s
	}
	if s != "" && !IsPackage(s) {
		s += "machine"
	}
	return s
}

// Expr is how a name is written within a spec's expressions: as it is, with
// `-` as `_`, a trailing `_` after a Go keyword and a leading one before a
// leading digit.
func Expr(name string) string {
	s := strings.ReplaceAll(name, "-", "_")
	if token.IsKeyword(s) {
		s += "_"
	}
	if s != "" && isDigit(s[0]) {
		s = "_" + s
	}
	return s
}

// IsPackage reports whether s can be the name of a package that is imported, and
// of its directory: a lower-case identifier that is no keyword, that neither Go's
// tools pass over nor Windows keeps for a device.
func IsPackage(s string) bool {
	if s == "" || s[0] == '_' || unusable[s] || token.IsKeyword(s) || predeclared[s] || !token.IsIdentifier(s) {
		return false
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || unicode.IsUpper(rune(s[i])) {
			return false
		}
	}
	return true
}

// Words splits a name at `_`, `-`, `.`, any other separator, and before a
// capital that follows a small letter.
func Words(name string) []string {
	var words []string
	start := -1
	flush := func(end int) {
		if start >= 0 {
			words = append(words, name[start:end])
			start = -1
		}
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case !isLetter(c) && !isDigit(c):
			flush(i)
			continue
		case start >= 0 && isUpper(c) && !isUpper(name[i-1]):
			flush(i)
		}
		if start < 0 {
			start = i
		}
	}
	flush(len(name))
	return words
}

func capitalised(w string) string {
	if up := strings.ToUpper(w); initialisms[up] {
		return up
	}
	if len(w) > 2 && strings.HasSuffix(w, "s") && initialisms[strings.ToUpper(w[:len(w)-1])] {
		return strings.ToUpper(w[:len(w)-1]) + "s"
	}
	return strings.ToUpper(w[:1]) + w[1:]
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isUpper(c byte) bool  { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// unusable are names of packages that cannot be imported, of directories that the go
// command passes over or treats in a way of its own, of a package whose files it
// ignores, and of Windows' devices.
var unusable = map[string]bool{}

// predeclared are Go's predeclared identifiers: shadowing one compiles, and
// misleads.
var predeclared = map[string]bool{}

func init() {
	for _, n := range strings.Fields(`any bool byte comparable complex64 complex128 error float32 float64 int int8
		int16 int32 int64 rune string uint uint8 uint16 uint32 uint64 uintptr true false iota nil append cap clear
		close complex copy delete imag len make max min new panic print println real recover`) {
		predeclared[n] = true
	}
	for _, n := range strings.Fields(`main init testdata vendor documentation con prn aux nul com1 com2 com3 com4 com5 com6
		com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9`) {
		unusable[n] = true
	}
}
