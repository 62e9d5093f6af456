package local

import (
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Shorter is the shorter of two times, of which 0 is none.
func Shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Patience is how long a publisher waits for room in a queue with a publish-timeout of its
// own; 0 is as long as its ctx lasts. The publisher's profile may be nil.
func Patience(queue time.Duration, publisher *transport.Profile) time.Duration {
	if publisher == nil {
		return queue
	}
	return Shorter(queue, publisher.PublishTimeout)
}
