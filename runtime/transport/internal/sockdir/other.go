//go:build !linux && !darwin

package sockdir

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// Access says who else may connect.
type Access struct{}

// ParseAccess has nothing to allow here.
func ParseAccess(string, string) (Access, error) { return Access{}, nil }

// Vet fails.
func (*Access) Vet(*net.UnixConn) error { return errors.ErrUnsupported }

// Default is where the sockets of a topology would be.
func Default(topology string) string { return filepath.Join(os.TempDir(), topology) }

// Socket is not there.
type Socket struct{}

// Bind fails.
func Bind(dir, name string, _ *Access) (*Socket, error) {
	return nil, fmt.Errorf("a socket %s in %s: %w on this system", name, dir, errors.ErrUnsupported)
}

// Path is empty.
func (*Socket) Path() string { return "" }

// Mend does nothing.
func (*Socket) Mend() error { return nil }

// Accept fails.
func (*Socket) Accept() (net.Conn, error) { return nil, net.ErrClosed }

// Close does nothing.
func (*Socket) Close() {}
