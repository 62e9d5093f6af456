// Package layout holds the rules of the repository that no compiler checks:
// which package may import which, and how large files and functions may be.
package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../../.."
	module = "github.com/xsgen/xsgen/"
)

// allowed are the imports beyond the standard library that each package may
// have, those within this module without its path. Tests may import more.
var allowed = map[string][]string{
	"gen/source": {},
	"gen/diag":   {"gen/source"},
	"gen/goname": {},
	"gen/spec":   {"gen/source", "gen/diag", "gopkg.in/yaml.v3"},
	"gen/model":  {"gen/source", "gen/diag", "gen/goname", "gen/spec", "runtime/topic"},
	"gen/expr":   {"gen/source", "gen/diag", "gen/goname", "gen/spec", "gen/model"},
	"gen/check":  {"gen/source", "gen/diag", "gen/spec", "gen/model", "gen/expr", "gen/wiring", "runtime/topic"},
	"gen/wiring": {"gen/spec", "gen/model", "runtime/topic"},
	"gen/golang": {"gen/source", "gen/diag", "gen/goname", "gen/spec", "gen/model", "gen/expr", "gen/wiring", "github.com/dave/jennifer/jen"},
	"gen/output": {},
	"gen": {"gen/source", "gen/diag", "gen/spec", "gen/model", "gen/expr", "gen/check", "gen/golang", "gen/output",
		"golang.org/x/mod/modfile"},
	"cmd/xsgen": {"gen", "gen/source", "gen/diag", "gen/spec", "gen/golang", "gen/output", "schemas", "templates", "github.com/rogpeppe/go-internal/diff"},
	"schemas":   {},
	"templates": {},

	"runtime/topic":                    {},
	"runtime/checked":                  {},
	"runtime/convert":                  {},
	"runtime/machine":                  {},
	"runtime/codec":                    {"github.com/vmihailenco/msgpack/v5"},
	"runtime/snapshot":                 {"runtime/codec", "runtime/machine"},
	"runtime/transport":                {"runtime/topic", "runtime/codec", "runtime/internal/callers", "runtime/internal/poison", "runtime/internal/pool"},
	"runtime/transport/internal/fifo":  {},
	"runtime/transport/internal/local": {"runtime/transport", "runtime/transport/internal/fifo", "runtime/internal/again", "runtime/internal/poison", "runtime/internal/pool", "runtime/internal/queue"},
	"runtime/transport/memory":         {"runtime/topic", "runtime/codec", "runtime/transport", "runtime/transport/internal/local"},
	"runtime/transport/unix":           {"runtime/topic", "runtime/codec", "runtime/transport", "runtime/transport/internal/local", "runtime/transport/internal/sockdir"},
	"runtime/transport/zeromq": {"runtime/topic", "runtime/codec", "runtime/transport", "runtime/transport/internal/local",
		"runtime/transport/internal/sockdir", "runtime/internal/poison", "runtime/internal/zmtp"},
	"runtime/transport/internal/sockdir":             {"golang.org/x/sys/unix"},
	"runtime/transport/internal/sockdir/sockdirtest": {},
	"runtime/transport/transporttest":                {"runtime/topic", "runtime/transport", "go.uber.org/goleak"},
	"runtime/bus":                                    {"runtime/topic", "runtime/codec", "runtime/transport", "runtime/internal/again", "runtime/internal/callers", "runtime/internal/poison", "runtime/internal/queue"},

	"runtime/transport/amqp": {"runtime/topic", "runtime/codec", "runtime/transport", "runtime/transport/internal/fifo", "runtime/internal/again",
		"github.com/rabbitmq/amqp091-go"},

	"runtime/node": {"runtime/topic", "runtime/transport", "runtime/bus", "runtime/internal/callers"},

	"runtime/bus/bustest":         {"runtime/bus", "runtime/topic"},
	"runtime/machine/machinetest": {"runtime/bus", "runtime/bus/bustest", "runtime/machine", "runtime/topic"},

	"runtime/internal/again":   {},
	"runtime/internal/callers": {},
	"runtime/internal/poison":  {},
	"runtime/internal/pool":    {"runtime/internal/poison"},
	"runtime/internal/queue":   {},
	"runtime/internal/zmtp":    {},
	"runtime/otel": {"runtime/bus", "runtime/topic", "runtime/transport", "go.opentelemetry.io/otel", "go.opentelemetry.io/otel/attribute", "go.opentelemetry.io/otel/codes",
		"go.opentelemetry.io/otel/metric", "go.opentelemetry.io/otel/propagation", "go.opentelemetry.io/otel/trace"},

	"internal/debian": {},
	"internal/pyzmq":  {"internal/debian"},
	"internal/rabbit": {"internal/debian"},

	"cmd/internal/testreport": {},
	"cmd/internal/layout":     {},
}

// freely are directories whose packages may import what they like.
var freely = []string{"examples", "testdata", "benchmarks"}

// eachFile visits every Go file that is not generated.
func eachFile(t *testing.T, visit func(name string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if !ast.IsGenerated(f) {
			visit(rel, fset, f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	eachFile(t, func(name string, _ *token.FileSet, f *ast.File) {
		dir := path.Dir(name)
		if first, _, _ := strings.Cut(name, "/"); slices.Contains(freely, first) || strings.HasSuffix(name, "_test.go") {
			return
		}
		list, known := allowed[dir]
		if !known {
			t.Errorf("%s: the package is not listed in this test", name)
			return
		}
		seen[dir] = true
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own, ours := strings.CutPrefix(p, module)
			if !ours && !strings.Contains(p, ".") {
				continue // the standard library
			}
			if !slices.Contains(list, own) {
				t.Errorf("%s may not import %s", name, p)
			}
		}
	})
	for _, dir := range slices.Sorted(maps.Keys(allowed)) {
		if !seen[dir] && dir != "cmd/internal/layout" {
			t.Errorf("there is no package %s any more", dir)
		}
	}
}

// The most lines that a file and a function may have.
const (
	maxFile     = 500
	maxFunction = 100
)

func TestSizes(t *testing.T) {
	eachFile(t, func(name string, fset *token.FileSet, f *ast.File) {
		if lines := fset.File(f.FileStart).LineCount(); lines > maxFile {
			t.Errorf("%s has %d lines, more than %d", name, lines, maxFile)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; lines > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", name, fn.Name.Name, lines, maxFunction)
			}
		}
	})
}

// TestWhatProgramsLink lists what a program links that uses delivery within its process
// only.
func TestWhatProgramsLink(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../../../examples/orders").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "runtime/bus") {
		t.Fatal("it does not link the bus")
	}
	for _, part := range []string{"opentelemetry", "amqp", "zmq", "redis", "jennifer", "yaml", "testing", "ordertest"} {
		if strings.Contains(string(out), part) {
			t.Errorf("it links something of %s", part)
		}
	}
}
