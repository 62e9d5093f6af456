package golang

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// semanticRule is a row of the table of docs/semantics.md.
type semanticRule struct{ name, text, section, xstate string }

// ruleRow matches such a row.
var ruleRow = regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\|$")

func semanticRules(t testing.TB) []semanticRule {
	t.Helper()
	doc, err := os.ReadFile("../../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	var rules []semanticRule
	for _, m := range ruleRow.FindAllStringSubmatch(string(doc), -1) {
		rules = append(rules, semanticRule{m[1], m[2], m[3], m[4]})
	}
	return rules
}

// TestSemantics holds the table of rules and the conformance cases together.
func TestSemantics(t *testing.T) {
	rules := semanticRules(t)
	cases := map[string]int{}
	for _, c := range conformanceCases(t) {
		for _, r := range c.rules {
			cases[r]++
		}
		if !strings.HasPrefix(c.name, c.rules[0]+"-") {
			t.Errorf("the case %s is not named after its first rule, %s", c.name, c.rules[0])
		}
	}
	known := map[string]bool{}
	section := regexp.MustCompile(`^(SPEC|\d+(\.\d+)*|D)(, (SPEC|\d+(\.\d+)*|D))*$`)
	for _, r := range rules {
		switch {
		case known[r.name]:
			t.Errorf("the rule %s is in the table twice", r.name)
		case cases[r.name] == 0:
			t.Errorf("the rule %s has no case", r.name)
		case !section.MatchString(r.section):
			t.Errorf("the rule %s has the section %q", r.name, r.section)
		}
		known[r.name] = true
	}
	for r, n := range cases {
		if !known[r] {
			t.Errorf("%d cases are of the rule %s, which docs/semantics.md does not have", n, r)
		}
	}
	if len(rules) < 70 {
		t.Errorf("only %d rules were found", len(rules))
	}
}
