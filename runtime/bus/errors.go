package bus

import (
	"fmt"

	"github.com/xsgen/xsgen/runtime/transport"
)

// The sentinels of package transport, for users of the bus.
var (
	ErrClosed       = transport.ErrClosed
	ErrFull         = transport.ErrFull
	ErrTimeout      = transport.ErrTimeout
	ErrDrainTimeout = transport.ErrDrainTimeout
	ErrTypeMismatch = transport.ErrTypeMismatch
	ErrUnknownEvent = transport.ErrUnknownEvent
)

// PanicError is the error of a handler that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("bus: a handler panicked: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
