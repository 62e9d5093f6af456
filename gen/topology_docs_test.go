package gen_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

const topologyDoc = "../docs/topology.md"

// TestTopologyTables keeps the tables of docs/topology.md that say what the generator
// knows.
func TestTopologyTables(t *testing.T) {
	old, err := os.ReadFile(topologyDoc)
	if err != nil {
		t.Fatal(err)
	}
	now := old
	for name, table := range map[string]string{"transports": transportTable(), "profiles": profileTable(), "checks": checkTable()} {
		block := regexp.MustCompile(`(?s)<!-- generated: ` + name + ` -->\n.*?<!-- end -->\n`)
		if !block.Match(now) {
			t.Fatalf("there is no place for %s", name)
		}
		now = block.ReplaceAllLiteral(now, []byte("<!-- generated: "+name+" -->\n"+table+"<!-- end -->\n"))
	}
	if bytes.Equal(old, now) {
		return
	}
	if os.Getenv("XSGEN_UPDATE") == "" {
		t.Errorf("run with XSGEN_UPDATE=1:\n%s", diff.Diff("docs/topology.md", old, "now", now))
	} else if err := os.WriteFile(topologyDoc, now, 0o644); err != nil {
		t.Fatal(err)
	}
}

func transportTable() string {
	var b strings.Builder
	b.WriteString("| transport | can be | settings |\n|---|---|---|\n")
	for _, k := range model.TransportKinds {
		var serves, settings []string
		for _, l := range k.Serves {
			serves = append(serves, "`"+l.String()+"`")
		}
		for _, s := range k.Settings {
			said := fmt.Sprintf("`%s`: %s", s.Name, s.Meaning)
			if s.Default != "" {
				d := strings.ReplaceAll(s.Default, "{topology}", "<topology>")
				said += fmt.Sprintf("; default: `%s`", strings.ReplaceAll(d, "{run}", "$XDG_RUNTIME_DIR"))
				if strings.Contains(d, "{run}") {
					said += fmt.Sprintf(", or `%s` if that is unset", strings.ReplaceAll(d, "{run}", "<tmp>"))
				}
			}
			settings = append(settings, said)
		}
		name := "`" + k.Name + "`"
		if !k.Available {
			name += " (not available yet)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, strings.Join(serves, ", "), strings.Join(settings, "; "))
	}
	return b.String()
}

func profileTable() string {
	var b strings.Builder
	b.WriteString("| key |")
	for _, k := range model.TransportKinds {
		b.WriteString(" " + k.Name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(model.TransportKinds)) + "\n")
	for _, row := range model.Rows() {
		b.WriteString("| `" + row + "` |")
		for _, k := range model.TransportKinds {
			b.WriteString(" " + k.Answers[row].String() + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func checkTable() string {
	var b strings.Builder
	b.WriteString("| check | | |\n|---|---|---|\n")
	for _, r := range diag.Rules() {
		if strings.HasPrefix(r.Code, "XS05") || strings.HasPrefix(r.Code, "XS06") {
			fmt.Fprintf(&b, "| [%s](checks.md#%s) | %s | %s |\n", r, strings.ToLower(r.Code+"-"+r.Name), r.Severity, r.Summary)
		}
	}
	return b.String()
}

// checkTopologySnippet checks a topology of a document, whose machines are above it.
func checkTopologySnippet(t *testing.T, file string, text []byte, named map[string][]byte) {
	t.Helper()
	l := gen.Check(gen.Input{Specs: []gen.Spec{{Path: "x.topology.yaml", Name: file, Data: text}}, Modules: module, Read: fromMap(named)})
	if l.Len() > 0 {
		var out bytes.Buffer
		_ = diag.Text(&out, l)
		t.Errorf("%s", out.String())
	}
}

// TestThePagesExample keeps what is run in testdata/golden/manual equal to the example of
// docs/topology.md: its machines, and the topology that follows them.
func TestThePagesExample(t *testing.T) {
	page, err := os.ReadFile(topologyDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllSubmatch(page, -1) {
		name := string(m[2]) + gen.MachineSuffix
		if string(m[1]) == "topology" {
			name = "shop" + gen.TopologySuffix
		}
		name = "../testdata/golden/manual/" + name
		if os.Getenv("XSGEN_UPDATE") != "" {
			if err := os.WriteFile(name, m[4], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if old, err := os.ReadFile(name); err != nil || !bytes.Equal(old, m[4]) {
			t.Errorf("run with XSGEN_UPDATE=1 (%v):\n%s", err, diff.Diff(name, old, "the page's", m[4]))
		}
		if string(m[1]) == "topology" {
			return
		}
	}
	t.Error("there is no topology")
}
