// Command xsgen generates Go from machine specs. Run `xsgen help` for its verbs.
//
// This package finds files, calls package gen, and writes what it returns; it
// decides nothing about specs or about Go.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// The exit codes.
const (
	exitOK       = 0
	exitFindings = 1 // diagnostics, or differences
	exitTrouble  = 2 // wrong usage, or files that cannot be read or written
)

// app is where a verb writes to.
type app struct {
	out, err io.Writer
}

// verb is a subcommand.
type verb struct {
	name, args, short string
	long              string
	run               func(a *app, fs *flag.FlagSet, args []string) (int, error)
}

func verbs() []verb {
	return []verb{initVerb, generateVerb, checkVerb, diffVerb, schemaVerb, explainVerb, versionVerb, completionVerb, helpVerb}
}

// errUsage is returned by verbs for arguments that they do not understand; what
// was wrong has been said.
var errUsage = errors.New("usage")

func run(args []string, out, errOut io.Writer) int {
	a := &app{out, errOut}
	if len(args) == 0 {
		a.usage(errOut)
		return exitTrouble
	}
	name := args[0]
	if name == "-h" || name == "--help" || name == "-help" {
		name = "help"
	}
	for _, v := range verbs() {
		if v.name == name {
			return a.call(v, args[1:])
		}
	}
	a.complain("there is no verb %q; run `xsgen help`", args[0])
	return exitTrouble
}

func (a *app) call(v verb, args []string) int {
	fs := flag.NewFlagSet(v.name, flag.ContinueOnError)
	fs.SetOutput(a.err)
	fs.Usage = func() { a.explain(v, fs) }
	code, err := v.run(a, fs, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errUsage):
		return exitTrouble
	case err != nil:
		a.complain("%v", err)
		return exitTrouble
	}
	return code
}

// parse reads a verb's flags, which may stand before, between and after its
// other arguments, and returns those.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, errUsage // the flag package has said what
		}
		args = fs.Args()
		if len(args) == 0 {
			return rest, nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

func (a *app) printf(format string, args ...any) {
	fmt.Fprintf(a.out, format, args...) //nolint:errcheck // a broken pipe ends the program anyway
}

func (a *app) complain(format string, args ...any) {
	fmt.Fprintf(a.err, "xsgen: "+format+"\n", args...) //nolint:errcheck // there is nowhere else to say it
}
