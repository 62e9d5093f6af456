package debian

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// FetchSuite is Fetch for packages of another release of Debian than the system's, such as
// trixie, which the system's mirror has as well. With them comes all that they depend on, the C
// library too, since the system's may be too old: their programs are started by Wrap.
func FetchSuite(ctx context.Context, suite string, packages ...string) (Root, error) {
	r, err := fetchSuite(ctx, suite, packages)
	if err != nil {
		return Root{}, fmt.Errorf("%w: %s of %s: %w", ErrUnavailable, strings.Join(packages, ", "), suite, err)
	}
	return r, nil
}

func fetchSuite(ctx context.Context, suite string, packages []string) (Root, error) {
	c, err := openCache()
	if err != nil {
		return Root{}, err
	}
	own := cache{filepath.Join(c.dir, suite)}
	options, err := own.sources(ctx, suite)
	if err != nil {
		return Root{}, err
	}
	if r, err := c.root(ctx, own.own(options), packages); err == nil {
		return r, nil // with the lists of the last time
	}
	a, err := own.update(ctx, options)
	if err != nil {
		return Root{}, err
	}
	return c.root(ctx, a, packages)
}

// sources writes the files by which apt-get knows of a suite, and of no package that would be
// installed.
func (c cache) sources(ctx context.Context, suite string) (options []string, err error) {
	mirror, err := mirror(ctx)
	if err != nil {
		return nil, err
	}
	from := "deb "
	if keys := "/usr/share/keyrings/debian-archive-keyring.gpg"; exists(keys) {
		from += "[signed-by=" + keys + "] "
	}
	list, none := filepath.Join(c.dir, "sources.list"), filepath.Join(c.dir, "status")
	err = errors.Join(
		os.MkdirAll(c.dir, 0o755),
		os.WriteFile(list, []byte(from+mirror+" "+suite+" main\n"), 0o644),
		os.WriteFile(none, nil, 0o644),
	)
	return []string{"-o", "Dir::Etc::SourceList=" + list, "-o", "Dir::Etc::SourceParts=-", "-o", "Dir::State::Status=" + none}, err
}

// mirror is where the system gets Debian's packages from.
func mirror(ctx context.Context) (string, error) {
	out, err := apt{}.run(ctx, "", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main")
	if err != nil {
		return "", err
	}
	for _, text := range strings.Fields(string(out)) {
		if u, err := url.Parse(text); err == nil && strings.HasSuffix(u.Path, "/debian/") {
			return text, nil
		}
	}
	return "", errors.New("the system has no mirror of Debian")
}

// Wrap makes a script in a directory that starts a program of the root with the root's own C
// library, and returns its path.
func (r Root) Wrap(dir, program string) (string, error) {
	loaders, err := filepath.Glob(filepath.Join(r.Dir, "usr/lib*/ld-linux*.so.*"))
	if err != nil || len(loaders) == 0 {
		return "", errors.Join(err, fmt.Errorf("debian: no loader of programs is below %s", r.Dir))
	}
	libs := strings.Join(r.each("usr/lib/*-linux-*"), ":")
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' --library-path '%s' '%s' \"$@\"\n", loaders[0], libs, program)
	path := filepath.Join(dir, filepath.Base(program))
	return path, os.WriteFile(path, []byte(script), 0o700)
}
