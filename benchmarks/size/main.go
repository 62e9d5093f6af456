// Command size says what a large machine costs: it generates one of a thousand
// states, compiles it and a program that links it, and prints the figures as a
// Markdown table.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	n := flag.Int("states", 1000, "how many states the machine has, about")
	flag.Parse()
	if err := run(*n); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(n int) error {
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "xsgen-size-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	if err := prepare(dir, root, n); err != nil {
		return err
	}
	xsgen := filepath.Join(dir, "xsgen")
	if _, err := timed(root, "go", "build", "-o", xsgen, "./cmd/xsgen"); err != nil {
		return err
	}
	// The packages that the machine imports are compiled beforehand.
	if _, err := timed(root, "go", "build", "./runtime/..."); err != nil {
		return err
	}
	generate, err := timed(dir, xsgen, "generate")
	if err != nil {
		return err
	}
	archive := filepath.Join(dir, "big.a")
	compile, err := timed(dir, "go", "build", "-o", archive, "./big")
	if err != nil {
		return err
	}
	if _, err := timed(dir, "go", "build", "-o", "with.out", "./with"); err != nil {
		return err
	}
	if _, err := timed(dir, "go", "build", "-o", "without.out", "./without"); err != nil {
		return err
	}
	return report(dir, archive, n, generate, compile)
}

// timed runs a command and returns how long it took.
func timed(dir, name string, args ...string) (time.Duration, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return time.Since(began), nil
}

// prepare writes a module with the machine's spec and two programs.
func prepare(dir, root string, n int) error {
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	mod = bytes.Replace(mod, []byte("module github.com/xsgen/xsgen"), []byte("module example.com/size"), 1)
	mod = fmt.Appendf(mod, "\nrequire github.com/xsgen/xsgen v0.0.0\n\nreplace github.com/xsgen/xsgen => %s\n", root)
	for name, data := range map[string][]byte{
		"go.mod": mod, "go.sum": sum, "big.machine.yaml": machine(n),
		"with/main.go":    []byte("package main\n\nimport (\n\t\"context\"\n\n\t\"example.com/size/big\"\n)\n\nfunc main() { _ = big.New(nil).Start(context.Background()) }\n"),
		"without/main.go": []byte("package main\n\nimport (\n\t_ \"github.com/xsgen/xsgen/runtime/bus\"\n\t_ \"github.com/xsgen/xsgen/runtime/machine\"\n\t_ \"github.com/xsgen/xsgen/runtime/snapshot\"\n)\n\nfunc main() {}\n"),
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// machine is a spec of groups of ten states, each with two events, an action and a
// transition of its group.
func machine(n int) []byte {
	const group = 10
	var b bytes.Buffer
	fmt.Fprintf(&b, "version: 1\nmachine: big\ncontext: {n: int}\nevents: {next: {}, back: {by: int}, out: {}}\ninitial: g0\nstates:\n")
	groups := max(n/(group+1), 1)
	for g := range groups {
		fmt.Fprintf(&b, "  g%d:\n    initial: s0\n    on: {out: g%d}\n    states:\n", g, (g+1)%groups)
		for s := range group {
			fmt.Fprintf(&b, "      s%d: {entry: [note], on: {next: s%d, back: {target: s%d, guard: event.by > %d, actions: [{assign: {n: context.n + event.by}}]}}}\n",
				s, (s+1)%group, (s+group-1)%group, s)
		}
	}
	return b.Bytes()
}

func report(dir, archive string, n int, generate, compile time.Duration) error {
	lines, size := 0, 0
	files, err := filepath.Glob(filepath.Join(dir, "big", "*.go"))
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		lines, size = lines+bytes.Count(data, []byte("\n")), size+len(data)
	}
	sizes := map[string]int64{}
	for _, f := range []string{archive, filepath.Join(dir, "with.out"), filepath.Join(dir, "without.out")} {
		info, err := os.Stat(f)
		if err != nil {
			return err
		}
		sizes[filepath.Base(f)] = info.Size()
	}
	fmt.Printf("| a machine of %d states | |\n|---|---|\n", n)
	fmt.Printf("| generated | %d lines, %d KiB |\n", lines, size>>10)
	fmt.Printf("| `xsgen generate`, whole process | %v |\n", generate.Round(time.Millisecond))
	fmt.Printf("| compiling the package alone | %v |\n", compile.Round(time.Millisecond))
	fmt.Printf("| the compiled package | %d KiB |\n", sizes["big.a"]>>10)
	fmt.Printf("| what it adds to a program | %d KiB |\n", (sizes["with.out"]-sizes["without.out"])>>10)
	return nil
}
