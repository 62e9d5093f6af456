package machine

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels of sending to a machine.
var (
	ErrNotStarted     = errors.New("machine: not started")
	ErrAlreadyStarted = errors.New("machine: already started")
	ErrStopped        = errors.New("machine: stopped")
	ErrFull           = errors.New("machine: the inbox is full")
	ErrUnhandled      = errors.New("machine: no transition takes the event")
	ErrNoReply        = errors.New("machine: the request was taken and not replied to")
	ErrReentrant      = errors.New("machine: a request from within a step of the same machine cannot be answered")
	ErrNoParent       = errors.New("machine: no other machine has invoked this one")
	ErrNotRunning     = errors.New("machine: the invocation does not run")
	ErrSnapshot       = errors.New("machine: the snapshot does not fit the machine")
	ErrNoCodec        = errors.New("machine: it was generated without codecs, and has no snapshots")
	ErrBusy           = errors.New("machine: it was busy for too long while a step of another machine waited for it")
	ErrAlreadyBound   = errors.New("machine: already bound")
	ErrUnknownEvent   = errors.New("machine: the event is not one of the machine's")
)

// ActionError is a failed or panicking guard, action or delay.
type ActionError struct {
	Machine, Key string
	State        string // the leaf that was active
	Event        string // what was being processed; empty at the start
	Err          error  // what was returned, or a *PanicError
}

func (e *ActionError) Error() string {
	return fmt.Sprintf("machine %s: in state %s on %s: %v", instance(e.Machine, e.Key), orNone(e.State), orNone(e.Event), e.Err)
}

// Unwrap returns what the guard or action returned.
func (e *ActionError) Unwrap() error { return e.Err }

// PanicError is the value of a panic within a guard or an action.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// UnhandledError is an event that no transition takes; it wraps ErrUnhandled.
type UnhandledError struct {
	Machine, Key, State, Event string
}

func (e *UnhandledError) Error() string {
	return fmt.Sprintf("machine %s: no transition takes %s in state %s", instance(e.Machine, e.Key), e.Event, orNone(e.State))
}

// Unwrap returns ErrUnhandled.
func (e *UnhandledError) Unwrap() error { return ErrUnhandled }

// LoopError is a chain of eventless transitions and internal events that did
// not come to rest.
type LoopError struct {
	Machine, Key string
	Steps        int      // microsteps after which the chain was cut
	Cycle        []string // the states that the chain went through, over and over
}

func (e *LoopError) Error() string {
	return fmt.Sprintf("machine %s: cut after %d microsteps without rest: %s", instance(e.Machine, e.Key), e.Steps, strings.Join(e.Cycle, " -> "))
}

// PublishError is an event of the outbox that could not be published. The step
// that made it has been completed.
type PublishError struct {
	Machine, Key string
	Err          error
}

func (e *PublishError) Error() string {
	return fmt.Sprintf("machine %s: publishing: %v", instance(e.Machine, e.Key), e.Err)
}

// Unwrap returns what publishing returned.
func (e *PublishError) Unwrap() error { return e.Err }

// Retryable reports whether the same event may be published again: unless what
// publishing returned says otherwise.
func (e *PublishError) Retryable() bool {
	var r interface{ Retryable() bool }
	return !errors.As(e.Err, &r) || r.Retryable()
}

// InvokeError is a service or an invoked machine that has failed.
type InvokeError struct {
	Machine, Key string
	ID           string // of the invocation
	Err          error
}

func (e *InvokeError) Error() string {
	return fmt.Sprintf("machine %s: invocation %s: %v", instance(e.Machine, e.Key), e.ID, e.Err)
}

// Unwrap returns what the service returned, or what ended the machine.
func (e *InvokeError) Unwrap() error { return e.Err }

var errServiceEnded = errors.New("machine: the service ended its goroutine")

// ErrNobody is wrapped by a RoleError.
var ErrNobody = errors.New("machine: nobody plays the role")

// RoleError is a send to a role that nobody plays.
type RoleError struct{ Role string }

func (e *RoleError) Error() string { return fmt.Sprintf("%v %q", ErrNobody, e.Role) }

// Unwrap returns ErrNobody.
func (e *RoleError) Unwrap() error { return ErrNobody }

// ErrorCode is what a failure is called in expressions: what the error's own
// Code method says, or else the kind of failure that it is.
func ErrorCode(err error) string {
	var coded interface{ Code() string }
	var publish *PublishError
	switch {
	case errors.As(err, &coded):
		return coded.Code()
	case errors.As(err, &publish):
		return "communication"
	}
	return "execution"
}

// FailureKind says what a Failure is about; it is the last segment of its topic.
type FailureKind string

// The kinds of failures that a machine reports.
const (
	FailedAction    FailureKind = "action"
	FailedUnhandled FailureKind = "unhandled"
	FailedLoop      FailureKind = "loop"
	FailedDead      FailureKind = "dead" // a keyed host's message that can never be published
)

// Failure is what a machine reports besides returning it.
type Failure struct {
	Kind                       FailureKind
	Machine, Key, State, Event string
	Err                        error

	// Of a message that is dead; then Event is the message's name.
	Topic    string // where it would have been published; empty if it was for a role
	Attempts uint64
	Original []byte // the stored message
}

func instance(machine, key string) string {
	if key == "" {
		return machine
	}
	return fmt.Sprintf("%s[%s]", machine, key)
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// Errors that a completed step returns: it is not run again.

func (*ActionError) stepError()    {}
func (*UnhandledError) stepError() {}
func (*LoopError) stepError()      {}
func (*PublishError) stepError()   {}
func (*InvokeError) stepError()    {}
