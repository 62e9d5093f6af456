package transporttest

import (
	"sync"
	"testing"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Joined is a Network of nodes that connect to each other, for a Factory to add its Latency.
// open connects a node. scissors is a function that breaks the connections which a node has
// now, and none that take their place: Cut asks all nodes before it breaks the first, or it
// would break what the other end has made anew.
func Joined[T transport.Transport](tb testing.TB, open func(name string) (T, error), scissors func(T) func()) Network {
	var mu sync.Mutex
	var nodes []T
	return Network{
		Node: func(name string) transport.Transport {
			t, err := open(name)
			if err != nil {
				tb.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			nodes = append(nodes, t)
			return t
		},
		Cut: func() {
			mu.Lock()
			defer mu.Unlock()
			var cuts []func()
			for _, t := range nodes {
				cuts = append(cuts, scissors(t))
			}
			for _, cut := range cuts {
				cut()
			}
		},
	}
}
