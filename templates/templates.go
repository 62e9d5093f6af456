// Package templates has the text that xsgen writes and that is not generated from specs:
// what a new module begins with.
package templates

import "embed"

// Init are the files of a new module, below init, each with .txt behind its name. MODULE
// stands for the module's path, and REQUIRE for the line that requires xsgen.
//
//go:embed init/*.txt
var Init embed.FS
