package main

import (
	"strings"
	"testing"
)

func TestReportSaysWhatWasLeftOutAndWhy(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	events := `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: needs a broker\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p"}
`
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	r.summary()
	want := "1 tests ran, 0 failed, 1 left out\n  left out: p TestA: a_test.go:3: needs a broker\n"
	if out.String() != want {
		t.Errorf("summary:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestReportSaysWhatWasRunningWhenAPackageFailed(t *testing.T) {
	var out strings.Builder
	events := `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out\n"}
{"Action":"output","Package":"q","Test":"TestB","Output":"of another package\n"}
{"Action":"fail","Package":"p"}
`
	if err := newReport(&out).read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	if out.String() != "panic: test timed out\n" {
		t.Errorf("it printed %q", out.String())
	}
}
