package transport

import (
	"errors"
	"fmt"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Outcome is what is known of a message whose publishing failed.
type Outcome uint8

// The outcomes.
const (
	OutcomeNotSent Outcome = iota // no receiver has it, or will have it
	OutcomeStored                 // it is stored, and what failed came after that
	OutcomeUnknown                // some receiver may have it
)

func (o Outcome) String() string {
	switch o {
	case OutcomeNotSent:
		return "not sent"
	case OutcomeStored:
		return "stored"
	}
	return "unknown"
}

// PublishError says why a message was not published, and what is known of it.
type PublishError struct {
	ID    string
	Topic topic.Name
	Known Outcome
	Err   error
}

// NewPublishError returns the error of a message.
func NewPublishError(m *Message, known Outcome, err error) *PublishError {
	return &PublishError{ID: m.ID, Topic: m.Topic, Known: known, Err: err}
}

func (e *PublishError) Error() string {
	return fmt.Sprintf("xsgen: publishing %s on %s: %v (outcome: %v)", e.ID, e.Topic, e.Err, e.Known)
}

// Unwrap returns the reason.
func (e *PublishError) Unwrap() error { return e.Err }

// Outcome is what is known of the message.
func (e *PublishError) Outcome() Outcome { return e.Known }

// lasting are reasons that are there the next time too.
var lasting = []error{
	ErrClosed, ErrTooLarge, ErrRejected, ErrDecode, ErrTypeMismatch, ErrInvalidProfile, ErrInvalidMessage,
}

// Retryable reports whether the same message, with the same id, may be sent again
// with some hope: the reason may pass, and whoever has the message already knows its
// id.
func (e *PublishError) Retryable() bool {
	if e.Known == OutcomeStored {
		return false
	}
	for _, l := range lasting {
		if errors.Is(e.Err, l) {
			return false
		}
	}
	return true
}
