package rabbit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/xsgen/xsgen/internal/debian"
)

// installation is where the programs of RabbitMQ and Erlang are.
type installation struct {
	sbin   string // RabbitMQ's own programs, not those of a package, which change the user
	epmd   string
	erlang string // the directory of an Erlang that is not where it believes to be; empty for the system's
}

// own is where Debian has RabbitMQ's own programs.
const own = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"

// locate finds an installation, or makes one.
func locate(ctx context.Context) (installation, error) {
	if i, err := installed(); err == nil {
		return i, nil
	}
	root, err := debian.Fetch(ctx, "rabbitmq-server")
	if err != nil {
		return installation{}, fmt.Errorf("rabbit: there is no RabbitMQ: %w", err)
	}
	i := installation{erlang: root.Path("usr/lib/erlang")}
	if i.sbin, err = only(root.Dir, own); err != nil {
		return i, err
	}
	i.epmd, err = only(i.erlang, "erts-*/bin/epmd")
	return i, err
}

// installed is what the machine has.
func installed() (installation, error) {
	server, err := exec.LookPath("rabbitmq-server")
	if err != nil {
		return installation{}, err
	}
	if server, err = filepath.EvalSymlinks(server); err != nil {
		return installation{}, err
	}
	i := installation{sbin: filepath.Dir(server)}
	if dir, err := only("/", own); err == nil {
		i.sbin = dir
	}
	i.epmd, err = exec.LookPath("epmd")
	return i, err
}

// only is the one file that a pattern below a directory matches.
func only(dir, pattern string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("rabbit: %d files are %s below %s, not one", len(found), pattern, dir)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// prepare makes a directory for programs, and returns the PATH with it. An unpacked
// Erlang's own script looks for it where it would be installed.
func (i installation) prepare(dir string) (path string, err error) {
	path = os.Getenv("PATH")
	if i.erlang == "" {
		return path, nil
	}
	erl := fmt.Sprintf("#!/bin/sh\nROOTDIR='%s' BINDIR='%s' EMU=beam PROGNAME=erl\nexport ROOTDIR BINDIR EMU PROGNAME\nexec \"$BINDIR/erlexec\" \"$@\"\n",
		i.erlang, filepath.Dir(i.epmd))
	err = errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "erl"), []byte(erl), 0o700))
	return strings.Join([]string{dir, path}, string(filepath.ListSeparator)), err
}
