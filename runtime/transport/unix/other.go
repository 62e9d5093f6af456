//go:build !linux && !darwin

package unix

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/xsgen/xsgen/runtime/transport"
)

// Open says that the transport is not there on this system.
func Open(context.Context, transport.Config) (transport.Transport, error) {
	return nil, fmt.Errorf("unix: this transport does not run on %s: choose another one for `same-machine`: %w", runtime.GOOS, errors.ErrUnsupported)
}
