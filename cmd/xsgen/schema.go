package main

import (
	"flag"

	"github.com/xsgen/xsgen/schemas"
)

var schemaVerb = verb{
	name: "schema", args: "machine|topology", short: "print the JSON Schema of specs, for editors",
	long: `Prints the JSON Schema (draft 2020-12) of machines or of topologies. An editor
that speaks YAML uses it if the spec begins with

  # yaml-language-server: $schema=machine.schema.json

and the schema is in that file:

  xsgen schema machine > machine.schema.json
`,
	run: (*app).schema,
}

func (a *app) schema(fs *flag.FlagSet, args []string) (int, error) {
	args, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	all := map[string][]byte{"machine": schemas.Machine, "topology": schemas.Topology}
	if len(args) != 1 || all[args[0]] == nil {
		a.complain("say of what: xsgen schema machine, or xsgen schema topology")
		return 0, errUsage
	}
	_, err = a.out.Write(all[args[0]])
	return exitOK, err
}
