package main

import (
	"flag"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
)

var explainVerb = verb{
	name: "explain", args: "<code>", short: "say what a check looks for",
	long: `Says of a check, by its code or its name, what it looks for, and whether it stops
generation: xsgen explain XS0606
`,
	run: (*app).explainRule,
}

func (a *app) explainRule(fs *flag.FlagSet, args []string) (int, error) {
	args, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	if len(args) != 1 {
		a.complain("say which check: xsgen explain XS0606")
		return 0, errUsage
	}
	for _, r := range diag.Rules() {
		if strings.EqualFold(r.Code, args[0]) || r.Name == args[0] {
			a.printf("%s %s (%s)\n\n%s\n", r.Code, r.Name, r.Severity, r.Summary)
			return exitOK, nil
		}
	}
	a.complain("there is no check %q", args[0])
	return 0, errUsage
}
