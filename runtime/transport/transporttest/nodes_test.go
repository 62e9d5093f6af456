package transporttest

import (
	"slices"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
)

// named is a node that can do nothing.
type named struct {
	transport.Transport
	name string
}

// TestJoined has all nodes asked before the first one's connections are broken.
func TestJoined(t *testing.T) {
	var log []string
	n := Joined(t, func(name string) (named, error) { return named{name: name}, nil }, func(x named) func() {
		log = append(log, "ask "+x.name)
		return func() { log = append(log, "cut "+x.name) }
	})
	n.Node("a")
	n.Node("b")
	n.Cut()
	if want := []string{"ask a", "ask b", "cut a", "cut b"}; !slices.Equal(log, want) {
		t.Errorf("%q, want %q", log, want)
	}
}
