package local

import (
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// TestPatience has 0 of either side be no limit.
func TestPatience(t *testing.T) {
	for _, c := range []struct{ queue, publisher, want time.Duration }{
		{0, 0, 0}, {2, 0, 2}, {0, 3, 3}, {2, 3, 2}, {3, 2, 2},
	} {
		if got := Patience(c.queue, &transport.Profile{PublishTimeout: c.publisher}); got != c.want {
			t.Errorf("%d and %d: %d", c.queue, c.publisher, got)
		}
	}
	if got := Patience(2, nil); got != 2 {
		t.Errorf("without a profile: %d", got)
	}
}
