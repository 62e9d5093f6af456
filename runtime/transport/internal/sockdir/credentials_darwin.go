package sockdir

import (
	"net"

	"golang.org/x/sys/unix"
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
		var cred *unix.Xucred
		if cred, failed = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); failed == nil {
			out = Credentials{cred.Uid, cred.Groups[0]}
		}
	})
	if err == nil {
		err = failed
	}
	return out, err
}
