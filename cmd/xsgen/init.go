package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/xsgen/xsgen/templates"
)

var initVerb = verb{
	name: "init", args: "[dir]", short: "begin a module with two machines, a topology and a program",
	long: `Writes a module into a directory, which is made if it is not there (default: the
current one): two small machines, a topology that joins them, a program that runs
in one process without any server, and its test; and generates their packages.
Nothing is overwritten: if one of the files is there already, nothing is written.
`,
	run: (*app).init,
}

const xsgenModule = "github.com/xsgen/xsgen"

// modulePath is what go.mod may call a module, as far as it matters to what is written.
var modulePath = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~/-]*$`)

func (a *app) init(flags *flag.FlagSet, args []string) (int, error) {
	module := flags.String("module", "", "the module's `path`; default: the name of the directory")
	args, err := parse(flags, args)
	if err != nil {
		return 0, err
	}
	dir := "."
	switch len(args) {
	case 0:
	case 1:
		dir = args[0]
	default:
		a.complain("init takes one directory")
		return 0, errUsage
	}
	if *module == "" {
		full, err := filepath.Abs(dir)
		if err != nil {
			return 0, err
		}
		*module = filepath.Base(full)
	}
	if !modulePath.MatchString(*module) {
		a.complain("%q cannot be a module's path; say it by -module", *module)
		return 0, errUsage
	}
	version := xsgenVersion()
	if err := a.scaffold(dir, *module, version); err != nil {
		return 0, err
	}
	if code, err := a.generateOnce([]string{dir}, generateOptions{quiet: true}); err != nil || code != exitOK {
		return code, err
	}
	a.printf("\nNow, in %s:\n\n", dir)
	if version == "" {
		a.printf("  go get %s\n", xsgenModule)
	}
	a.printf("  go mod tidy\n  go run .\n  go test .\n")
	return exitOK, nil
}

// xsgenVersion is the released version that this command is of; empty for another.
func xsgenVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	version := info.Main.Version
	for _, d := range info.Deps {
		if d.Path == xsgenModule && d.Replace == nil {
			version = d.Version
		}
	}
	if !strings.HasPrefix(version, "v") || strings.Contains(version, "+") {
		return ""
	}
	return version
}

// scaffold writes the files of a new module, if none of them is there.
func (a *app) scaffold(dir, module, version string) error {
	require := ""
	if version != "" {
		require = "\nrequire " + xsgenModule + " " + version + "\n"
	}
	fill := strings.NewReplacer("MODULE", module, "REQUIRE\n", require)
	sub, err := fs.Sub(templates.Init, "init")
	if err != nil {
		return err
	}
	list, err := fs.ReadDir(sub, ".")
	if err != nil {
		return err
	}
	for _, e := range list {
		name := filepath.Join(dir, strings.TrimSuffix(e.Name(), ".txt"))
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("%s is there already: nothing was written", name), err)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, e := range list {
		text, err := fs.ReadFile(sub, e.Name())
		if err != nil {
			return err
		}
		name := filepath.Join(dir, strings.TrimSuffix(e.Name(), ".txt"))
		if err := os.WriteFile(name, []byte(fill.Replace(string(text))), 0o666); err != nil {
			return err
		}
		a.printf("wrote %s\n", filepath.ToSlash(name))
	}
	return nil
}
