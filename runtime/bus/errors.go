package bus

import (
	"errors"
	"fmt"

	"github.com/xsgen/xsgen/runtime/topic"
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
	ErrTooLarge     = transport.ErrTooLarge
)

// ErrNilHandler is returned by subscriptions without a handler.
var ErrNilHandler = errors.New("bus: the handler is nil")

// ErrNilEvent is returned for events that are nil: what a handler gets never is.
var ErrNilEvent = errors.New("bus: the event is nil")

// errNotReturned is what an observer is told of a direct handler that has panicked, or
// ended its goroutine.
var errNotReturned = errors.New("bus: the handler has not returned")

// BatchError says of one subscription that its queue has not taken all of a batch.
type BatchError struct {
	Taken int   // so many of the first values were queued, or dropped by the policy
	Err   error // why the next one was not, as Publish's error
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("bus: the queue has taken the first %d events of the batch: %v", e.Taken, e.Err)
}

// Unwrap returns the reason.
func (e *BatchError) Unwrap() error { return e.Err }

// HandlerError says that a call of a queued handler has failed, for OnError.
type HandlerError struct {
	Topic   topic.Name
	Key     string
	ID      string
	Attempt int  // which call it was for this event, from 1
	Retry   bool // the event is going to be handled again
	Err     error
}

func (e *HandlerError) Error() string {
	then := "given up"
	if e.Retry {
		then = "will be retried"
	}
	return fmt.Sprintf("event %s on %s, attempt %d, %s: %v", e.ID, e.Topic, e.Attempt, then, e.Err)
}

// Unwrap returns the handler's error.
func (e *HandlerError) Unwrap() error { return e.Err }

// Permanent makes err one for which an event is not handled again: it is given up at
// once. Permanent(nil) is nil.
func Permanent(err error) error { return transport.Permanent(err) }

// PanicError is the error of a handler that panicked.
type PanicError = transport.PanicError
