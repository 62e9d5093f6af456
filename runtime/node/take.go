package node

import (
	"context"
	"fmt"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// MappingError is an event that cannot be made what its receiver takes: an expression of
// the topology has failed. It would fail again, so the event is not retried.
type MappingError struct{ Cause any }

func (e *MappingError) Error() string {
	return fmt.Sprintf("node: the event cannot be mapped: %v", e.Cause)
}

// Retryable says that there is no point in publishing the event again.
func (e *MappingError) Retryable() bool { return false }

// Unwrap returns the cause, if it is an error.
func (e *MappingError) Unwrap() error {
	err, _ := e.Cause.(error)
	return err
}

// mapped calls f, which evaluates expressions of a topology.
func mapped(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = transport.Permanent(&MappingError{r})
		}
	}()
	f()
	return nil
}

// crossed is what becomes of an event on its way to a receiver: its key there, and what the
// receiver takes.
func crossed[S, E any](key string, e *S, keyOf func(string, *S) string, mapping func(string, *S) E) (to string, made E, err error) {
	err = mapped(func() { to, made = keyOf(key, e), mapping(key, e) })
	return to, made, err
}

// valueOf is an event's value; its error is mismatch's.
func valueOf[E any](e *bus.AnyEvent) (E, error) {
	v, ok := e.Value().(E)
	if !ok {
		return v, mismatch(e)
	}
	return v, nil
}

// mismatch is the error of an event of a type that its topic does not have.
func mismatch(e *bus.AnyEvent) error {
	return bus.Permanent(fmt.Errorf("%w: %T on %s", bus.ErrTypeMismatch, e.Value(), e.Topic()))
}

// Where is a Route's condition. An expression that fails does not hold.
func Where[S any](keep func(key string, e *S) bool) func(*bus.AnyEvent) bool {
	return func(e *bus.AnyEvent) bool {
		v, ok := e.Value().(*S)
		return ok && holds(keep, e.Key(), v)
	}
}

// Mapped is a Route's Take for events of type S, which become what the machine takes. That the
// mapping says so itself costs nothing, where to find out here would for every event.
func Mapped[S, E any](mapping func(key string, e *S) E, take func(context.Context, *bus.AnyEvent, E) error) func(context.Context, *bus.AnyEvent) error {
	return func(ctx context.Context, e *bus.AnyEvent) error {
		v, err := valueOf[*S](e)
		if err != nil {
			return err
		}
		var made E
		if err := mapped(func() { made = mapping(e.Key(), v) }); err != nil {
			return err
		}
		return take(ctx, e, made)
	}
}

// MappedKeyed is Mapped for a host, with what the instance's key is.
func MappedKeyed[S, E any](
	keyOf func(key string, e *S) string, mapping func(key string, e *S) E, take func(context.Context, *bus.AnyEvent, string, E) error,
) func(context.Context, *bus.AnyEvent) error {
	return func(ctx context.Context, e *bus.AnyEvent) error {
		v, err := valueOf[*S](e)
		if err != nil {
			return err
		}
		to, made, err := crossed(e.Key(), v, keyOf, mapping)
		if err != nil {
			return err
		}
		return take(ctx, e, to, made)
	}
}

// SameKey is the key of a link that does not say another.
func SameKey[S any](key string, _ *S) string { return key }
