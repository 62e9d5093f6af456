package unix

import (
	"fmt"

	"github.com/xsgen/xsgen/runtime/transport"
)

// CheckProfile returns an error that wraps transport.ErrInvalidProfile for a profile that
// cannot be honoured. Durable has no meaning: queues end with the processes that have them,
// and what is kept for one that is started anew is kept by publishers.
func CheckProfile(p transport.Profile) error {
	if p.Durable == transport.DurableRequired {
		return fmt.Errorf("%w: durable is required, and without a broker nothing outlives the processes", transport.ErrInvalidProfile)
	}
	return p.Validate()
}
