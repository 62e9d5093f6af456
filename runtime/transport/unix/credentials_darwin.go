package unix

import (
	"net"

	"golang.org/x/sys/unix"
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
		var cred *unix.Xucred
		if cred, failed = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); failed == nil {
			out = credentials{cred.Uid, cred.Groups[0]}
		}
	})
	if err == nil {
		err = failed
	}
	return out, err
}
