package gen_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
	"github.com/xsgen/xsgen/runtime/transport/memory"
	"github.com/xsgen/xsgen/runtime/transport/transporttest"
	"github.com/xsgen/xsgen/runtime/transport/unix"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

// proofs name, for each kind of link, the tests that show what becomes of each key of a
// profile: that it has the effect which the documents say, or that it is refused. A kind
// joins by an entry here; the page docs/profiles.md says of others that nothing is shown
// yet. A test is written as the directory of its package, a blank, and its name.
var proofs = map[string]proof{
	"direct": {checks: []check{checkDirect}, shows: func(*testing.T, string) []string {
		return []string{"gen TestProfileKeys", "runtime/bus TestDirectHasNoQueue"}
	}},
	"memory": {checks: []check{bus.CheckProfile, memory.New().Check}, shows: func(t *testing.T, key string) []string {
		return append(onTheBus(t, key), bySuite("runtime/transport/memory", key, own{
			"durable": "TestKeysWithoutMeaning", "ack": "TestKeysWithoutMeaning", "confirm": "TestKeysWithoutMeaning",
			"durable: required": "TestConformance/refused", "sensitive": "TestSensitive",
		})...)
	}},
	"amqp": {checks: []check{new(amqp.Transport).Check}, shows: func(_ *testing.T, key string) []string {
		return bySuite("runtime/transport/amqp", key, own{
			"ack": "TestAck", "confirm": "TestConfirm", "sensitive": "TestSensitive", "durable": "TestConformance/durable-queue",
			"durable: required": "TestConformance/durable-queue", "capacity": "TestFull", "capacity-bytes": "TestCapacityBytes",
			"overflow": "TestOverflow", "overflow: drop-newest": "TestCheck", "publish-timeout": "TestAlarms",
		})
	}},
	"unix": {checks: []check{unix.CheckProfile}, shows: func(_ *testing.T, key string) []string {
		return bySuite("runtime/transport/unix", key, own{
			"durable": "TestDurableHasNoMeaning", "ack": "TestKeptThroughCuts", "confirm": "TestConfirmedThroughCuts",
			"durable: required": "TestConformance/refused", "sensitive": "TestSensitive",
		})
	}},
	"zeromq": {checks: []check{new(zeromq.Transport).Check}, shows: func(_ *testing.T, key string) []string {
		return bySuite("runtime/transport/zeromq", key, own{
			"durable": "TestKeysWithoutMeaning", "ack": "TestAck", "confirm": "TestConfirm",
			"durable: required": "TestConformance/refused", "sensitive": "TestSensitive",
		})
	}},
}

// proof is a kind's.
type proof struct {
	// checks refuse a profile when the program starts; none where that needs a server.
	checks []check
	shows  func(t *testing.T, key string) []string
}

type check = func(transport.Profile) error

// own are a transport's own tests of keys, in place of those of the suite.
type own map[string]string

// bySuite are the parts of the conformance suite that show a key, as a transport's
// TestConformance runs them, or its own test.
func bySuite(dir, key string, tests own) (out []string) {
	if test := tests[key]; test != "" {
		return []string{dir + " " + test}
	}
	for _, part := range transporttest.ProfileParts()[key] {
		out = append(out, dir+" TestConformance/"+part)
	}
	if key == "retry" { // of which the parts use little
		out = append(out, "runtime/transport TestRetryWait", "runtime/transport TestRetryJitter")
	}
	return out
}

// onTheBus is what docs/bus.md names, whose queue a link within a process is.
func onTheBus(t *testing.T, key string) []string {
	t.Helper()
	switch key {
	case model.DurableRequired:
		return []string{"runtime/bus TestProfilesThatAreRefused"}
	case model.OverflowDropNewest:
		return []string{"runtime/bus TestOverflow"}
	}
	doc, err := os.ReadFile("../docs/bus.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?m)^\\| `" + key + "` \\|.*\\| `(\\w+)` \\|$").FindSubmatch(doc)
	if m == nil {
		t.Errorf("docs/bus.md says nothing of %s", key)
		return nil
	}
	return []string{"runtime/bus " + string(m[1])}
}

// checkDirect is what a bus says of a direct subscription with a profile.
func checkDirect(p transport.Profile) error {
	_, err := bus.SubscribeAny(bus.New(), "#", nothing, bus.Direct(), bus.WithProfile(p))
	return err
}

// TestProfileProofs wants tests that exist for every key on every kind of link, and keeps
// the page that lists them.
func TestProfileProofs(t *testing.T) {
	for name := range proofs {
		if model.TransportNamed(name) == nil {
			t.Errorf("there is no transport %s", name)
		}
	}
	page := proofsPage(t)
	old, err := os.ReadFile("../docs/profiles.md")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	switch {
	case bytes.Equal(old, page):
	case os.Getenv("XSGEN_UPDATE") == "":
		t.Errorf("run with XSGEN_UPDATE=1:\n%s", diff.Diff("docs/profiles.md", old, "now", page))
	default:
		if err := os.WriteFile("../docs/profiles.md", page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const proofsHead = `# What shows that profiles mean what they say

What a kind of link makes of each key of a profile is said in
[topology.md](topology.md#profiles). This page is made of the names of the tests that observe
it, or that it is refused, when the program is generated or when it starts. ` + "`TestConformance`" + ` is
the suite of package ` + "`runtime/transport/transporttest`" + ` as a transport runs it.
`

func proofsPage(t *testing.T) []byte {
	b := bytes.NewBufferString(proofsHead)
	found := tests{t: t, in: map[string][]string{}}
	for _, k := range model.TransportKinds {
		fmt.Fprintf(b, "\n## %s\n\n", k.Name)
		p, registered := proofs[k.Name]
		if !registered {
			t.Logf("%s: NOT YET SHOWN: what becomes of the keys of profiles has no tests there", k.Name)
			fmt.Fprintf(b, "Nothing is shown yet%s.\n", map[bool]string{false: ": this version has no such transport"}[k.Available])
			continue
		}
		b.WriteString("| key | | shown by |\n|---|---|---|\n")
		for _, row := range model.Rows() {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", row, k.Answers[row], found.cell(k.Name, row, p.shows(t, row)))
		}
	}
	return b.Bytes()
}

// TestTransportDoc wants every key of profiles in the table for those who write transports.
func TestTransportDoc(t *testing.T) {
	doc, err := os.ReadFile("../docs/transport.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range model.ProfileKeys {
		if !bytes.Contains(doc, []byte("\n| `"+key+"` | ")) {
			t.Errorf("docs/transport.md says nothing of %s", key)
		}
	}
}

// tests are those that there are, by the directory of their package.
type tests struct {
	t  *testing.T
	in map[string][]string
}

// cell lists tests for the page, and fails for one that does not exist.
func (f *tests) cell(kind, key string, list []string) string {
	if len(list) == 0 {
		f.t.Errorf("%s: nothing shows what becomes of %s", kind, key)
	}
	var out []string
	for _, x := range list {
		dir, test, _ := strings.Cut(x, " ")
		if !f.exists(dir, test) {
			f.t.Errorf("%s: %s is to be shown by %s in %s, and there is no such test", kind, key, test, dir)
		}
		out = append(out, fmt.Sprintf("`%s` in `%s`", test, dir))
	}
	return strings.Join(out, ", ")
}

// exists looks for a test in a package's files. Of a conformance test that is that it runs
// the suite: which parts there are, the suite's own test says.
func (f *tests) exists(dir, test string) bool {
	if _, read := f.in[dir]; !read {
		f.in[dir] = testsIn(f.t, dir)
	}
	name, part, _ := strings.Cut(test, "/")
	if part != "" && !slices.Contains(f.in[dir], name+" runs the suite") {
		return false
	}
	return slices.Contains(f.in[dir], name)
}

// testsIn are the tests of a package, and which of them run the suite.
func testsIn(t *testing.T, dir string) (out []string) {
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				out = append(out, fn.Name.Name)
				if runsSuite(fn) {
					out = append(out, fn.Name.Name+" runs the suite")
				}
			}
		}
	}
	return out
}

func runsSuite(fn *ast.FuncDecl) (runs bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Run" {
			x, ok := s.X.(*ast.Ident)
			runs = runs || ok && x.Name == "transporttest"
		}
		return true
	})
	return runs
}
