// Package transport holds what the bus and every transport share: the interface
// that a transport implements, its messages, profiles, and the sentinels of
// delivery. docs/transport.md says what an implementer must know. Only
// runtime/topic, runtime/codec and the standard library may be imported.
//
// # Why it is asynchronous at both ends
//
// A broker confirms a message long after it was written, in another goroutine, and
// several at once; waiting for each would make a round trip of every event. So
// publishing has two halves: [Transport.Begin] hands a message over, in order, and
// [Pending.Wait] tells what has become of it. A receiver may store what it got and
// acknowledge a thousand messages later, from another goroutine, so a [Delivery] is
// settled by a call and not by returning.
//
// # What a lost connection does to it
//
// Begin waits while there is no connection, so that a transport holds no unbounded
// backlog; a message whose confirmation was lost with its connection is
// [OutcomeUnknown], and may be sent again under its id. A delivery belongs to the
// connection that it came by: settling it after that has gone is [ErrStale] and does
// nothing, because the same number may mean another message by then. It comes again.
// Subscriptions outlive connections: they are made anew without the caller, and what
// was lost in between, where a transport can lose something, is a [Gap].
package transport

import (
	"errors"
	"fmt"
	"slices"
)

// Sentinels of delivery.
var (
	// ErrClosed is returned by whatever has been closed.
	ErrClosed = errors.New("xsgen: closed")
	// ErrFull is returned where there is no room and waiting was not asked for.
	ErrFull = errors.New("xsgen: the queue is full")
	// ErrTimeout is returned where a time limit other than ctx's has passed, and by
	// a request that nobody has answered in time.
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
	// ErrNoRoute is returned for what leads nowhere: a topic that no transport
	// carries, a reply to what was no request.
	ErrNoRoute = errors.New("xsgen: no route")
	// ErrNoListener is the ErrNoRoute of a request that nobody would answer.
	ErrNoListener error = noListener{}
	// ErrUnroutable is returned for a mandatory message that no queue wants.
	ErrUnroutable = errors.New("xsgen: the message could not be routed to any queue")
	// ErrNotConnected is returned for what cannot wait for a connection.
	ErrNotConnected = errors.New("xsgen: not connected")
	// ErrBlocked is returned for a message that waited, until its time was over,
	// for a peer that takes no messages at present.
	ErrBlocked = errors.New("xsgen: the other side takes no messages at present")
	// ErrRejected is returned for a message that the other side has refused.
	ErrRejected = errors.New("xsgen: the other side has refused the message")
	// ErrStale is returned for a delivery that cannot be settled or answered (any
	// more): it has been, or it was taken back, or its connection has gone. Except in
	// the first case the message is delivered again.
	ErrStale = errors.New("xsgen: the delivery is not valid any more")
	// ErrDecode is wrapped by what is returned for a message that cannot be read. It
	// is never delivered again: what is in it will not change.
	ErrDecode = errors.New("xsgen: the message cannot be read")
	// ErrNoReply is returned for a request that was handled without a reply, or dropped.
	ErrNoReply = errors.New("xsgen: no reply")
	// ErrNameTaken is returned for a second subscription of a name.
	ErrNameTaken = errors.New("xsgen: there is a subscription of this name already")
	// ErrGroupMismatch is returned for a subscription to a group whose other members
	// want something else.
	ErrGroupMismatch = errors.New("xsgen: the group's members must want the same")
	// ErrInvalidRequest is returned for a subscription that makes no sense.
	ErrInvalidRequest = errors.New("xsgen: invalid subscription")
)

type noListener struct{}

func (noListener) Error() string { return "xsgen: nobody listens" }

// Unwrap returns ErrNoRoute.
func (noListener) Unwrap() error { return ErrNoRoute }

// DrainError is the ErrDrainTimeout of one Close.
type DrainError struct {
	Left int // events that were accepted and not handled
}

func (e *DrainError) Error() string { return fmt.Sprintf("%v: %d left", ErrDrainTimeout, e.Left) }

// Unwrap returns ErrDrainTimeout.
func (e *DrainError) Unwrap() error { return ErrDrainTimeout }

// JoinDrained is one error for those of several Closes, which may be joined themselves:
// what was left is added up, and errors that say the same are there once. It is nil if all
// are.
func JoinDrained(errs []error) error {
	left := 0
	others := apart(errs, &left, nil)
	if left > 0 {
		others = append(others, &DrainError{Left: left})
	}
	if len(others) == 1 {
		return others[0]
	}
	return errors.Join(others...)
}

// apart appends the errors that say something else than how much was left, each once.
func apart(errs []error, left *int, others []error) []error {
	for _, err := range errs {
		switch e := err.(type) {
		case nil:
		case *DrainError:
			*left += e.Left
		case interface{ Unwrap() []error }:
			others = apart(e.Unwrap(), left, others)
		default:
			if !slices.ContainsFunc(others, func(o error) bool { return o.Error() == err.Error() }) {
				others = append(others, err)
			}
		}
	}
	return others
}
