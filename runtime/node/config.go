package node

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Config is what a program gives a node besides its machines. The zero value will do.
type Config struct {
	BusOptions []bus.Option
	Replica    int                         // which of the node's processes this is, from 0
	Getenv     func(string) (string, bool) // where variables are looked up; nil is os.LookupEnv
	Transports map[string]transport.Opener // by name, in place of those that are built in
	// Around, unless it is nil, is asked for what the node uses in place of a transport that it
	// has opened, and sees what leaves the process and what comes in: otel.Observer.Transport
	// is one.
	Around func(name string, t transport.Transport) transport.Transport
	// OnError is told of what fails in the background: events that cannot be handled, lost
	// connections, gaps. It is called from any goroutine, several at once, and must not
	// block. Nil logs with slog.Default.
	OnError func(error)
}

func (c Config) withDefaults() Config {
	if c.Getenv == nil {
		c.Getenv = os.LookupEnv
	}
	if c.OnError == nil {
		c.OnError = func(err error) { slog.Error("a node has a failure", "error", err) }
		return c
	}
	given := c.OnError
	c.OnError = func(err error) { given(err) } // a name that Shutdown finds among its callers
	told := bus.OnError(func(_ *bus.Subscription, err error) { given(err) })
	c.BusOptions = append([]bus.Option{told}, c.BusOptions...)
	return c
}

// MissingError is a field that must be set and is not.
type MissingError struct{ Field string }

func (e *MissingError) Error() string { return fmt.Sprintf("node: %s is not set", e.Field) }

// Require is a *MissingError if a field was not given.
func Require(field string, given bool) error {
	if given {
		return nil
	}
	return &MissingError{field}
}

// VariableError is an environment variable that a setting needs and that is unset, or
// empty, where the topology has no default for it.
type VariableError struct{ Variable, Transport, Setting string }

func (e *VariableError) Error() string {
	return fmt.Sprintf("node: the environment variable %s is not set, and the setting %s of the transport %s needs it", e.Variable, e.Setting, e.Transport)
}
