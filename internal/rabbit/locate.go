package rabbit

import (
	"context"
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
	suite  bool   // it is of another release of Debian, and needs that one's libraries
	root   debian.Root
}

// own is where Debian has RabbitMQ's own programs.
const own = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"

// SuiteKey is in the environment where RabbitMQ is to be the one of a release of Debian, whatever
// the system is and has: that of trixie is 4.0, and that of bookworm 3.10.
const SuiteKey = "XSGEN_RABBITMQ_SUITE"

// locate finds an installation, or makes one.
func locate(ctx context.Context) (installation, error) {
	suite := os.Getenv(SuiteKey)
	if i, err := installed(); err == nil && suite == "" {
		return i, nil
	}
	i, err := installation{suite: suite != ""}, error(nil)
	if i.suite {
		i.root, err = debian.FetchSuite(ctx, suite, "rabbitmq-server")
	} else {
		i.root, err = debian.Fetch(ctx, "rabbitmq-server")
	}
	if err != nil {
		return installation{}, fmt.Errorf("rabbit: there is no RabbitMQ: %w", err)
	}
	root := i.root
	i.erlang = root.Path("usr/lib/erlang")
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
func (i *installation) prepare(dir string) (path string, err error) {
	path = os.Getenv("PATH")
	if i.erlang == "" {
		return path, nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if i.suite {
		if err := i.wrap(dir); err != nil {
			return "", err
		}
	}
	erl := fmt.Sprintf("#!/bin/sh\nROOTDIR='%s' BINDIR='%s' EMU=beam PROGNAME=erl\nexport ROOTDIR BINDIR EMU PROGNAME\nexec \"$BINDIR/erlexec\" \"$@\"\n",
		i.erlang, filepath.Dir(i.epmd))
	err = os.WriteFile(filepath.Join(dir, "erl"), []byte(erl), 0o700)
	return strings.Join([]string{dir, path}, string(filepath.ListSeparator)), err
}

// wrap has Erlang's programs run with the libraries that they were built for.
func (i *installation) wrap(dir string) error {
	programs, err := filepath.Glob(filepath.Join(filepath.Dir(i.epmd), "*"))
	for _, p := range programs {
		if err == nil {
			_, err = i.root.Wrap(dir, p)
		}
	}
	i.epmd = filepath.Join(dir, "epmd")
	return err
}
