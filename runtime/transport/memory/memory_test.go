package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
	"github.com/xsgen/xsgen/runtime/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// factory makes networks of one node.
func factory(testing.TB) transporttest.Network {
	t := memory.New()
	return transporttest.Network{Node: func(string) transport.Transport { return t }}
}

func TestConformance(t *testing.T) { transporttest.Run(t, factory) }

func BenchmarkMemory(b *testing.B) { transporttest.Bench(b, factory) }
