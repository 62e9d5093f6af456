//go:build linux || darwin

package zeromq_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/transporttest"
	"github.com/xsgen/xsgen/runtime/transport/zeromq"
)

// shortDir is a directory whose sockets' paths are short enough.
func shortDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "xz")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func factory(tb testing.TB) transporttest.Network {
	dir := shortDir(tb)
	return network(tb, func(name string) zeromq.Config {
		return zeromq.Config{Node: name, Dir: dir, OnError: func(err error) { tb.Logf("%s: %v", name, err) }}
	})
}

// network makes nodes, and cuts the connections of all.
func network(tb testing.TB, config func(name string) zeromq.Config) transporttest.Network {
	var mu sync.Mutex
	var nodes []*zeromq.Transport
	return transporttest.Network{
		Node: func(name string) transport.Transport {
			t, err := zeromq.New(tb.Context(), config(name))
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
			for _, t := range nodes {
				t.Cut()
			}
		},
		Latency: 10 * time.Millisecond,
	}
}

func TestConformance(t *testing.T) { transporttest.Run(t, factory) }

func BenchmarkZeroMQ(b *testing.B) { transporttest.Bench(b, factory) }
