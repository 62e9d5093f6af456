package ledger

import (
	"context"
	"iter"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/machine"
)

// nowhere is a store that remembers nothing, so that only the host's memory counts.
type nowhere struct{}

func (nowhere) Load(context.Context, string) (*machine.Record, error) {
	return nil, machine.ErrNotFound
}
func (nowhere) Save(context.Context, string, uint64, *machine.Record) error { return nil }
func (nowhere) Delete(context.Context, string, uint64) error                { return nil }
func (nowhere) All(context.Context) iter.Seq2[string, error] {
	return func(func(string, error) bool) {}
}
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bytesEach is what a host needs for each of n instances that have taken an event:
// in memory, and put away.
func bytesEach(t testing.TB, n int, e ExternalEvent) (inMemory, away int64) {
	clock := machine.NewManualClock(time.Unix(1700000000, 0))
	h := NewHost(func(key string) *Machine { return New(key, nil, machine.WithClock(clock)) },
		machine.WithStore(nowhere{}), machine.WithHostClock(clock), machine.WithHostLogger(quiet))
	before := heap()
	for i := range n {
		if err := h.Send(t.Context(), strconv.Itoa(i), e); err != nil {
			t.Fatal(err)
		}
	}
	inMemory = heap() - before
	clock.Advance(2 * time.Minute)
	away = heap() - before
	runtime.KeepAlive(h)
	return inMemory / int64(n), away / int64(n)
}

// BenchmarkInstances prints the bytes of the heap per instance: with a delay that
// waits, and without one.
func BenchmarkInstances(b *testing.B) {
	for _, c := range []struct {
		name  string
		event ExternalEvent
		n     int // a manual clock is slow with more timers
	}{{"delay", &Add{N: 1}, 100_000}, {"plain", &Pause{}, 1_000_000}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				inMemory, away := bytesEach(b, c.n, c.event)
				b.ReportMetric(float64(inMemory), "B/instance-in-memory")
				b.ReportMetric(float64(away), "B/instance-put-away")
				b.ReportMetric(float64(inMemory)*1e6/(1<<20), "MiB/million")
			}
		})
	}
}

// TestBytesPerInstance keeps the figures where they are.
func TestBytesPerInstance(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		name           string
		event          ExternalEvent
		inMemory, away int64
	}{{"delay", &Add{N: 1}, 1500, 250}, {"plain", &Pause{}, 1500, 8}} {
		inMemory, away := bytesEach(t, n, c.event)
		t.Logf("%s: %d bytes per instance in memory, %d per instance that is put away", c.name, inMemory, away)
		if inMemory > c.inMemory || away > c.away {
			t.Errorf("%s: %d and %d", c.name, inMemory, away)
		}
	}
}
