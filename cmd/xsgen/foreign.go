package main

import (
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/xsgen/xsgen/gen/output"
)

// foreign looks for a Go file in a directory that is of another package than pkg,
// and returns its path and its package. What xsgen generated does not count, since
// it is replaced or removed; nor does what is not built here.
func foreign(dir, pkg string) (file, other string) {
	names, _ := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*.go")) // the pattern is well formed
	for _, name := range names {
		if p := packageOf(name); p != "" && p != pkg {
			return path.Join(dir, filepath.Base(name)), p
		}
	}
	return "", ""
}

// packageOf is the package of a file that somebody wrote by hand; empty if there
// is none, or if another tool must tell.
func packageOf(name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	if _, _, ours := output.Generated(data); ours {
		return ""
	}
	if built, err := build.Default.MatchFile(filepath.Dir(name), filepath.Base(name)); err != nil || !built {
		return ""
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, data, parser.PackageClauseOnly)
	if err != nil {
		return ""
	}
	if strings.HasSuffix(name, "_test.go") {
		return strings.TrimSuffix(f.Name.Name, "_test")
	}
	return f.Name.Name
}

// taken reports whether there is a file that xsgen did not write.
func taken(file string) bool {
	data, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		return false
	}
	_, _, ours := output.Generated(data)
	return !ours
}
