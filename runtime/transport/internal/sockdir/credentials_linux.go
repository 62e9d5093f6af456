package sockdir

import (
	"net"
	"syscall"
)

// Credentials are whose process is at the other end of a connection.
type Credentials struct{ UID, GID uint32 }

// CredentialsOf asks the system.
func CredentialsOf(c *net.UnixConn) (out Credentials, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return out, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		var cred *syscall.Ucred
		if cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); failed == nil {
			out = Credentials{cred.Uid, cred.Gid}
		}
	})
	if err == nil {
		err = failed
	}
	return out, err
}
