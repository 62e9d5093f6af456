//go:build proofs

package golang

import (
	"fmt"
	"io"
	"os"
	"testing"
)

// TestConformanceTable prints how many cases each rule has, and how many of them
// pass.
func TestConformanceTable(t *testing.T) {
	cases := conformanceCases(t)
	printConformance(os.Stdout, semanticRules(t), cases, runConformance(t, cases))
}

func printConformance(w io.Writer, rules []semanticRule, cases []conformanceCase, faults []string) {
	total, passed := map[string]int{}, map[string]int{}
	failed := 0
	for i, c := range cases {
		for _, r := range c.rules {
			total[r]++
			if faults[i] == "" {
				passed[r]++
			}
		}
		if faults[i] != "" {
			failed++
		}
	}
	fmt.Fprintf(w, "| rule | SCXML | cases | passed |\n|---|---|---|---|\n")
	for _, r := range rules {
		fmt.Fprintf(w, "| %s | %s | %d | %d |\n", r.name, r.section, total[r.name], passed[r.name])
	}
	fmt.Fprintf(w, "\n%d rules, %d cases, %d passed, %d failed\n", len(rules), len(cases), len(cases)-failed, failed)
}
