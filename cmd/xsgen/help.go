package main

import (
	"flag"
	"fmt"
	"io"
)

var helpVerb = verb{name: "help", args: "[verb]", short: "explain xsgen, or one verb"}

// The verb's own list of verbs would be a cycle of initialisation.
func init() { helpVerb.run = (*app).help }

func (a *app) help(fs *flag.FlagSet, args []string) (int, error) {
	args, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	if len(args) == 0 {
		a.usage(a.out)
		return exitOK, nil
	}
	for _, v := range verbs() {
		if v.name == args[0] {
			inner := flag.NewFlagSet(v.name, flag.ContinueOnError)
			inner.SetOutput(a.out)
			inner.Usage = func() { (&app{a.out, a.out}).explain(v, inner) }
			_, err := v.run(a, inner, []string{"-h"})
			return exitOK, err
		}
	}
	a.complain("there is no verb %q; run `xsgen help`", args[0])
	return 0, errUsage
}

func (a *app) usage(w io.Writer) {
	fmt.Fprint(w, "xsgen generates Go from machine specs: typed events, topics, publishers,\nsubscribers and the machine itself.\n\nUsage: xsgen <verb> [flags] [arguments]\n\n") //nolint:errcheck // see printf
	for _, v := range verbs() {
		fmt.Fprintf(w, "  %-10s %s\n", v.name, v.short) //nolint:errcheck // see printf
	}
	fmt.Fprint(w, "\nExit status: 0 fine, 1 findings or differences, 2 wrong usage or trouble with files.\nRun `xsgen help <verb>` for more.\n") //nolint:errcheck // see printf
}

func (a *app) explain(v verb, fs *flag.FlagSet) {
	out := fs.Output()
	fmt.Fprintf(out, "Usage: xsgen %s [flags] %s\n\n%s\n", v.name, v.args, sentence(v)) //nolint:errcheck // see printf
	fs.PrintDefaults()
}

func sentence(v verb) string {
	if v.long != "" {
		return v.long
	}
	return v.short
}
