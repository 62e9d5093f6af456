// Package transport holds what the bus and every transport share: the sentinels
// of delivery. Only runtime/topic, runtime/codec and the standard library may be
// imported.
package transport

import (
	"errors"
	"fmt"
)

// Sentinels of delivery.
var (
	// ErrClosed is returned by whatever has been closed.
	ErrClosed = errors.New("xsgen: closed")
	// ErrFull is returned where there is no room and waiting was not asked for.
	ErrFull = errors.New("xsgen: the queue is full")
	// ErrTimeout is returned where a time limit other than ctx's has passed.
	ErrTimeout = errors.New("xsgen: timed out")
	// ErrDrainTimeout is returned by Close if ctx ends before everything that was
	// accepted has been handled.
	ErrDrainTimeout = errors.New("xsgen: not everything was handled before the deadline")
	// ErrTypeMismatch is returned for a topic that carries another Go type.
	ErrTypeMismatch = errors.New("xsgen: the topic carries another type")
	// ErrUnknownEvent is returned by a receiver for an event that it does not declare.
	ErrUnknownEvent = errors.New("xsgen: unknown event")
	// ErrTooLarge is returned for an event that is larger than a limit.
	ErrTooLarge = errors.New("xsgen: too large")
	// ErrNoListener is returned for a request that nobody would answer.
	ErrNoListener = errors.New("xsgen: nobody listens")
	// ErrNoReply is returned for a request that was handled without a reply, or dropped.
	ErrNoReply = errors.New("xsgen: no reply")
)

// DrainError is the ErrDrainTimeout of one Close.
type DrainError struct {
	Left int // events that were accepted and not handled
}

func (e *DrainError) Error() string { return fmt.Sprintf("%v: %d left", ErrDrainTimeout, e.Left) }

// Unwrap returns ErrDrainTimeout.
func (e *DrainError) Unwrap() error { return ErrDrainTimeout }
