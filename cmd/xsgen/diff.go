package main

import (
	"flag"

	"github.com/rogpeppe/go-internal/diff"
)

var diffVerb = verb{
	name: "diff", args: "[paths]", short: "show what generate would change",
	long: `Shows every file that generate would write or remove: missing, stale (from an
older spec or xsgen), hand-edited, or extra (not generated any more), each with a
unified diff. Writes nothing; the exit status is 1 if there is any.
`,
	run: (*app).diff,
}

func (a *app) diff(fs *flag.FlagSet, args []string) (int, error) {
	var o generateOptions
	fs.StringVar(&o.out, "o", "", "as generate's")
	brief := fs.Bool("brief", false, "name the files only")
	paths, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	changes, code, err := a.plan(paths, o)
	if err != nil || code != exitOK {
		return code, err
	}
	for _, c := range changes {
		name := shown(c.Path)
		a.printf("%s: %s\n", c.Status, name)
		if !*brief {
			a.printf("%s", diff.Diff("a/"+name, c.Old, "b/"+name, c.New))
		}
	}
	if len(changes) > 0 {
		return exitFindings, nil
	}
	return exitOK, nil
}
