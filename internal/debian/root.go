package debian

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// programs are the directories in which Find looks for one.
var programs = []string{"usr/bin", "usr/sbin", "bin", "sbin"}

// Path is where a file of a package is that the system has as /elem/…: below Dir, or,
// since the package is installed, in the system.
func (r Root) Path(elem ...string) string {
	rel := filepath.Join(elem...)
	if p := filepath.Join(r.Dir, rel); exists(p) {
		return p
	}
	return filepath.Join("/", rel)
}

// Find returns a program's path. The system's own programs come before what is in PATH,
// since a Python from elsewhere does not find Debian's libraries.
func (r Root) Find(program string) (string, error) {
	for _, root := range []string{r.Dir, "/"} {
		for _, dir := range programs {
			if p := filepath.Join(root, dir, program); exists(p) {
				return p, nil
			}
		}
	}
	return exec.LookPath(program)
}

// Command is exec.CommandContext for a program of a package or of the system, with Env.
func (r Root) Command(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	p, err := r.Find(program)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	cmd := exec.CommandContext(ctx, p, args...)
	cmd.Env = append(os.Environ(), r.Env()...)
	return cmd, nil
}

// Env are the variables, as NAME=value, with which programs find each other, their
// shared libraries and Python's modules, and a C compiler and pkg-config what cgo needs.
func (r Root) Env() []string {
	libs := r.each("usr/lib/*-linux-*", "lib/*-linux-*", "usr/lib", "lib")
	return []string{
		prepend("PATH", r.each(programs...)),
		prepend("LD_LIBRARY_PATH", libs),
		prepend("LIBRARY_PATH", libs),
		prepend("CPATH", r.each("usr/include", "usr/include/*-linux-*")),
		prepend("PYTHONPATH", r.each("usr/lib/python3/dist-packages")),
		prepend("PKG_CONFIG_PATH", r.each("usr/lib/*-linux-*/pkgconfig", "usr/lib/pkgconfig", "usr/share/pkgconfig")),
	}
}

// each are the directories below Dir that match patterns.
func (r Root) each(patterns ...string) []string {
	var dirs []string
	for _, p := range patterns {
		found, _ := filepath.Glob(filepath.Join(r.Dir, p)) // the patterns are well-formed
		dirs = append(dirs, found...)
	}
	return dirs
}

// prepend is the variable of a list with more in front.
func prepend(name string, dirs []string) string {
	if old := os.Getenv(name); old != "" {
		dirs = append(dirs, old)
	}
	return name + "=" + strings.Join(dirs, string(filepath.ListSeparator))
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}
