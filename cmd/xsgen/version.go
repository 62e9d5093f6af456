package main

import (
	"flag"
	"runtime"
	"runtime/debug"
)

var versionVerb = verb{name: "version", short: "print the version of xsgen and of the Go that built it", run: (*app).version}

func (a *app) version(fs *flag.FlagSet, args []string) (int, error) {
	args, err := parse(fs, args)
	if err != nil {
		return 0, err
	}
	if len(args) > 0 {
		a.complain("version takes no arguments")
		return 0, errUsage
	}
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, d := range info.Deps { // as `go tool xsgen` in another module
			if d.Path == "github.com/xsgen/xsgen" {
				version = d.Version
			}
		}
	}
	a.printf("xsgen %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK, nil
}
