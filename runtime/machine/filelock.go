//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package machine

import (
	"os"
	"syscall"
)

// lockFile waits until no other process, nor any other opening of the file, has it
// locked, and locks it until it is closed or the process ends.
func lockFile(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}
