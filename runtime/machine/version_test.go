package machine_test

import (
	"strings"
	"testing"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// TestVersionErrorAdvises a migration where none has run.
func TestVersionErrorAdvises(t *testing.T) {
	for differ, advises := range map[string]bool{"the states": true, "names": false} {
		e := &VersionError{Machine: "m", Differ: []string{differ}, Missing: []string{"state a"}}
		if got := e.Error(); strings.Contains(got, "WithMigration") != advises || !strings.Contains(got, differ+" differ; there is no state a") {
			t.Error(got)
		}
	}
}
