package transport_test

import (
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

func TestRetryWait(t *testing.T) {
	const s = time.Second
	for _, tt := range []struct {
		retry transport.Retry
		want  []time.Duration // after attempts 1, 2, …
	}{
		{transport.Retry{}, []time.Duration{0, 0}},
		{transport.Retry{Initial: s}, []time.Duration{s, 2 * s, 4 * s}},
		{transport.Retry{Initial: s, Multiplier: 1}, []time.Duration{s, s, s}},
		{transport.Retry{Initial: s, Multiplier: 1.5, Max: 2 * s}, []time.Duration{s, 3 * s / 2, 2 * s, 2 * s}},
	} {
		for i, want := range tt.want {
			if got := tt.retry.Wait(i + 1); got != want {
				t.Errorf("%+v: %v after attempt %d, want %v", tt.retry, got, i+1, want)
			}
		}
	}
	if got := (transport.Retry{Initial: s}).Wait(2000); got != 24*time.Hour {
		t.Errorf("without a limit it waits for %v", got)
	}
	if got := (transport.Retry{}).Wait(2000); got != 0 {
		t.Errorf("what does not wait waits for %v", got)
	}
}

// TestRetryJitter takes many waits: they are spread over the whole range, and not beyond.
func TestRetryJitter(t *testing.T) {
	r := transport.Retry{Initial: time.Second, Max: time.Second, Jitter: 0.2}
	least, most := time.Hour, time.Duration(0)
	for range 1000 {
		w := r.Wait(3)
		least, most = min(least, w), max(most, w)
	}
	if least < 800*time.Millisecond || least > 810*time.Millisecond || most > 1200*time.Millisecond || most < 1190*time.Millisecond {
		t.Errorf("from %v to %v", least, most)
	}
}
