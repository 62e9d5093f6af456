package topic_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xsgen/xsgen/runtime/topic"
)

func TestNames(t *testing.T) {
	good := []string{"a", "state.order.placed-awaiting", "state.order.k%20x.closed", "A_1", strings.Repeat("x", 255)}
	for _, s := range good {
		if _, err := topic.Parse(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	bad := []string{"", ".", "a.", ".a", "a..b", "a b", "a.+", "a.*", "#", "a%2", "a%2g", "a%2f", "a%41", "ä"}
	for _, s := range bad {
		if _, err := topic.Parse(s); !errors.Is(err, topic.ErrInvalidName) {
			t.Errorf("%q: %v, want ErrInvalidName", s, err)
		}
	}
	if _, err := topic.Parse(strings.Repeat("x", 256)); !errors.Is(err, topic.ErrTooLong) {
		t.Errorf("a long name: %v, want ErrTooLong", err)
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no string
	}{
		{"state.*", "state.order.idle state.x state.a.b.c", "state event.order"},
		{"state.order.*", "state.order.idle state.order.placed.awaiting", "state.order state.other.idle"},
		{"*.order.*", "state.order.idle event.order.submit emit.order.a.b", "state.order order.x state.other.x"},
		{"state.+.idle", "state.order.idle", "state.idle state.a.b.idle"},
		{"error.#", "error error.order error.order.dead", "errors state.error"},
		{"#", "a a.b a.b.c", ""},
		{"*", "a a.b a.b.c", ""},
		{"+", "a", "a.b"},
		{"#.closed", "closed a.closed a.b.closed", "closed.a a.closed.b"},
		{"a.#.b.#.c", "a.b.c a.x.b.c a.b.b.c a.x.b.y.z.c", "a.c a.b a.b.c.d"},
		{"#.a.#", "a a.a.a b.a.c", "b b.c"},
		{"a.*.c", "a.b.c", "a.c a.b.b.c"},
		{"+.#", "a a.b", ""},
		{"*.#.b", "a.b a.x.b", "b"},
	} {
		p := topic.MustPattern(tt.pattern)
		for _, n := range strings.Fields(tt.yes) {
			if !p.Match(topic.Name(n)) {
				t.Errorf("%s should match %s", p, n)
			}
		}
		for _, n := range strings.Fields(tt.no) {
			if p.Match(topic.Name(n)) {
				t.Errorf("%s should not match %s", p, n)
			}
		}
	}
	for _, s := range []string{"", "a.", "a+", "#a", "a.**", "a b"} {
		if _, err := topic.ParsePattern(s); !errors.Is(err, topic.ErrInvalidPattern) {
			t.Errorf("%q: %v, want ErrInvalidPattern", s, err)
		}
	}
	n, p := topic.Name("state.order.k42.placed.awaiting"), topic.Pattern("state.#.awaiting")
	if a := testing.AllocsPerRun(100, func() { p.Match(n) }); a != 0 {
		t.Errorf("Match allocates %v times", a)
	}
}

func TestFamily(t *testing.T) {
	f := topic.MustFamily("state.order", "placed.awaiting")
	for _, key := range []string{"k42", "a b", "ä.b", "%", "\x00\xff", "+", strings.Repeat("k", 200)} {
		n, err := f.Of(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := topic.Parse(string(n)); err != nil {
			t.Errorf("key %q gives an invalid name: %v", key, err)
		}
		if got, ok := f.Key(n); !ok || got != key {
			t.Errorf("Key(%s) = %q, %v, want %q", n, got, ok, key)
		}
		if !f.Pattern().Match(n) {
			t.Errorf("%s does not match %s", f.Pattern(), n)
		}
	}
	if _, err := f.Of(""); !errors.Is(err, topic.ErrInvalidKey) {
		t.Errorf("an empty key: %v", err)
	}
	for _, key := range []string{strings.Repeat("k", 240), strings.Repeat(" ", 100)} {
		if _, err := f.Of(key); !errors.Is(err, topic.ErrTooLong) {
			t.Errorf("a key of %d bytes: %v", len(key), err)
		}
	}
	for _, n := range []topic.Name{"state.order.placed.awaiting", "state.order.a.b.placed.awaiting", "event.order.k.placed.awaiting"} {
		if k, ok := f.Key(n); ok {
			t.Errorf("Key(%s) = %q, want none", n, k)
		}
	}
}

// brute is the grammar as the contract words it, by trying everything.
func brute(pat, name []string) bool {
	if len(pat) == 0 {
		return len(name) == 0
	}
	switch {
	case pat[0] == "#":
		return brute(pat[1:], name) || len(name) > 0 && brute(pat, name[1:])
	case len(name) == 0:
		return false
	case pat[0] == "*" && len(pat) == 1:
		return true
	case pat[0] == "+" || pat[0] == "*" || pat[0] == name[0]:
		return brute(pat[1:], name[1:])
	}
	return false
}

func matches(p topic.Pattern, n topic.Name) bool {
	return brute(strings.Split(string(p), "."), strings.Split(string(n), "."))
}

func randomPattern(r *rand.Rand, words ...string) string {
	segs := make([]string, 1+r.IntN(5))
	for i := range segs {
		segs[i] = words[r.IntN(len(words))]
	}
	return strings.Join(segs, ".")
}

func TestAgainstBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		checkIndex(t, r)
	}
}

// checkIndex compares Match, the index and Overlaps with brute force over
// random patterns and names, and the index again after removing half.
func checkIndex(t *testing.T, r *rand.Rand) {
	t.Helper()
	var trie topic.Trie[int]
	var patterns []topic.Pattern
	for i := range 12 {
		p := topic.MustPattern(randomPattern(r, "a", "b", "+", "*", "#"))
		patterns = append(patterns, p)
		trie.Add(p, i)
	}
	var names []topic.Name
	for range 12 {
		names = append(names, topic.Name(randomPattern(r, "a", "b", "c")))
	}
	compare := func() {
		for _, n := range names {
			var want []int
			for i, p := range patterns {
				m := p != "" && matches(p, n)
				if p != "" && p.Match(n) != m {
					t.Fatalf("%s.Match(%s) = %v", p, n, !m)
				}
				if m {
					want = append(want, i)
				}
			}
			got := trie.Match(n, nil)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("index gives %v for %s, brute force %v, patterns %v", got, n, want, patterns)
			}
		}
	}
	compare()
	checkOverlaps(t, patterns)
	for i := range patterns {
		if i%2 == 0 {
			if !trie.Remove(patterns[i], i) {
				t.Fatalf("%s was not found", patterns[i])
			}
			patterns[i] = ""
		}
	}
	compare()
	if trie.Len() != len(patterns)/2 {
		t.Fatalf("Len is %d", trie.Len())
	}
}

func checkOverlaps(t *testing.T, patterns []topic.Pattern) {
	t.Helper()
	for _, p := range patterns {
		for _, q := range patterns {
			w, ok := p.Witness(q)
			if ok && !(matches(p, w) && matches(q, w)) {
				t.Fatalf("%s is no witness for %s and %s", w, p, q)
			}
			if !ok && bruteOverlap(p, q) {
				t.Fatalf("%s and %s overlap, and no witness was found", p, q)
			}
		}
	}
}

// bruteOverlap tries all short names over the patterns' alphabet.
func bruteOverlap(p, q topic.Pattern) bool {
	var try func(prefix []string) bool
	try = func(prefix []string) bool {
		if len(prefix) > 0 {
			n := topic.Name(strings.Join(prefix, "."))
			if p.Match(n) && q.Match(n) {
				return true
			}
		}
		if len(prefix) == 5 {
			return false
		}
		for _, w := range []string{"a", "b"} {
			if try(append(prefix[:len(prefix):len(prefix)], w)) {
				return true
			}
		}
		return false
	}
	return try(nil)
}

func FuzzPattern(f *testing.F) {
	f.Add("state.*", "state.order.idle")
	f.Add("a.#.b", "a.b")
	f.Add("#.%20.+", "x.%20.y")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p, err := topic.ParsePattern(pattern)
		if err != nil {
			return
		}
		n, err := topic.Parse(name)
		if err != nil || len(name) > 40 || strings.Count(pattern, "#") > 5 {
			return
		}
		want := matches(p, n)
		if got := p.Match(n); got != want {
			t.Errorf("%q.Match(%q) = %v", p, n, got)
		}
		var trie topic.Trie[int]
		trie.Add(p, 1)
		if got := len(trie.Match(n, nil)); (got == 1) != want || got > 1 {
			t.Errorf("the index gives %d values for %q under %q", got, n, p)
		}
		if want && !p.Overlaps(topic.Pattern(n)) {
			t.Errorf("%q matches %q and does not overlap it", p, n)
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkIndex(t, rand.New(rand.NewPCG(seed, seed))) })
}

// TestManyValuesOfAPattern come and go in any order, each as often as it was added.
func TestManyValuesOfAPattern(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var trie topic.Trie[int]
	times := map[int]int{}
	for range 20_000 {
		v := r.IntN(100)
		if r.IntN(2) == 0 {
			trie.Add("a.*", v)
			times[v]++
		} else {
			if removed := trie.Remove("a.*", v); removed != (times[v] > 0) {
				t.Fatalf("removed is %v, and %d was there %d times", removed, v, times[v])
			}
			times[v] = max(times[v]-1, 0)
		}
		if r.IntN(300) == 0 {
			for v, n := range times {
				for ; n > 0; n-- {
					trie.Remove("a.*", v)
				}
			}
			clear(times)
		}
		var want []int
		all := 0
		for v, n := range times {
			if all += n; n > 0 {
				want = append(want, v)
			}
		}
		slices.Sort(want)
		if got := slices.Sorted(slices.Values(trie.Match("a.b", nil))); !slices.Equal(got, want) || trie.Len() != all {
			t.Fatalf("%d values, %v; want %d, %v", trie.Len(), got, all, want)
		}
	}
}

// BenchmarkRemove removes values of one pattern, as those of a process that has gone: the time for
// each is the same however many there are.
func BenchmarkRemove(b *testing.B) {
	for _, n := range []int{10, 1_000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			values := rand.New(rand.NewPCG(7, 8)).Perm(n)
			var index topic.Index[int]
			for i := 0; b.Loop(); i++ {
				if i%n == 0 {
					for v := range n {
						index.Add("a.b", v)
					}
				}
				index.Remove("a.b", values[i%n])
			}
		})
	}
}
