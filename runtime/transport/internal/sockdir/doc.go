// Package sockdir keeps the sockets of one user's processes in a directory: it makes and
// checks the directory, binds a socket under a lock in place of one that a dead process has
// left, and says whose process connects. It works where there are Unix domain sockets with
// credentials; elsewhere all of it is errors.ErrUnsupported.
package sockdir

import "errors"

// Errors of binding.
var (
	// ErrInUse is returned where another process of the same name has the socket.
	ErrInUse = errors.New("another process has the socket")
	// ErrUnsafe is returned for a directory in which others could put sockets of theirs.
	ErrUnsafe = errors.New("the directory of the sockets is not safe")
	// ErrForeign is wrapped by the error of a connection to a process of a user who is not
	// allowed.
	ErrForeign = errors.New("the other process belongs to a user who is not allowed")
	// ErrPathTooLong is returned for a directory whose sockets' paths the system cannot have.
	ErrPathTooLong = errors.New("the path of the socket is too long")
)
