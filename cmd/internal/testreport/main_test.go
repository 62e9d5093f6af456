package main

import (
	"strings"
	"testing"
)

func TestReportSaysWhatWasLeftOutAndWhy(t *testing.T) {
	r := newReport()
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
	var out strings.Builder
	r.summary(&out)
	want := "1 tests ran, 0 failed, 1 left out\n  left out: p TestA: a_test.go:3: needs a broker\n"
	if out.String() != want {
		t.Errorf("summary:\n%s\nwant:\n%s", out.String(), want)
	}
}
