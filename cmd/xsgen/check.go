package main

import (
	"flag"
	"io"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
)

var checkVerb = verb{
	name: "check", args: "[paths]", short: "find mistakes in specs, and write nothing",
	long: `Reports everything that is wrong, or looks wrong, in the specs of the paths
(default: the current directory and everything below it), and whatever else would
keep generate from writing. Writes nothing.
`,
	run: (*app).check,
}

// renderer writes diagnostics in one format.
type renderer func(io.Writer, *diag.List) error

var renderers = map[string]renderer{"text": diag.Text, "json": diag.JSON, "sarif": diag.SARIF, "github": diag.GitHub}

func (a *app) check(fs *flag.FlagSet, args []string) (int, error) {
	format := fs.String("format", "text", "`format` of the findings: text, json, sarif or github")
	strict := fs.Bool("strict", false, "treat warnings as errors")
	out := fs.String("o", "", "as generate's")
	paths, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	render, ok := renderers[*format]
	if !ok {
		a.complain("there is no format %q: use text, json, sarif or github", *format)
		return 0, errUsage
	}
	f, err := find(paths, *out)
	if err != nil {
		return 0, err
	}
	// What is asked for is the findings: they are the output.
	return (&app{a.out, a.out}).report(gen.Check(f.input), render, *strict)
}
