// Package schemas has the JSON Schemas of specs, for editors: they know keys, types and
// fixed values. What names refer to is for `xsgen check`.
package schemas

import _ "embed"

// Machine is the schema of machines, of draft 2020-12.
//
//go:embed machine.schema.json
var Machine []byte

// Topology is the schema of topologies, of draft 2020-12.
//
//go:embed topology.schema.json
var Topology []byte
