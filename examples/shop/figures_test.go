package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestFigures prints what docs/performance.md says of locations, as a table: how long it takes
// from an order that is placed until its shipment is seen, if there is no other one under way, in
// the median and of 99 in 100, and how many orders pass in a second. XSGEN_FIGURES is how often
// each is measured, in turns; medians of those count. Each order's way leads there and back, twice.
// For the locations within a process all nodes run in one, or a socket to the depot's screen would
// be in the figure.
func TestFigures(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("XSGEN_FIGURES"))
	if rounds < 1 {
		return
	}
	xsgen := generator(t)
	stages := make([]*stage, len(places))
	for i, p := range places {
		stages[i] = newStage(t, p, p)
		stages[i].build(t, xsgen)
	}
	seen := make([]measured, len(places))
	begun := time.Now()
	for range rounds {
		for i, p := range places {
			run := stages[i].apart
			if p.inProcess() {
				run = stages[i].together
			}
			seen[i].add(t, run(t, "-orders", "300", "-at-once", "1"), run(t, "-orders", "3000"))
		}
	}
	t.Logf("%d rounds in %v", rounds, time.Since(begun).Round(time.Second))
	for i, p := range places {
		f := &seen[i]
		t.Logf("| %s | %s | %s | %s |", p, show(f.median, 2), show(f.late, 2), show(f.rate, 0))
	}
}

// measured are the figures of one location, of each round: times in milliseconds, and orders in a second.
type measured struct{ median, late, rate []float64 }

// said is what the program says of an order's time, and of how many there were.
var said = regexp.MustCompile(`(\d+) in a second; from placed to the shipment seen (\S+) in the median, (\S+) of 99 in 100`)

func (f *measured) add(t *testing.T, alone, many *proc) {
	t.Helper()
	one, all := said.FindStringSubmatch(alone.errs.String()), said.FindStringSubmatch(many.errs.String())
	if one == nil || all == nil {
		t.Fatalf("no figures in %q, %q", alone.errs.String(), many.errs.String())
	}
	millis := func(text string) float64 {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		return float64(d) / float64(time.Millisecond)
	}
	rate, err := strconv.ParseFloat(all[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	f.median, f.late, f.rate = append(f.median, millis(one[2])), append(f.late, millis(one[3])), append(f.rate, rate)
}

// show is the median of all rounds, and what it was in each.
func show(list []float64, digits int) string {
	text := func(x float64) string { return strconv.FormatFloat(x, 'f', digits, 64) }
	var all []string
	for _, x := range list {
		all = append(all, text(x))
	}
	slices.Sort(list)
	return fmt.Sprintf("%s (%s)", text(list[len(list)/2]), strings.Join(all, " "))
}
