//go:build linux || darwin

package unix

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFile holds a lock for as long as the process lives, however it ends. It is not
// removed: another process may be about to lock it.
func lockFile(path string, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC|syscall.O_NOFOLLOW, mode)
	if err != nil {
		return nil, fmt.Errorf("unix: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is locked", ErrInUse, path)
		}
		return nil, fmt.Errorf("unix: locking %s: %w", path, err)
	}
	return f, nil
}
