// Package sockdirtest has tests be other users. Only root can.
package sockdirtest

import (
	"runtime"
	"syscall"
	"testing"
)

// As runs f as another user, of another group, in a thread of its own. Sockets that f makes
// are that user's, whoever uses them later. Without root the test is skipped.
func As(tb testing.TB, uid, gid int, f func() error) error {
	tb.Helper()
	if syscall.Getuid() != 0 {
		tb.Skip("only root can be another user")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		done <- become(uid, gid, f)
	}()
	return <-done
}

// NeedRoot skips a test that only root can do.
func NeedRoot(tb testing.TB) {
	tb.Helper()
	if syscall.Getuid() != 0 {
		tb.Skip("only root can be another user")
	}
}

func become(uid, gid int, f func() error) error {
	const same = ^uintptr(0)
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESGID, same, uintptr(gid), same); e != 0 {
		return e
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, same, uintptr(uid), same); e != 0 {
		return e
	}
	return f()
}
