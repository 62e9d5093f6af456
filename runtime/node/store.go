package node

import (
	"errors"
	"os"
	"path/filepath"
)

// StateDir is the directory in which the instances of a machine are kept: dir, or if that
// is empty $XDG_STATE_HOME/<topology>/<machine>, by default within ~/.local/state. All
// nodes of a user on one host share that, and it outlives a restart.
func StateDir(dir, topology, machineID string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", errors.Join(&MissingError{"the directory of the machine " + machineID}, err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, topology, machineID), nil
}
