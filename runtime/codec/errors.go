package codec

import (
	"errors"
	"fmt"
)

// What a message can have wrong; a *DecodeError wraps one of them, or
// ErrInvalidUTF8, ErrTooDeep or ErrTooLarge.
var (
	ErrTruncated    = errors.New("the message ends too early")
	ErrTrailing     = errors.New("bytes follow the message")
	ErrType         = errors.New("a value has another type than its field")
	ErrRange        = errors.New("a number does not fit its field")
	ErrDuplicateKey = errors.New("a map has the same key twice")
	ErrMemory       = errors.New("the message would take too much memory for its size")
	ErrCount        = errors.New("a count is larger than the rest of the message can hold")
)

// DecodeError says what is wrong with a message, and where.
type DecodeError struct {
	Offset int    // in bytes from the start of the message
	Field  string // the name of the field that was being read, if any
	Err    error
}

func (e *DecodeError) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("codec: field %q, offset %d: %v", e.Field, e.Offset, e.Err)
	}
	return fmt.Sprintf("codec: offset %d: %v", e.Offset, e.Err)
}

// Unwrap returns what is wrong.
func (e *DecodeError) Unwrap() error { return e.Err }
