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
	n := transporttest.Joined(tb, func(name string) (*zeromq.Transport, error) {
		return zeromq.New(tb.Context(), config(name))
	}, (*zeromq.Transport).Scissors)
	n.Latency = 10 * time.Millisecond
	return n
}

func TestConformance(t *testing.T) { transporttest.Run(t, factory) }

// TestConformanceTCP has nodes that know each other's addresses, and share no directory.
func TestConformanceTCP(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as the one with a directory")
	}
	transporttest.Run(t, func(tb testing.TB) transporttest.Network {
		var mu sync.Mutex
		var peers []transport.Peer
		n := network(tb, func(name string) zeromq.Config {
			return zeromq.Config{Node: name, Listen: "tcp://127.0.0.1:0", Peers: append([]transport.Peer(nil), peers...), OnError: func(err error) { tb.Logf("%s: %v", name, err) }}
		})
		open := n.Node
		n.Node = func(name string) transport.Transport {
			mu.Lock()
			defer mu.Unlock()
			t := open(name)
			peers = append(peers, transport.Peer{Node: name, Replicas: 1, Address: "tcp://" + t.(*zeromq.Transport).Addr().String()})
			return t
		}
		return n
	})
}

func BenchmarkZeroMQ(b *testing.B) { transporttest.Bench(b, factory) }
