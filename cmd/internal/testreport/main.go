// Command testreport runs go test with the arguments it is given and prints,
// as its last lines, how many tests ran and which were skipped and why: go
// test itself hides what a skipped test says. Where the environment has
// CI=true a skipped test is a failure.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	r := newReport(os.Stdout)
	readErr := r.read(out)
	runErr := cmd.Wait()
	r.summary()
	switch {
	case readErr != nil:
		fmt.Fprintln(os.Stderr, "testreport: reading go test's events:", readErr)
		os.Exit(2)
	case runErr != nil || r.failed > 0:
		os.Exit(1)
	case len(r.skipped) > 0 && os.Getenv("CI") == "true":
		fmt.Println("CI=true: a test that is left out is a failure")
		os.Exit(1)
	}
}

// event is one line of test2json's output.
type event struct {
	Action, Package, Test, Output, ImportPath string
}

// report collects what go test says.
type report struct {
	out            io.Writer
	passed, failed int
	skipped        []string
	output         map[string][]string // output per running test
}

func newReport(out io.Writer) *report { return &report{out: out, output: map[string][]string{}} }

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil {
		_, _ = r.out.Write(line) // not an event: the go command speaking for itself
		return
	}
	id := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		if e.Test == "" {
			fmt.Fprint(r.out, e.Output)
			return
		}
		r.output[id] = append(r.output[id], e.Output)
	case "pass", "fail", "skip":
		if e.Test != "" {
			r.finished(id, e)
		} else if e.Action == "fail" {
			r.unfinished(e.Package)
		}
	}
}

// unfinished prints what the tests of a package had said that were still running
// when it failed: it has panicked, run out of time or been killed in one of them.
func (r *report) unfinished(pkg string) {
	for _, id := range slices.Sorted(maps.Keys(r.output)) {
		if strings.HasPrefix(id, pkg+" ") {
			fmt.Fprint(r.out, strings.Join(r.output[id], ""))
			delete(r.output, id)
		}
	}
}

func (r *report) finished(id string, e event) {
	out := r.output[id]
	delete(r.output, id)
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		fmt.Fprint(r.out, strings.Join(out, ""))
	case "skip":
		r.skipped = append(r.skipped, id+": "+reason(out))
	}
}

// reason is what a skipped test said, without the lines of the test framework.
func reason(out []string) string {
	var said []string
	for _, l := range out {
		l = strings.TrimSpace(l)
		if l != "" && !strings.HasPrefix(l, "===") && !strings.HasPrefix(l, "---") {
			said = append(said, l)
		}
	}
	return strings.Join(said, " ")
}

func (r *report) summary() {
	fmt.Fprintf(r.out, "%d tests ran, %d failed, %d left out\n", r.passed+r.failed, r.failed, len(r.skipped))
	for _, s := range r.skipped {
		fmt.Fprintln(r.out, "  left out:", s)
	}
}
