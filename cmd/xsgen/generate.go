package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/xsgen/xsgen/gen"
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/output"
)

var generateVerb = verb{
	name: "generate", args: "[paths]", short: "write the Go of specs",
	long: `Finds *.machine.yaml and *.topology.yaml in the paths (default: the current directory and everything
below it), and writes the Go of each into its own directory, if that directory's
import path ends in the machine's package, or else into one of that name beside
it; a test kit goes into <package>test within the package's directory.
Directories that are called testdata, vendor or node_modules, or whose names
begin with a dot or an underscore, are not looked into unless they are named.
Writes only what changes, removes files of its own that are not generated any
more, and writes nothing at all if any spec has an error.
`,
	run: (*app).generate,
}

type generateOptions struct {
	out           string
	strict, quiet bool
	read          func(name string) // is told of files that were read besides the specs; may be nil
}

func (a *app) generate(fs *flag.FlagSet, args []string) (int, error) {
	var o generateOptions
	fs.StringVar(&o.out, "o", "", "write each package to `dir`/<package>")
	fs.BoolVar(&o.strict, "strict", false, "treat warnings as errors")
	fs.BoolVar(&o.quiet, "q", false, "do not list what was written")
	watch := fs.Bool("watch", false, "generate again whenever a spec changes, until interrupted")
	paths, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	if !*watch {
		return a.generateOnce(paths, o)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return a.watch(ctx, paths, o)
}

func (a *app) generateOnce(paths []string, o generateOptions) (int, error) {
	changes, code, err := a.plan(paths, o)
	if err != nil || code != exitOK || len(changes) == 0 {
		return code, err
	}
	if err := output.Apply(changes); err != nil {
		return 0, err
	}
	if !o.quiet {
		for _, c := range changes {
			did := "wrote"
			if c.Status == output.Extra {
				did = "removed"
			}
			a.printf("%s %s\n", did, shown(c.Path))
		}
	}
	return exitOK, nil
}

// plan generates, shows the diagnostics, and returns what would change on disk.
func (a *app) plan(paths []string, o generateOptions) ([]output.Change, int, error) {
	f, err := find(paths, o.out)
	if err != nil {
		return nil, 0, err
	}
	if o.read != nil {
		read := f.input.Read
		f.input.Read = func(name string) ([]byte, error) {
			o.read(name)
			return read(name)
		}
	}
	r, err := gen.Generate(f.input)
	if err != nil {
		return nil, 0, err
	}
	if code, err := a.report(r.Diagnostics, diag.Text, o.strict); err != nil || code != exitOK {
		return nil, code, err
	}
	changes, err := output.Plan(r.Packages, f.stale(r.Packages))
	return changes, exitOK, err
}

// report shows diagnostics on the error output and says what they amount to.
func (a *app) report(l *diag.List, render renderer, strict bool) (int, error) {
	if err := render(a.err, l); err != nil {
		return 0, err
	}
	if l.Errors() > 0 || strict && l.Len() > 0 {
		return exitFindings, nil
	}
	return exitOK, nil
}

// watchInterval is how often specs are looked at.
const watchInterval = 300 * time.Millisecond

// watch generates whenever a spec is added, changed or removed. Looking at the
// files finds changes on every file system, those of networks included.
func (a *app) watch(ctx context.Context, paths []string, o generateOptions) (int, error) {
	last, read := "", stamps{}
	o.read = read.note
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		if now := fingerprint(paths); now != last || read.stale() {
			last = now
			clear(read)
			if _, err := a.generateOnce(paths, o); err != nil {
				a.complain("%v", err)
			}
		}
		select {
		case <-ctx.Done():
			return exitOK, nil
		case <-tick.C:
		}
	}
}

// fingerprint changes when a spec does.
func fingerprint(paths []string) string {
	f, err := find(paths, "")
	if err != nil {
		return err.Error()
	}
	s := fmt.Sprintln(len(f.generated) > 0)
	for _, sp := range f.input.Specs {
		s += fmt.Sprintln(sp.Path, stamp(sp.Path))
	}
	return s
}

// stamp changes when a file does; it is empty if there is none.
func stamp(name string) string {
	info, err := os.Stat(filepath.FromSlash(name))
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size())
}

// stamps are those that files had before they were read, or looked for: the specs
// of machines that the given ones invoke.
type stamps map[string]string

func (s stamps) note(name string) { s[name] = stamp(name) }

// stale reports whether one of the files has changed since.
func (s stamps) stale() bool {
	for name, was := range s {
		if stamp(name) != was {
			return true
		}
	}
	return false
}
