package main

import (
	"flag"

	"github.com/xsgen/xsgen/schemas"
)

var schemaVerb = verb{
	name: "schema", args: "topology", short: "print the JSON Schema of specs, for editors",
	long: `Prints the JSON Schema (draft 2020-12) of topologies. An editor that speaks YAML
uses it if the spec begins with

  # yaml-language-server: $schema=topology.schema.json
`,
	run: (*app).schema,
}

func (a *app) schema(fs *flag.FlagSet, args []string) (int, error) {
	args, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	if len(args) != 1 || args[0] != "topology" {
		a.complain("say of what: xsgen schema topology")
		return 0, errUsage
	}
	_, err = a.out.Write(schemas.Topology)
	return exitOK, err
}
