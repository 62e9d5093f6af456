package unix

import (
	"net"
	"syscall"
)

// credentials are whose process is at the other end of a connection.
type credentials struct{ uid, gid uint32 }

func credentialsOf(c *net.UnixConn) (out credentials, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return out, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		var cred *syscall.Ucred
		if cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); failed == nil {
			out = credentials{cred.Uid, cred.Gid}
		}
	})
	if err == nil {
		err = failed
	}
	return out, err
}
