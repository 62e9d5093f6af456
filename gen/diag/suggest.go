package diag

import (
	"iter"
	"strings"
)

// maxWork bounds what one list spends on finding similar names, in steps of a few
// nanoseconds: whoever has thousands of mistakes gets hints for the first ones.
const maxWork = 20_000_000

// Suggest returns a hint that names the candidate nearest to what was written,
// or the empty string where none is near.
func (l *List) Suggest(written string, candidates iter.Seq[string]) string {
	if l.work > maxWork {
		return ""
	}
	written = lower(written)
	best, dist := "", 1+max(2, len(written)/3)
	for c := range candidates {
		l.work += 5 + len(written)*len(c)
		if d := distance(written, lower(c), dist); d < dist && d < max(len(c), 2) {
			best, dist = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean `" + best + "`?"
}

// lower cuts a name that is too long to be compared, too.
func lower(s string) string { return strings.ToLower(s[:min(len(s), maxCompared+1)]) }

const maxCompared = 256

// distance is the optimal string alignment distance of a and b (insertions,
// deletions, substitutions and transpositions of neighbours), cut off at limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > maxCompared || len(b) > maxCompared {
		return limit
	}
	before := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
