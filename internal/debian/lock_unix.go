//go:build unix

package debian

import (
	"errors"
	"os"
	"syscall"
)

// lock waits until no other process has the file locked, and locks it.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		switch err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX); {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, err
		}
	}
}
