//go:build linux || darwin

package unix_test

import (
	"os"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/transport/transporttest"
	"github.com/xsgen/xsgen/runtime/transport/unix"
)

// tempDir is a directory whose path is short enough for sockets.
func tempDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "xs")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// network makes the nodes of a test, all with one configuration.
func network(tb testing.TB, c unix.Config) transporttest.Network {
	c.Dir = tempDir(tb)
	n := transporttest.Joined(tb, func(name string) (*unix.Transport, error) {
		mine := c
		mine.Node = name
		return unix.New(tb.Context(), mine)
	}, (*unix.Transport).Scissors)
	n.Latency = 3 * time.Millisecond
	return n
}

func factory(tb testing.TB) transporttest.Network { return network(tb, unix.Config{}) }

func TestConformance(t *testing.T) { transporttest.Run(t, factory) }

func TestConformanceSpinning(t *testing.T) {
	if testing.Short() {
		t.Skip("the same again")
	}
	transporttest.Run(t, func(tb testing.TB) transporttest.Network {
		return network(tb, unix.Config{Spin: 100 * time.Microsecond})
	})
}

func BenchmarkUnix(b *testing.B) { transporttest.Bench(b, factory) }
