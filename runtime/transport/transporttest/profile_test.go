package transporttest

import (
	"slices"
	"testing"
)

// TestProfileParts looks for the parts that ProfileParts names, each of which has a name
// of its own.
func TestProfileParts(t *testing.T) {
	var names []string
	for _, p := range parts() {
		if slices.Contains(names, p.name) {
			t.Errorf("two parts are called %s", p.name)
		}
		names = append(names, p.name)
	}
	for key, list := range ProfileParts() {
		for _, name := range list {
			if !slices.Contains(names, name) {
				t.Errorf("%s: there is no part %s", key, name)
			}
		}
	}
}
