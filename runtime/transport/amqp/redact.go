package amqp

import (
	"errors"
	"fmt"
	"net/url"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// redacted is an error without the address that it may quote, which has a password.
func redacted(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// permanentError is one that waiting does not mend: somebody must change something.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// isPermanent reports whether the broker has refused us, and not only gone.
func isPermanent(err error) bool {
	if _, ok := errors.AsType[*permanentError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*MissingError](err); ok {
		return true
	}
	e, ok := errors.AsType[*amqp.Error](err)
	if !ok || e == amqp.ErrCredentials {
		return false
	}
	switch e.Code {
	case amqp.AccessRefused, amqp.NotAllowed, amqp.PreconditionFailed:
		return true
	}
	return false
}

// refusal is what a publisher is told of a permanent error.
func refusal(err error) error { return fmt.Errorf("%w: %w", transport.ErrRejected, err) }
